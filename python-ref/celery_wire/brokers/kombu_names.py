"""The names of kombu that the shells use, in one place.

Why: kombu says that it is typed, but nearly all of its functions have no types, so a strict type checker objects to
every call of them. Here they are Any; what the shells themselves promise is typed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_kombu: Any = import_module("kombu")

Connection: Any = _kombu.Connection
Consumer: Any = _kombu.Consumer
Exchange: Any = _kombu.Exchange
Queue: Any = _kombu.Queue
Hub: Any = import_module("kombu.asynchronous").Hub
QoS: Any = import_module("kombu.common").QoS
ProducerPool: Any = import_module("kombu.pools").ProducerPool
KombuError: Any = import_module("kombu.exceptions").KombuError
bytes_to_str: Any = import_module("kombu.utils.encoding").bytes_to_str
VirtualTransport: Any = import_module("kombu.transport.virtual").Transport
kombu_compression: Any = import_module("kombu.compression")
