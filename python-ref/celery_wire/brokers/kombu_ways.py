"""The ways of kombu's transports that the consumer has to know, in one place.

Rules: each function here stands for one thing that kombu does otherwise than a consumer would wish, or that differs
from transport to transport, and says which. The consumer itself knows no transport by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from celery_wire import compression
from celery_wire.brokers.kombu_names import VirtualTransport, bytes_to_str, kombu_compression
from celery_wire.message import Delivery, WireMessage

logger = logging.getLogger(__name__)


def losses(connection: Any) -> tuple[type[Exception], ...]:
    """The errors that mean a lost connection. kombu counts KeyError among them; here it is a broken envelope."""
    errors = (ConnectionError, *connection.connection_errors, *connection.channel_errors)
    return tuple(error for error in errors if not issubclass(KeyError, error))


def keeps_deliveries(connection: Any) -> bool:
    """Whether a message can still be settled after its connection was lost: AMQP gives it back at once.

    Asks the transport, because asking a lost connection for its channel would open it again.
    """
    return isinstance(connection.transport, VirtualTransport)


def delivery(message: Any, fault: str | None = None) -> Delivery:
    """A kombu message as a delivery; `fault` says what kombu could not undo."""
    info, properties = message.delivery_info, message.properties
    is_again = info.get("redelivered", False)
    return Delivery(
        WireMessage(message.body, message.content_type, message.content_encoding, message.headers, properties),
        exchange=info.get("exchange") or "",
        routing_key=info.get("routing_key") or "",
        redelivered=bool(is_again),
        fault=fault,
    )


def bound_decompression(limit: int) -> None:
    """Have kombu undo compressions within a bound [SEC-SIZ-003], in the whole process: kombu does so by itself.

    kombu undoes a compression before it hands a message over, and knows no bound. Names and formats stay its own.
    """
    for kind in compression.TYPES:
        encoder, _ = kombu_compression.get_encoder(kind)
        kombu_compression.register(encoder, partial(_within, kind=kind, limit=limit), kind)


def _within(body: bytes, *, kind: str, limit: int) -> bytes:
    return compression.decompress(bytes(body), kind, limit)


def restore_options(visibility_timeout: float) -> dict[str, float]:
    """Look for messages whose time is up often enough to find them soon, and at most every second."""
    return {"unacked_restore_interval": min(10.0, max(1.0, visibility_timeout / 2)), "unacked_restore_throttle": 1}


def guard_restoring(channel: Any, holds: Callable[[Any], bool]) -> None:
    """Make giving back Redis messages whose time is up safe, where the transport does that.

    A copy that cannot be read is left alone and keeps no other from coming back [REDIS-BAD-007]. What this worker
    `holds` itself, by delivery tag, is not taken from it because its task takes longer than the time.
    """
    qos: Any = getattr(channel, "qos", None)
    if not hasattr(qos, "restore_by_tag"):
        return
    restore, scan = qos.restore_by_tag, qos.restore_visible

    def restore_readable(tag: Any, *args: Any, **kwargs: Any) -> None:
        try:
            restore(tag, *args, **kwargs)
        except (TypeError, ValueError, LookupError, AttributeError):
            logger.exception("a copy of an unacknowledged message that cannot be read: %r", tag)

    def restore_foreign(tag: Any, *args: Any, **kwargs: Any) -> None:
        if not holds(bytes_to_str(tag)):
            restore_readable(tag, *args, **kwargs)

    def scan_foreign(*args: Any, **kwargs: Any) -> None:
        qos.restore_by_tag = restore_foreign
        try:
            scan(*args, **kwargs)
        finally:
            qos.restore_by_tag = restore_readable

    qos.restore_by_tag, qos.restore_visible = restore_readable, scan_foreign


def stop_reading(connection: Any) -> None:
    """Cut the sockets on which an abandoned connection may still be given messages."""
    for channel in connection.transport.channels:
        with suppress(Exception):
            channel.client.connection.disconnect()


def close(connection: Any) -> None:
    """Close a connection, which gives back what came through it and is unacknowledged."""
    # A broken envelope that comes in while closing is one error; the second attempt gives the messages back.
    for _ in range(2):
        try:
            connection.close()
        except Exception:
            logger.exception("closing a connection to the broker")
        else:
            return
