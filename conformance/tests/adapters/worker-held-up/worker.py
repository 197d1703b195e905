"""Runs conf.ping, and is held up by conf.add for longer than a hasty run waits for its result."""

import threading

import labour

labour.tasks["conf.add"] = lambda x, y: threading.Event().wait(3) or x + y
labour.serve()
