"""How messages enter: consuming through kombu, from whatever broker the URL names.

Rules:

- One thread, that of `run`, touches the connection: it receives, acknowledges, rejects and keeps the timers. Other
  threads hand it work with `post`.
- A message is handed on with its body as it came: kombu undoes the envelope and the compression, nothing more.
- What is no message at all (a broken envelope) is dropped with a line in the log [REDIS-BAD-006]; a lost connection is
  opened again for as long as it takes. Neither ends the thread.
- On AMQP a lost connection gives all unacknowledged messages back, so what was held is forgotten (`on_lost`).
  Elsewhere a message stays acknowledgeable after the connection was lost, so what was held is kept.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from celery_wire.brokers.kombu_names import Consumer as KombuConsumer
from celery_wire.brokers.kombu_names import Hub, QoS
from celery_wire.brokers.kombu_ways import (
    bound_decompression,
    close,
    delivery,
    guard_restoring,
    keeps_deliveries,
    losses,
    restore_options,
    stop_reading,
)
from celery_wire.brokers.queues import connect, task_queue
from celery_wire.codec import LIMITS
from celery_wire.message import Delivery

logger = logging.getLogger(__name__)

#: Seconds between heartbeats that an AMQP broker is asked for.
HEARTBEAT = 60
#: Seconds to wait for a message where the transport cannot be watched together with the work of other threads.
POLL = 0.1
#: Seconds between attempts to connect: the first, and the longest.
RECONNECT_FIRST, RECONNECT_LONGEST = 0.1, 5.0
#: Seconds to wait after a connection from which nothing could be consumed.
REFUSED = 1.0
#: Broken envelopes in a row after which the connection is opened anew, in case it is what is broken.
BROKEN_IN_A_ROW = 100


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """A delivery as the broker knows it; only for the consumer that made it."""

    message: Any
    connection: Any


@dataclass(frozen=True, slots=True)
class _Hold:
    """A message that waits until a moment of the monotonic clock, and the QoS that was raised for it."""

    qos: Any
    until: float
    work: Callable[[], None]


class Receiver(Protocol):
    """Who gets the messages; all calls come from the consumer's thread."""

    def on_delivery(self, delivery: Delivery, handle: Handle) -> None:
        """A message has come in."""

    def on_lost(self) -> None:
        """All handles that were not settled are void: the broker delivers their messages again."""

    def is_busy(self) -> bool:
        """Whether handles are still going to be settled; stopping waits for that."""


