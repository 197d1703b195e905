"""A capture's entry decoded, so that a pointer can go into it. The bytes in the file stay as they are.

A message of either broker becomes ``{"key" or "exchange" and "routing_key", "message": …, "envelope": …}``; its body is
decoded when it is JSON, compressed or not, and stays text or base64 when it is anything else; a signed one is taken
apart beside it. Nothing is ever unpickled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kombu.compression import decompress

from celery_conformance.fixtures import bodies, decoding
from celery_conformance.fixtures.model import body_bytes
from celery_conformance.versions import signed

_FIRST_BYTES = 2


def of_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with everything in it decoded. ``emitted`` are its events one by one, out of what carried them."""
    found = {name: [_decoded(one) for one in part] if isinstance(part, list) else part for name, part in entry.items()}
    return {**found, "emitted": list(_emitted(found["events"]))} if "events" in found else found


def _emitted(events: list[Any]) -> Iterator[Any]:
    for carried in events:
        body = carried["message"]["body"] if "message" in carried else []
        yield from body if isinstance(body, list) else [body]


def _decoded(item: Any) -> Any:
    if not isinstance(item, Mapping):
        return item
    if "item" in item:
        return _from_item(item)
    if "frames" in item:
        return _from_frames(item["frames"])
    if "document" in item:
        return {**item, "document": _json(item["document"])}
    return item


def _json(text: str | bytes) -> Any:
    try:
        return bodies.parse(text)
    except bodies.UndecodableError:
        return text if isinstance(text, str) else {"base64": base64.b64encode(text).decode()}


def _from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    envelope = json.loads(item["item"])
    found: dict[str, Any] = {name: text for name, text in item.items() if name != "item"}
    found["envelope"] = {name: part for name, part in envelope.items() if name != "body"}
    return {**found, "message": _neutral(decoding.from_envelope(item["item"]))}


def _from_frames(frames: str) -> dict[str, Any]:
    raw = base64.b64decode(frames)
    publish, _, _ = decoding.published(raw)
    where = {"exchange": publish.exchange, "routing_key": publish.routing_key}
    return {**where, "message": _neutral(json.loads(json.dumps(decoding.from_frames(raw), default=repr)))}


def _neutral(message: Mapping[str, Any]) -> dict[str, Any]:
    raw = body_bytes(message)
    apart = {"signed": signed.fields(raw)} if message.get("content_type") == signed.CONTENT_TYPE else {}
    return {**message, **apart, "body": _body(message, raw), "first_bytes": raw[:_FIRST_BYTES].hex(), "size": len(raw)}


def _body(message: Mapping[str, Any], raw: bytes) -> Any:
    headers = message.get("headers") or {}
    compression = headers.get("compression")
    if compression:
        try:
            raw = decompress(raw, compression)
        except Exception:  # a compression that is not installed here
            return message["body"]
    if message.get("content_type") == "application/json":
        return _json(raw)
    return message["body"]
