"""Small makers for tests of the life cycle: a message, a task, a worker's policy, a moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from celery_wire import lifecycle
from celery_wire.actions import Action, Reserve
from celery_wire.message import Delivery, WireMessage
from celery_wire.policy import Policy, Sender
from celery_wire.registry import Task
from celery_wire.request import TaskRequest

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TASK = Task("t", lambda *_args, **_kwargs: None)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def counter() -> Callable[[], str]:
    numbers = iter(range(10**6))
    return lambda: f"new-{next(numbers)}"


def policy(**options: Any) -> Policy:
    sender = Sender(origin="gen1@host", new_id=counter())
    return Policy(node_name="celery@host", pid=1, sender=sender, **options)


def delivery(body: Any = None, *, drop: tuple[str, ...] = (), raw: Any = None, **headers: Any) -> Delivery:
    """A message for task `t` with id `i`; `drop` removes headers, `raw` is the serialized body."""
    known = {"task": "t", "id": "i", **headers}
    text = json.dumps([[], {}, {}] if body is None else body) if raw is None else raw
    properties = {"correlation_id": "i", "reply_to": "caller", "priority": 0}
    message = WireMessage(
        text, headers={key: value for key, value in known.items() if key not in drop}, properties=properties
    )
    return Delivery(message, "", "q")


def version_1(body: Any, headers: dict[str, Any] | None = None) -> Delivery:
    message = WireMessage(json.dumps(body), headers=headers or {}, properties={"correlation_id": "i"})
    return Delivery(message, "", "q")


def receive(message: Delivery, task: Task = TASK, now: datetime = NOW, **options: Any) -> list[Action]:
    return lifecycle.receive(message, now, policy(**options), {task.name: task})


def request(message: Delivery, task: Task = TASK) -> TaskRequest:
    [action] = receive(message, task)
    assert isinstance(action, Reserve), action
    return action.request
