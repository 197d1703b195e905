"""Messages the suite itself puts on a queue, written in full or with the least a worker needs.

The full style is what Celery's own producer writes; the bare style has the two headers a worker must have. What a
case overrides is laid over either, so that a case shows only what it is about.
"""

from __future__ import annotations

import base64
import codecs
import json
import pickle  # only written, never read: cases show workers a pickle to see that they refuse it
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.tap.redis_facts import PRIORITY_SEPARATOR

ORIGIN = "gen1@celery-wire"
_EMBED: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
PRIORITY_STEPS = (0, 3, 6, 9)
CONTROL_EXCHANGE = "celery.pidbox"
_COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message ready to be put on a queue. ``item`` replaces the whole Redis list item."""

    task_id: str
    body: bytes
    headers: Any
    properties: Mapping[str, Any]
    content_type: Any = "application/json"
    content_encoding: Any = "utf-8"
    envelope: Mapping[str, Any] = field(default_factory=dict)
    without_envelope: tuple[str, ...] = ()
    item: str | None = None

    def list_item(self, queue: str, tag: str, exchange: str = "") -> str:
        """The Redis list item, or what is sent to subscribers: the envelope as JSON text."""
        if self.item is not None:
            return self.item
        properties = {
            **self.properties,
            "delivery_info": {"exchange": exchange, "routing_key": queue},
            "body_encoding": "base64",
            "delivery_tag": tag,
        }
        whole: dict[str, Any] = {
            "body": base64.b64encode(self.body).decode("ascii"),
            "content-encoding": self.content_encoding,
            "content-type": self.content_type,
            "headers": self.headers,
            "properties": properties,
        }
        merged = _merge(whole, self.envelope)
        for pointer in self.without_envelope:
            _drop(merged, pointer.strip("/").split("/"))
        return json.dumps(merged)

    def list_key(self, queue: str) -> str:
        """The Redis list the message belongs on, by its priority."""
        given = self.properties.get("priority")
        priority = given if isinstance(given, int) else 0
        step = max(step for step in PRIORITY_STEPS if step <= max(0, min(9, priority)))
        return f"{queue}{PRIORITY_SEPARATOR}{step}" if step else queue


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merge(merged[name], value) if both else value
    return merged


def _drop(whole: dict[str, Any], steps: list[str]) -> None:
    for step in steps[:-1]:
        whole = whole.get(step, {})
    whole.pop(steps[-1], None)


def headers_for(style: str, task: str, task_id: str, arguments: tuple[Any, Any]) -> dict[str, Any]:
    """The headers of a version 2 message in the full or the bare style; version 1 has none."""
    if style == "v1":
        return {}
    if style == "bare":
        return {"task": task, "id": task_id}
    return {
        "lang": "py",
        "task": task,
        "id": task_id,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": task_id,
        "parent_id": None,
        "argsrepr": repr(tuple(arguments[0])) if isinstance(arguments[0], list) else "",
        "kwargsrepr": repr(arguments[1]),
        "origin": ORIGIN,
        "ignore_result": False,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }


def build(given: Mapping[str, Any], task_id: Any, reply_to: str) -> Outgoing:
    """The message that a ``publish`` step describes; its references are filled in already."""
    style = given.get("style", "full")
    args, kwargs = given.get("args", []), given.get("kwargs", {})
    embed = given.get("embed", _EMBED if style == "full" else {})
    headers = headers_for(style, given.get("task", ""), task_id, (args, kwargs))
    headers |= given.get("headers", {})
    for name in given.get("without_headers", ()):
        headers.pop(name, None)
    properties: dict[str, Any] = {"correlation_id": task_id, "reply_to": reply_to, "delivery_mode": 2, "priority": 0}
    properties |= given.get("properties", {})
    for name in given.get("without_properties", ()):
        properties.pop(name, None)
    return Outgoing(
        task_id=task_id,
        body=_body(given, _v1(given, task_id) if style == "v1" else [args, kwargs, embed]),
        headers=headers,
        properties=properties,
        content_type=given.get("content_type", "application/json"),
        content_encoding=given.get("content_encoding", "utf-8"),
        envelope=given.get("envelope", {}),
        without_envelope=tuple(given.get("without_envelope", ())),
        item=given.get("item"),
    )


def command(method: str, arguments: Mapping[str, Any]) -> Outgoing:
    """A remote-control command to all workers that nobody is to answer."""
    body = {"method": method, "arguments": arguments, "destination": None, "pattern": None, "matcher": None}
    headers = {"clock": 1, "expires": time.time() + _COMMAND_SECONDS}
    return Outgoing("", json.dumps(body).encode(), headers, {"delivery_mode": 2, "priority": 0})


def _v1(given: Mapping[str, Any], task_id: Any) -> dict[str, Any]:
    """The body of a version 1 message; ``keys`` is laid over it."""
    own = {
        "task": given.get("task", ""),
        "id": task_id,
        "args": given.get("args", []),
        "kwargs": given.get("kwargs", {}),
    }
    whole = {**own, "retries": 0, "eta": None, "expires": None, "utc": True, **given.get("keys", {})}
    return {name: value for name, value in whole.items() if name not in given.get("without_keys", ())}


def _body(given: Mapping[str, Any], document: Any) -> bytes:
    if "body_base64" in given:
        return base64.b64decode(given["body_base64"])
    if "body_pickle" in given:
        return pickle.dumps(given["body_pickle"], protocol=2)
    if "body_text" in given:
        return str(given["body_text"]).encode(_codec(given.get("content_encoding")))
    return json.dumps(given.get("body", document)).encode()


def _codec(name: Any) -> str:
    """The encoding a body text is written in; one that does not exist leaves UTF-8."""
    try:
        return codecs.lookup(str(name or "utf-8")).name
    except LookupError:
        return "utf-8"
