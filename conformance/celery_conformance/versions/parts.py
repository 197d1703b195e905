"""Commands sorted into the parts of a capture: messages, results, stored documents, events, controls, replies, rest.

Each part keeps the bytes in the forms that fixtures have: ``item`` and ``key``, ``document`` and ``key``, ``frames``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

from pamqp import frame

from celery_conformance.fixtures import decoding

Parts = dict[str, list[Any]]

#: What every client says to Redis, and what asks without writing.
_REDIS_NOISE = frozenset(
    b"AUTH BRPOP CLIENT COMMAND DISCARD ECHO EXEC EXISTS GET HELLO INFO LLEN MGET MULTI PING PUNSUBSCRIBE RPOP SELECT"
    b" SMEMBERS TYPE UNSUBSCRIBE UNWATCH WATCH TIME ZREVRANGEBYSCORE".split()
)
_AMQP_NOISE = ("Connection.", "Channel.", "Confirm.", "Tx.")
_EVENTS, _PIDBOX, _REPLY = "celeryev", ".pidbox", "reply."
_RESULT_KEYS = (b"celery-task-meta-", b"celery-taskset-meta-")


def text(word: Any) -> str:
    """A word of a command as text; bytes that are no UTF-8 are written with a backslash."""
    return word.decode("utf-8", "backslashreplace") if isinstance(word, bytes) else str(word)


def of_redis(commands: Iterable[list[bytes]]) -> Parts:
    """The parts of what was written to Redis."""
    parts: Parts = {}
    for command in commands:
        if isinstance(command, list) and command and command[0].upper() not in _REDIS_NOISE:
            part, content = _redis_part(command)
            parts.setdefault(part, []).append(content)
    return parts


def _redis_part(command: list[bytes]) -> tuple[str, Any]:
    name = command[0].upper()
    if name in (b"LPUSH", b"RPUSH") and not command[1].startswith(_RESULT_KEYS):
        key, item = text(command[1]), text(command[2])
        form = {"key": key, "item": item} if name == b"LPUSH" else {"key": key, "item": item, "command": "RPUSH"}
        return _pushed_part(key, item), form
    if name == b"PUBLISH" and not command[1].startswith(_RESULT_KEYS):
        channel = text(command[1])
        form = {"key": channel, "item": text(command[2])}
        kinds = {_EVENTS: "events", _PIDBOX: "controls"}
        return next((part for sign, part in kinds.items() if sign in channel), "messages"), form
    if name in (b"SET", b"SETEX", b"PSETEX") and _holds_a_result(command[1]):
        return "stored", _stored(command)
    return "commands", [text(word) for word in command]


def _holds_a_result(key: bytes) -> bool:
    return key.startswith(_RESULT_KEYS) and not key.endswith((b".s", b".c", b".j", b".t"))


def _stored(command: list[bytes]) -> dict[str, str]:
    content = command[3] if command[0].upper() in (b"SETEX", b"PSETEX") else command[2]
    words = " ".join(text(word) for word in command if word is not content and word is not command[1])
    form = {"key": text(command[1]), "command": words}
    try:
        return {**form, "document": content.decode()}
    except UnicodeDecodeError:
        return {**form, "base64": base64.b64encode(content).decode()}


def _pushed_part(key: str, item: str) -> str:
    if key.endswith(_PIDBOX):
        return "replies"
    try:
        envelope = json.loads(item)
    except ValueError:
        return "messages"
    headers = envelope.get("headers") or {}
    if "task" in headers or envelope.get("content-type") == "application/data":
        return "messages"
    return "results" if _is_result(_body_of(envelope)) else "messages"


def _body_of(envelope: dict[str, Any]) -> bytes:
    return base64.b64decode(envelope["body"])


def _is_result(body: bytes) -> bool:
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and "status" in document


def of_amqp(commands: Iterable[bytes]) -> Parts:
    """The parts of what was written to RabbitMQ."""
    parts: Parts = {}
    for frames in commands:
        _, _, method = frame.unmarshal(frames)
        name = getattr(method, "name", "")
        if name == "Basic.Publish":
            parts.setdefault(_published_part(frames), []).append({"frames": base64.b64encode(frames).decode()})
        elif name and not name.startswith(_AMQP_NOISE):
            words = {key: value for key, value in _arguments(method).items() if key not in ("ticket", "nowait")}
            parts.setdefault("commands", []).append([name, json.loads(json.dumps(words, default=repr))])
    return parts


def _arguments(method: Any) -> dict[str, Any]:
    return dict(method)


def _published_part(frames: bytes) -> str:
    publish, properties, body = decoding.published(frames)
    if _EVENTS in publish.exchange:
        return "events"
    if publish.exchange.endswith(_PIDBOX):
        return "replies" if publish.exchange.startswith(_REPLY) else "controls"
    if "task" in (properties.get("headers") or {}):
        return "messages"
    return "results" if _is_result(body) else "messages"


def merged(*several: Parts) -> Parts:
    """The parts of several servers as one."""
    whole: Parts = {}
    for parts in several:
        for name, items in parts.items():
            whole.setdefault(name, []).extend(items)
    return whole
