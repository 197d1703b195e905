"""Connects and asks for no queue."""

import threading

import labour

labour.broker.ping()
threading.Event().wait()
