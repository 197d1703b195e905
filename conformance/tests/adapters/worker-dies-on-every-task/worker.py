"""Ends at every message."""

import os

import labour

labour.run = lambda headers, body: os._exit(11)
labour.serve()
