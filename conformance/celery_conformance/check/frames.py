"""AMQP frames of one publication, cut and decoded within bounds."""

from __future__ import annotations

from typing import Any

from celery_conformance.check.model import UnreadableError
from celery_conformance.tap.amqp import FrameReader, Method


def publication(frames: bytes) -> dict[str, Any]:
    """Exchange, routing key, properties and body of a ``basic.publish`` or ``basic.deliver``.

    Raises:
        UnreadableError: the frames hold none, or cannot be decoded.
    """
    found: list[Method] = []
    broken: list[str] = []
    reader = FrameReader(found.append, lambda reason, _: broken.append(reason))
    reader.feed(frames)
    with_content = [method for method in found if method.name in ("Basic.Publish", "Basic.Deliver")]
    if not with_content:
        reason = broken[0] if broken else "they hold no complete basic.publish"
        raise UnreadableError(f"the frames carry no message: {reason}")
    method = with_content[0]
    return {
        "exchange": method.frame.exchange,
        "routing_key": method.frame.routing_key,
        "properties": method.properties,
        "body": method.body,
    }
