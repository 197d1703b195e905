"""The neutral message: what a task, a result over rpc or an event looks like, whatever the broker.

A message that cannot be decoded is still a message: its body is kept as text or base64 and ``problem`` says why.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

#: Envelope properties of a virtual transport that belong to the binding, not to the message.
BINDING_PROPERTIES = ("body_encoding", "delivery_tag", "delivery_info")


def as_text(value: Any) -> str:
    """Bytes as text; what is no UTF-8 is escaped and never fails."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def decode_json(data: bytes | str) -> tuple[Any, str | None]:
    """Return the value and None, or None and the reason why it is no JSON."""
    try:
        return json.loads(data), None
    except (ValueError, RecursionError) as error:
        return None, f"no JSON: {error}"


def body_fields(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The decoded body of a message, or its bytes where it cannot be decoded."""
    fields: dict[str, Any] = {"body": None, "size": len(body)}
    if content_type is None or "json" in str(content_type).lower():
        fields["body"], problem = decode_json(body)
        if problem is None:
            return fields
        fields["problem"] = problem
    fields["raw"] = base64.b64encode(body).decode("ascii")
    return fields


def find_task_id(headers: Any, properties: Any, body: Any) -> str | None:
    """The id of the task a message is about: header, then body (version 1, result), then correlation id."""
    candidates = [
        headers.get("id") if isinstance(headers, dict) else None,
        body.get("id", body.get("task_id")) if isinstance(body, dict) else None,
        properties.get("correlation_id") if isinstance(properties, dict) else None,
    ]
    return next((value for value in candidates if isinstance(value, str) and value), None)


def neutral(
    body: bytes, headers: Any, properties: dict[str, Any], content_type: Any, content_encoding: Any
) -> dict[str, Any]:
    """Put a message together from its parts."""
    fields = body_fields(body, content_type if isinstance(content_type, str) else None)
    return {
        "content_type": content_type,
        "content_encoding": content_encoding,
        "headers": headers,
        "properties": properties,
        "task_id": find_task_id(headers, properties, fields["body"]),
        **fields,
    }


def from_envelope(item: bytes) -> dict[str, Any]:
    """The neutral message of a Redis list item or channel message, with its envelope and delivery tag."""
    envelope, problem = decode_json(item)
    if not isinstance(envelope, dict):
        reason = problem or "the envelope is no JSON object"
        return {"envelope": envelope, "task_id": None, "problem": reason, "text": as_text(item)}
    properties = envelope.get("properties")
    binding = properties if isinstance(properties, dict) else {}
    kept = {name: value for name, value in binding.items() if name not in BINDING_PROPERTIES}
    body, problem = envelope_body(envelope.get("body"), binding.get("body_encoding"))
    message = neutral(
        body, envelope.get("headers"), kept, envelope.get("content-type"), envelope.get("content-encoding")
    )
    delivery = binding.get("delivery_info")
    delivery = delivery if isinstance(delivery, dict) else {}
    message |= {
        "envelope": envelope,
        "delivery_tag": binding.get("delivery_tag"),
        "exchange": delivery.get("exchange"),
        "routing_key": delivery.get("routing_key"),
    }
    return message | ({"problem": problem} if problem else {})


def envelope_body(body: Any, encoding: Any) -> tuple[bytes, str | None]:
    """The bytes of an envelope's body and, where they cannot be had, why."""
    if not isinstance(body, str):
        return b"", "the envelope's body is no text"
    if encoding != "base64":
        return body.encode("utf-8", "surrogatepass"), None
    try:
        return base64.b64decode(body, validate=True), None
    except (binascii.Error, ValueError) as error:
        return b"", f"the body is no base64: {error}"


def published_as(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of fact a published message is: a result sent to its caller is stored, all else is published."""
    document = message.get("body")
    addressed = message.get("exchange", "") in ("", None)
    if addressed and isinstance(document, dict) and "status" in document and "task" not in document:
        return "result-stored", {**message, "store": "rpc", "document": document}
    return "published", message
