"""Queues as Celery declares them, and connections as all shells open them.

Rules: a queue is durable and bound to a direct, durable exchange of its own name with its name as routing key, so that
it may be declared by a Celery producer, a Celery worker and this one in any order. Declaring twice is harmless.
"""

from __future__ import annotations

from typing import Any

from celery_wire.brokers.kombu_names import Connection, Exchange, Queue


def task_queue(name: str) -> Any:
    """The queue of that name, as Celery makes it on the fly."""
    return Queue(name, Exchange(name, type="direct", durable=True), routing_key=name, durable=True)


def reply_queue(name: str, expires: float) -> Any:
    """The queue on which a caller waits for results sent as messages; `expires` is seconds without a consumer."""
    return Queue(name, Exchange(""), routing_key=name, durable=True, auto_delete=True, expires=expires)


def connect(url: str, **options: Any) -> Any:
    """A connection to the broker at the URL, opened; raises what the client library raises."""
    connection = Connection(url, **options)
    # At once, and twice at most: whoever needs patience brings it.
    connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, reraise_as_library_errors=False)
    return connection
