"""One task message and one result in every form in which somebody may have them."""

from __future__ import annotations

import base64
import json
from typing import Any

TASK_ID = "3f2b8a52-6c1e-4a52-9d0e-0d6f6c2f4a11"


def message(**headers: Any) -> dict[str, Any]:
    """A task message as Celery 5.7 writes it; ``headers`` replace its own, and ``...`` takes one out."""
    whole: dict[str, Any] = {
        "lang": "py", "task": "conf.add", "id": TASK_ID, "shadow": None, "eta": None, "expires": None, "group": None,
        "group_index": None, "retries": 0, "timelimit": [None, None], "root_id": TASK_ID, "parent_id": None,
        "argsrepr": "(1, 2)", "kwargsrepr": "{}", "origin": "gen1@host", "ignore_result": False,
        "replaced_task_nesting": 0, "stamped_headers": None, "stamps": {}, **headers,
    }  # fmt: skip
    return {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "headers": {name: value for name, value in whole.items() if value is not ...},
        "properties": {"correlation_id": TASK_ID, "reply_to": "replies", "delivery_mode": 2, "priority": 0},
        "body": [[1, 2], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
    }


def body_of(given: dict[str, Any]) -> bytes:
    body = given["body"]
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def envelope(given: dict[str, Any]) -> dict[str, Any]:
    """The item of a Redis list."""
    return {
        "body": base64.b64encode(body_of(given)).decode(),
        "content-type": given["content_type"],
        "content-encoding": given["content_encoding"],
        "headers": given["headers"],
        "properties": {
            **given["properties"],
            "body_encoding": "base64",
            "delivery_tag": "tag",
            "delivery_info": {"exchange": "", "routing_key": "celery"},
        },
    }


def publication(given: dict[str, Any], *, beside: bool = True) -> dict[str, Any]:
    """A publication on AMQP, its headers beside the properties or within them."""
    own = {name: given[name] for name in ("content_type", "content_encoding")}
    headers = {"headers": given["headers"]}
    whole = {"exchange": "", "routing_key": "celery", "properties": {**own, **given["properties"]}}
    whole = {**whole, **headers} if beside else {**whole, "properties": {**whole["properties"], **headers}}
    return {**whole, "body": base64.b64encode(body_of(given)).decode()}


def neutral(given: dict[str, Any]) -> dict[str, Any]:
    """A message as the specification shows it, its body as base64 where it is bytes."""
    body = given["body"]
    return {**given, "body": {"base64": base64.b64encode(body).decode()} if isinstance(body, bytes) else body}


FORMS = {
    "a Redis list item": envelope,
    "a recorded Redis list item": lambda given: {"list": "celery", "item": json.dumps(envelope(given))},
    "an AMQP publication": publication,
    "an AMQP publication, headers within": lambda given: publication(given, beside=False),
    "a neutral message": neutral,
    "a neutral message, its body as text": lambda given: {**given, "body": {"text": body_of(given).decode("latin-1")}},
}  # fmt: skip

RESULT = {
    "status": "SUCCESS",
    "result": 3,
    "traceback": None,
    "children": [],
    "date_done": "2026-01-02T03:04:05.678901+00:00",
    "task_id": TASK_ID,
}
