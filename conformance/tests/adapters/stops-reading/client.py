"""Is honest until the first send, then reads no further."""

import time

import dialogue

dialogue.verbs["send"] = lambda number, request: time.sleep(600)
dialogue.serve()
