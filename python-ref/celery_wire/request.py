"""A delivered message becomes a request to run a task, or an error that says why it cannot.

Rules: only `task` and `id` are needed [TASK2-ACC-001]; every other header may be missing, and what Celery's worker
does not look at is not looked at here. Reading goes in two steps, because a worker must answer for a task it does not
know without reading the body: `identify` finds name and headers, `read_request` the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery_wire import protocol1
from celery_wire.codec import decode
from celery_wire.errors import BodyUndecodableError, FieldInvalidError, UnknownMessageError
from celery_wire.message import Delivery
from celery_wire.policy import Policy
from celery_wire.registry import Task
from celery_wire.times import read_moment

#: Headers that belong to the protocol; all others are the sender's own and survive a retry.
PROTOCOL_HEADERS = frozenset(
    {
        *("lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit", "root_id"),
        *("parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting"),
        *("stamped_headers", "stamps", "compression", "args", "kwargs", "callbacks", "errbacks", "chain", "chord"),
        *("headers", "correlation_id", "reply_to", "properties", "delivery_info", "hostname", "taskset", "utc"),
        *("time_limit", "soft_time_limit", "called_directly", "is_eager", "logfile", "loglevel"),
    }
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message that names a task. `body` is decoded already in protocol 1, None in protocol 2."""

    delivery: Delivery
    headers: Mapping[str, Any]
    custom_headers: Mapping[str, Any]
    body: tuple[Any, Any, Any] | None

    @property
    def task(self) -> Any:
        """The name of the task, whatever its type."""
        return self.headers.get("task")

    @property
    def task_id(self) -> str | None:
        """The id of the task when it can serve as one."""
        task_id = self.headers.get("id")
        return task_id if isinstance(task_id, str) and task_id else None

    @property
    def reply_to(self) -> str | None:
        """The queue that waits for the result."""
        return _text(self.delivery.message.properties.get("reply_to"))

    @property
    def correlation_id(self) -> str | None:
        """What the caller recognises the result by."""
        return _text(self.delivery.message.properties.get("correlation_id"))


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A message that can be acted upon. Fields named like headers hold what the header holds, None when missing."""

    source: Candidate
    task: Task
    id: str
    args: Any
    kwargs: Mapping[str, Any]
    embed: Mapping[str, Any]
    eta: datetime | None
    expires: datetime | None

    @property
    def delivery(self) -> Delivery:
        """The message with where it came from."""
        return self.source.delivery

    @property
    def root_id(self) -> str:
        """The id of the first task of the workflow: its own when the message names none."""
        return self.header("root_id") or self.id

    @property
    def retries(self) -> Any:
        """How often the task was retried before; a whole number may travel as 1.0 [TASK2-ACC-013]."""
        retries = self.header("retries", 0)
        return int(retries) if isinstance(retries, float) and retries.is_integer() else retries

    def is_result_ignored(self, policy: Policy) -> bool:
        """Whether no result is stored: as the message says, else as the task says, else as the worker is told."""
        told = self.header("ignore_result")
        return self.task.is_result_ignored(policy) if told is None else bool(told)

    def header(self, name: str, default: Any = None) -> Any:
        """The value of a protocol header."""
        return self.source.headers.get(name, default)


def identify(delivery: Delivery, policy: Policy) -> Candidate:
    """The task that a message names.

    Raises UnknownMessageError when it names none, and what `codec.decode` raises when that can only be told from
    a body that cannot be read.
    """
    headers = delivery.message.headers
    if "task" in headers:
        custom = {key: value for key, value in headers.items() if key not in PROTOCOL_HEADERS}
        return Candidate(delivery, headers, custom, None)
    body = _decoded(delivery, policy)
    if not isinstance(body, Mapping) or "task" not in body:
        raise UnknownMessageError("expected a header `task`, or a body with `task`, got neither")
    return _from_protocol_1(delivery, body)


def read_request(candidate: Candidate, task: Task, policy: Policy) -> TaskRequest:
    """The request of a known task; raises FieldInvalidError and what `codec.decode` raises."""
    body = _decoded(candidate.delivery, policy) if candidate.body is None else candidate.body
    if isinstance(body, Mapping) and "args" in body:
        candidate = _from_protocol_1(candidate.delivery, body)
        body = candidate.body
    task_id = candidate.task_id
    if task_id is None:
        raise FieldInvalidError("id", "non-empty text", candidate.headers.get("id"))
    eta = read_moment("eta", candidate.headers.get("eta"))
    expires = read_moment("expires", candidate.headers.get("expires"))
    _check_time_limits(candidate.headers.get("timelimit"))
    args, kwargs, embed = _parts(body)
    return TaskRequest(candidate, task, task_id, args, kwargs, embed, eta, expires)


def _from_protocol_1(delivery: Delivery, body: Mapping[str, Any]) -> Candidate:
    own = delivery.message.headers
    custom = {key: value for key, value in own.items() if key not in PROTOCOL_HEADERS}
    return Candidate(delivery, protocol1.headers_of(body, own), custom, protocol1.body_of(body))


def _decoded(delivery: Delivery, policy: Policy) -> Any:
    if delivery.fault is not None:
        raise BodyUndecodableError(f"body: {delivery.fault}")
    message = delivery.message
    return decode(message.body, message.content_type, accept=policy.accept, limits=policy.limits)


def _parts(body: Any) -> tuple[Any, Mapping[str, Any], Mapping[str, Any]]:
    if not isinstance(body, list | tuple) or len(body) != 3:
        raise FieldInvalidError("body", "a list of args, kwargs and embed", body)
    args, kwargs, embed = body
    if not isinstance(kwargs, Mapping):
        raise FieldInvalidError("kwargs", "an object", kwargs)
    if embed and not isinstance(embed, Mapping):
        raise FieldInvalidError("embed", "an object or null", embed)
    return args, kwargs, embed or {}


def _check_time_limits(limits: Any) -> None:
    if not limits:
        return
    is_pair = isinstance(limits, list | tuple) and len(limits) == 2
    if not is_pair or not all(isinstance(limit, int | float | None) for limit in limits):
        raise FieldInvalidError("timelimit", "a list of hard and soft limit in seconds, or null", limits)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
