"""Runs conf.ping, and at conf.add stops taking messages without ending."""

import threading

import labour

labour.tasks["conf.add"] = lambda x, y: threading.Event().wait()
labour.serve()
