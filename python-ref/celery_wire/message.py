"""What travels: the neutral message, a delivery of one, and a publication of one.

Rules: a message is the same whatever the broker; what belongs to one broker only (delivery tags, envelopes) stays
in the shells. Headers and properties are kept as they came, unknown ones too. Nothing here is checked: what
arrives may be wrong in every field, and `celery_wire.request` is what judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message with its body still serialized.

    `body` is bytes, or text where the broker's client library has applied `content_encoding` already.
    `properties` are the basic properties without content type, content encoding and headers; `expiration` is
    text of whole milliseconds.
    """

    body: Any
    content_type: str | None = "application/json"
    content_encoding: str | None = "utf-8"
    headers: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a worker received it, with where it was sent to and whether it was delivered before.

    `fault` holds what the shell could not undo before it handed the message over, such as a compression.
    """

    message: WireMessage
    exchange: str = ""
    routing_key: str = ""
    redelivered: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A message and where it goes. `queue` is to be declared first; None means that nothing is declared."""

    message: WireMessage
    exchange: str
    routing_key: str
    queue: str | None = None
