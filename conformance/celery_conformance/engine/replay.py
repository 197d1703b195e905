"""Fixtures as messages of a run: the bytes of the fixture, with its task id replaced by a fresh one.

The id is replaced as bytes, so that a body no parser would take stays exactly as wrong as it is.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from functools import cache
from typing import Any

from celery_conformance.engine.outgoing import Outgoing
from celery_conformance.errors import SuiteError
from celery_conformance.fixtures import Fixture, load
from celery_conformance.tap.message import from_envelope
from celery_conformance.tap.redis_facts import split_list_key


@cache
def _fixtures() -> dict[str, Fixture]:
    return {fixture.name: fixture for fixture in load()}


def by_name(name: str) -> Fixture:
    """The fixture of that name.

    Raises:
        SuiteError: there is none.
    """
    if name not in _fixtures():
        raise SuiteError(f"a case replays the fixture {name!r}, which does not exist", "mend the case")
    return _fixtures()[name]


def task_id_of(fixture: Fixture) -> str | None:
    """The task id a fixture's message carries, where it is a usable one."""
    message = fixture.message
    candidates = [
        (message.get("headers") or {}).get("id") if isinstance(message.get("headers"), dict) else None,
        (message.get("properties") or {}).get("correlation_id"),
        str(message.get("key", "")).removeprefix("celery-task-meta-"),
    ]
    return next((value for value in candidates if isinstance(value, str) and value), None)


def task_message(name: str, task_id: str, reply_to: str, tag: str) -> Outgoing:
    """The message of a task fixture: a neutral one, or the item of a Redis list."""
    fixture = by_name(name)
    if "item" in fixture.message:
        return _list_item(fixture, task_id, tag)
    message, old = fixture.message, task_id_of(fixture)
    properties = dict(_renamed(message.get("properties") or {}, old, task_id))
    properties["reply_to"] = reply_to
    body = fixture.body
    if old:
        body = body.replace(old.encode(), task_id.encode())
    return Outgoing(
        task_id=task_id if old else "",
        body=body,
        headers=_renamed(message.get("headers"), old, task_id),
        properties=properties,
        content_type=message.get("content_type"),
        content_encoding=message.get("content_encoding"),
    )


def _list_item(fixture: Fixture, task_id: str, tag: str) -> Outgoing:
    """The item of a list as its text stands, with task id and delivery tag replaced, in the base64 body as well."""
    text: str = fixture.message["item"]
    message = from_envelope(text.encode())
    old, priority = message.get("task_id"), split_list_key(str(fixture.message.get("key", "")))[1] or 0
    envelope = message["envelope"] if isinstance(message.get("envelope"), dict) else {}
    body = envelope.get("body")
    if old and isinstance(body, str):
        with contextlib.suppress(binascii.Error, ValueError):
            plain = base64.b64decode(body, validate=True).replace(old.encode(), task_id.encode())
            text = text.replace(body, base64.b64encode(plain).decode())
    if old:
        text = text.replace(json.dumps(old), json.dumps(task_id))
    if isinstance(message.get("delivery_tag"), str):
        text = text.replace(json.dumps(message["delivery_tag"]), json.dumps(tag))
    return Outgoing(task_id if old else "", b"", {}, {"priority": priority}, item=text)


def result_document(name: str, task_id: str) -> str:
    """The text of a result fixture."""
    fixture = by_name(name)
    text: str = fixture.message["document"]
    old = task_id_of(fixture)
    return text.replace(old, task_id) if old else text


def _renamed(value: Any, old: str | None, new: str) -> Any:
    """A value with every text that is the old id replaced."""
    if isinstance(value, dict):
        return {key: _renamed(entry, old, new) for key, entry in value.items()}
    if isinstance(value, list):
        return [_renamed(entry, old, new) for entry in value]
    if isinstance(value, str) and old and value == old:
        return new
    return value
