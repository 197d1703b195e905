"""Messages on a Redis list: the envelope around a message, and the copy kept while it is unacknowledged.

Rules: those of `models.base`. The schemas are redis-envelope-accepted, redis-envelope-emitted and redis-unacked.
The message inside an envelope is judged by the model of its kind.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from celery_wire.models.base import Document, listed

#: The name of a message among the unacknowledged ones; text as a rule.
DeliveryTag = str | int | float


class AcceptedDeliveryInfo(Document):
    """Where the message was sent to."""

    exchange: str | None
    routing_key: str


class AcceptedEnvelopeProperties(Document):
    """Message properties and those of the envelope."""

    delivery_tag: DeliveryTag
    delivery_info: AcceptedDeliveryInfo
    body_encoding: Literal["base64", "utf-8"] | None = None


class AcceptedEnvelope(Document):
    """The list item as a worker must take it."""

    body: str
    content_type: Annotated[str, Field(alias="content-type")]
    properties: AcceptedEnvelopeProperties
    content_encoding: Annotated[str | None, Field(alias="content-encoding")] = None
    headers: dict[str, Any] | None = None


class EmittedDeliveryInfo(Document):
    """Where the message was sent to: exchange "" and the queue's name, or an exchange and a key."""

    exchange: str
    routing_key: str


class EmittedEnvelopeProperties(Document):
    """Message properties and those of the envelope."""

    delivery_tag: DeliveryTag
    delivery_info: EmittedDeliveryInfo
    body_encoding: Literal["base64"]


class EmittedEnvelope(Document):
    """The list item as a producer writes it."""

    body: str
    content_type: Annotated[str, Field(alias="content-type")]
    content_encoding: Annotated[str, Field(alias="content-encoding")]
    headers: dict[str, Any]
    properties: EmittedEnvelopeProperties


def _without_null_headers(envelope: AcceptedEnvelope) -> AcceptedEnvelope:
    if envelope.headers is None and "headers" in envelope.model_fields_set:
        raise ValueError("headers: expected an object, into which redelivered is set, got null")
    return envelope


#: The hash value of an unacknowledged message: envelope, exchange, routing key.
UnackedEntry = Annotated[
    tuple[Annotated[AcceptedEnvelope, AfterValidator(_without_null_headers)], str | None, str], listed
]
