"""Logs to stdout, where replies belong."""

import dialogue

print("INFO connected to the broker", flush=True)
dialogue.serve()
