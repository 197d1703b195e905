"""Task messages of protocol version 2: signatures, the embed, the body, headers and the neutral message.

Rules: those of `models.base`. The schemas are task-v2-accepted, task-v2-emitted, and signature, embed, task-body
and time-limits of common.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, StringConstraints

from celery_wire.models.base import (
    ContentType,
    DeliveryMode,
    Document,
    Identifier,
    Integer,
    OptionalInteger,
    OptionalText,
    Timestamp,
    listed,
    present,
)


class Signature(Document):
    """A task to be called later: what to call and with which options."""

    task: str
    args: list[Any]
    options: dict[str, Any]
    kwargs: Annotated[dict[str, Any] | None, present] = None
    subtask_type: Literal["chain", "group", "chord", "xmap", "xstarmap", "chunks"] | None = None
    immutable: Annotated[bool | None, present] = None


def _with_kwargs(signature: Signature) -> Signature:
    if signature.kwargs is None:
        raise ValueError("kwargs: expected an object, got nothing")
    return signature


#: A signature with kwargs: what a producer writes, and the only kind that Celery calls on failure.
FullSignature = Annotated[Signature, AfterValidator(_with_kwargs)]


class Embed(Document):
    """What is to be called after the task; a missing key means null. `chain` runs from its last element on."""

    callbacks: list[Signature] | None = None
    errbacks: list[FullSignature] | None = None
    chain: list[Signature] | None = None
    chord: Signature | None = None


class EmittedEmbed(Document):
    """The embed that a producer writes: `chain` always, and full signatures only."""

    chain: list[FullSignature] | None
    callbacks: list[FullSignature] | None = None
    errbacks: list[FullSignature] | None = None
    chord: FullSignature | None = None


#: Positional arguments, keyword arguments, embed.
EmittedBody = Annotated[tuple[list[Any], dict[str, Any], EmittedEmbed], listed]
#: The same as a worker must take it; the embed may be null.
TaskBody = Annotated[tuple[list[Any], dict[str, Any], Embed | None], listed]
#: Hard and soft time limit, in this order, in seconds.
TimeLimits = Annotated[tuple[int | float | None, int | float | None], listed]


class AcceptedHeaders(Document):
    """What a worker must take: `task` and `id`; most of what else it may find there, it does not look at."""

    task: str
    id: Identifier
    eta: Timestamp | None = None
    expires: Timestamp | None = None
    group: str | None = None
    group_index: Integer | None = None
    retries: OptionalInteger = None
    timelimit: TimeLimits | None = None
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] | None = None
    compression: str | None = None


class AcceptedTask(Document):
    """A neutral task message, its body decoded, as a worker must take it."""

    content_type: ContentType
    headers: AcceptedHeaders
    body: TaskBody
    content_encoding: str | None = None
    properties: Annotated[dict[str, Any] | None, present] = None


class EmittedHeaders(Document):
    """The headers that a producer writes: the first nine always, with null where there is nothing to say."""

    task: str
    id: Identifier
    eta: Timestamp | None
    group: str | None
    retries: Integer
    timelimit: TimeLimits | None
    root_id: Any
    parent_id: Any
    ignore_result: bool | None
    expires: Timestamp | None = None
    group_index: Integer | None = None
    stamped_headers: list[str] | None = None
    stamps: dict[str, Any] | None = None
    compression: OptionalText = None


class EmittedProperties(Document):
    """The properties that a producer writes; `expiration` is text of whole milliseconds."""

    correlation_id: Identifier
    reply_to: OptionalText = None
    delivery_mode: Annotated[DeliveryMode | None, present] = None
    expiration: Annotated[Annotated[str, StringConstraints(pattern=r"^[0-9]+$")] | None, present] = None


class EmittedTask(Document):
    """A neutral task message, its body decoded, as a producer writes it."""

    content_type: ContentType
    content_encoding: str
    headers: EmittedHeaders
    properties: EmittedProperties
    body: EmittedBody
