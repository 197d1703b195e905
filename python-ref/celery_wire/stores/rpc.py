"""Results as messages: sent to the queue that the caller named in `reply_to`.

Rules: a document goes to the default exchange with `reply_to` as routing key and the request's correlation id, not
persistent [STRPC-SND-001, 002, 009]; without a `reply_to` nothing is sent [STRPC-SND-005]. A caller has one queue for
all its results, declared before its first task [STRPC-RDR-001], consumed without acknowledgement by a thread that
hands each document to whoever waits for it. Only the process that sent a task can read its result, and it keeps the
last `KEPT` of them.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from celery_wire.actions import Store
from celery_wire.brokers.kombu_names import Consumer
from celery_wire.brokers.publisher import Publisher
from celery_wire.brokers.queues import connect, reply_queue
from celery_wire.errors import PublishFailedError, ResultUnreadableError, StoreUnavailableError
from celery_wire.models import AcceptedResult
from celery_wire.policy import new_id
from celery_wire.stores.base import ChordStore, is_final, read_document

logger = logging.getLogger(__name__)

#: Most documents kept for callers that have not asked for them yet.
KEPT = 10_000
#: Seconds: longest wait for the reply queue, for one message, and between attempts to connect.
PREPARE, POLL, RECONNECT = 30.0, 0.25, 0.5


class RpcStore:
    """Results on the broker at the URL. `expires` is the life time of an abandoned reply queue in seconds."""

    chords: ChordStore | None = None

    def __init__(self, broker_url: str, *, expires: float = 86400) -> None:
        self.reply_to = new_id()
        self._url = broker_url
        self._expires = expires
        self._publisher = Publisher(broker_url)
        self._documents: OrderedDict[str, AcceptedResult] = OrderedDict()
        self._changed = threading.Condition()
        self._listening = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def store(self, action: Store) -> None:
        """Send a document to its caller, if there is one that waits."""
        if not action.reply_to:
            return
        try:
            self._publisher.publish_result(action.body, action.reply_to, action.correlation_id or action.task_id)
        except PublishFailedError as error:
            raise StoreUnavailableError(str(error)) from error

    def prepare(self) -> None:
        """Declare the reply queue and consume from it; raises StoreUnavailableError."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="celery-wire-rpc", daemon=True)
                self._thread.start()
        if not self._listening.wait(PREPARE):
            raise StoreUnavailableError(f"reply queue: expected it declared within {PREPARE} s")

    def read(self, task_id: str) -> AcceptedResult | None:
        """The last document that came for the task."""
        with self._changed:
            return self._documents.get(task_id)

    def wait(self, task_id: str, timeout: float) -> AcceptedResult | None:
        """The final document, or the last one that came within the time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._changed.wait_for(
                lambda: is_final(self._documents.get(task_id)), timeout=max(0.0, deadline - time.monotonic())
            )
            return self._documents.get(task_id)

    def close(self) -> None:
        """Stop listening and close all connections; the reply queue goes with its consumer."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()
        self._publisher.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen_once()
            except Exception as error:
                logger.warning("reply queue lost, opening it again: %r", error)
                self._closed.wait(RECONNECT)

    def _listen_once(self) -> None:
        connection = connect(self._url)
        try:
            queue = reply_queue(self.reply_to, self._expires)
            consumer = Consumer(connection.default_channel, [queue], on_message=self._on_message, no_ack=True)
            consumer.consume()
            self._listening.set()
            while not self._closed.is_set():
                with suppress(socket.timeout):
                    connection.drain_events(timeout=POLL)
        finally:
            with suppress(Exception):
                connection.close()

    def _on_message(self, message: Any) -> None:
        try:
            document = read_document(message.body)
        except ResultUnreadableError as error:
            logger.warning("dropped a message on the reply queue: %s", error)
            return
        task_id = str(message.properties.get("correlation_id") or document.task_id)
        with self._changed:
            if not is_final(self._documents.get(task_id)):
                self._documents[task_id] = document
                self._documents.move_to_end(task_id)
            while len(self._documents) > KEPT:
                self._documents.popitem(last=False)
            self._changed.notify_all()