class Consumer:
    """Receives the messages of some queues.

    prefetch: how many messages may be unacknowledged at a time. visibility_timeout: seconds after which Redis gives
    an unacknowledged message to another worker.
    """

    def __init__(
        self, url: str, queues: Sequence[str], receiver: Receiver, *, prefetch: int, visibility_timeout: float
    ) -> None:
        self.ready = threading.Event()
        self._url = url
        self._queues = [task_queue(name) for name in queues]
        self._receiver = receiver
        self._prefetch = prefetch
        self._options = {"visibility_timeout": visibility_timeout, **restore_options(visibility_timeout)}
        self._posted: deque[Callable[[], None]] = deque()
        self._stopping = threading.Event()
        self._hub = Hub()
        self._connection: Any = None
        self._earlier: list[Any] = []
        self._qos: Any = None
        self._held: dict[Handle, _Hold] = {}
        self._unsettled: set[Handle] = set()
        self._again: list[Callable[[], None]] = []
        self._broken = 0

    def run(self) -> None:
        """Consume until `stop`, then until the receiver is no longer busy, and give the rest back."""
        bound_decompression(LIMITS.size)
        while not self._stopping.is_set():
            connection = self._connected()
            if connection is None:
                break
            try:
                with self._consuming(connection) as consumer:
                    self._turn_until(self._stopping.is_set)
                    consumer.cancel()
                    self._turn_until(lambda: not self._receiver.is_busy())
            except Exception as error:
                logger.warning("connection to the broker lost: %r", error)
                self._lost(connection)
        self._close()

    def stop(self) -> None:
        """Make `run` return; from any thread."""
        self._stopping.set()
        self.post(lambda: None)

    def post(self, work: Callable[[], None]) -> None:
        """Have the consumer's thread do some work soon; from any thread."""
        self._posted.append(work)
        self._hub.call_soon(_wake)

    def hold(self, handle: Handle, seconds: float, work: Callable[[], None]) -> None:
        """Keep a message for some time, then do some work; only from the consumer's thread.

        One more message may be unacknowledged meanwhile. The work is not done when the message is lost before.
        """
        self._qos.increment_eventually()
        self._held[handle] = _Hold(self._qos, time.monotonic() + seconds, work)
        self._arm(handle)

    def acknowledge(self, handle: Handle) -> None:
        """Acknowledge a message; only from the consumer's thread."""
        self._settle(handle, handle.message.ack)

    def reject(self, handle: Handle, *, requeue: bool) -> None:
        """Refuse a message; only from the consumer's thread."""
        self._settle(handle, partial(handle.message.reject, requeue=requeue))

    def _connected(self) -> Any:
        """A new connection, however long it takes; None when stopped before."""
        pause = RECONNECT_FIRST
        while not self._stopping.is_set():
            try:
                return connect(self._url, heartbeat=HEARTBEAT, transport_options=self._options)
            except Exception as error:
                logger.warning("broker not reached, next try in %.1f s: %r", pause, error)
            self._stopping.wait(pause)
            pause = min(2 * pause, RECONNECT_LONGEST)
        return None

    @contextmanager
    def _consuming(self, connection: Any) -> Iterator[Any]:
        """A kombu consumer that hands messages to this one, with the timers that its connection needs."""
        hub, self._hub = self._hub, Hub()
        hub.close()
        self._connection = connection
        self._hub.propagate_errors = losses(connection)
        consumer = KombuConsumer(
            connection.default_channel,
            self._queues,
            on_message=self._on_message,
            on_decode_error=self._on_undecodable,
        )
        apply_global = not connection.qos_semantics_matches_spec
        self._qos = QoS(lambda prefetch_count: consumer.qos(0, prefetch_count, apply_global), self._prefetch)
        self._qos.update()
        guard_restoring(connection.default_channel, self._holds)
        self._watch(connection)
        self._tidy()
        for handle in self._held:
            self._arm(handle)
        consumer.consume()
        self.ready.set()
        yield consumer

    def _watch(self, connection: Any) -> None:
        """Have the event loop watch the connection, where the transport can be watched."""
        transport = connection.transport
        if transport.implements.asynchronous:
            transport.register_with_event_loop(connection.connection, self._hub)
            self._hub.call_soon(self._drain)
        interval = connection.get_heartbeat_interval()
        if interval:
            self._hub.call_repeatedly(interval / 2, connection.heartbeat_check)

    def _turn_until(self, done: Callable[[], bool]) -> None:
        while True:
            # Before the question, and before waiting for messages: posted work may be what is waited for.
            self._do_posted()
            if done():
                return
            try:
                self._turn()
            except losses(self._connection):
                raise
            except Exception:
                self._broken += 1
                logger.exception("dropped a message that is none")
                if self._broken >= BROKEN_IN_A_ROW:
                    self._broken = 0
                    raise ConnectionError("nothing but broken messages") from None

    def _turn(self) -> None:
        # Telling AMQP waits for an answer, and a message that comes in meanwhile may raise the prefetch again.
        while self._qos.value != self._qos.prev:
            self._qos.update()
        if self._connection.transport.implements.asynchronous:
            self._hub.run_once()
        else:
            self._hub.fire_timers()
            self._drain(POLL)

    def _drain(self, timeout: float = 0) -> None:
        with suppress(socket.timeout):
            self._connection.drain_events(timeout=timeout)

    def _do_posted(self) -> None:
        while self._posted:
            work = self._posted.popleft()
            try:
                work()
            except Exception:
                logger.exception("posted work failed")

    def _on_message(self, message: Any) -> None:
        self._broken = 0
        self._receiver.on_delivery(delivery(message), self._handle(message))

    def _on_undecodable(self, message: Any, error: Exception) -> None:
        self._receiver.on_delivery(delivery(message, fault=str(error)), self._handle(message))

    def _handle(self, message: Any) -> Handle:
        handle = Handle(message, self._connection)
        self._unsettled.add(handle)
        return handle

    def _holds(self, tag: Any) -> bool:
        return any(str(handle.message.delivery_tag) == tag for handle in self._unsettled)

    def _arm(self, handle: Handle) -> None:
        self._hub.call_later(max(0.0, self._held[handle].until - time.monotonic()), self._release, handle)

    def _release(self, handle: Handle) -> None:
        hold = self._held.pop(handle, None)
        if hold is not None:
            hold.qos.decrement_eventually()
            hold.work()

    def _settle(self, handle: Handle, settle: Callable[[], None]) -> None:
        try:
            settle()
        except Exception as error:
            logger.warning("message not settled, trying again when reconnected: %r", error)
            self._again.append(partial(self._settle_again, handle, settle))
        else:
            self._unsettled.discard(handle)

    def _settle_again(self, handle: Handle, settle: Callable[[], None]) -> None:
        """Settle what a lost connection left over; on AMQP that is in vain, and the broker delivers it again."""
        with suppress(Exception):
            settle()
        self._unsettled.discard(handle)

    def _tidy(self) -> None:
        """Finish with earlier connections as far as nothing unsettled came through them."""
        left, self._again = self._again, []
        for settle in left:
            settle()
        in_use = {id(handle.connection) for handle in self._unsettled}
        for connection in self._earlier:
            if id(connection) not in in_use:
                close(connection)
        self._earlier = [connection for connection in self._earlier if id(connection) in in_use]

    def _lost(self, connection: Any) -> None:
        if keeps_deliveries(connection):
            stop_reading(connection)
            self._earlier.append(connection)
        else:
            with suppress(Exception):
                connection.collect()
            self._held.clear()
            self._unsettled.clear()
            self._receiver.on_lost()
        # One that was never consumed from has failed for a reason that a moment's wait does not cure.
        self._stopping.wait(RECONNECT_FIRST if self.ready.is_set() else REFUSED)
        self.ready.clear()

    def _close(self) -> None:
        """Close all connections, which gives back what is unacknowledged."""
        self.ready.clear()
        for connection in filter(None, [*self._earlier, self._connection]):
            close(connection)
        self._hub.close()


def _wake() -> None:
    """Nothing: that it was posted ends the event loop's wait for messages."""
