"""Result documents as a worker writes them, and exceptions as data.

Rules: a document has status, result, traceback, children, date_done and task_id [RES-DOC-001 to 006]; group_id and
parent_id only when the task has them [RES-DOC-007]; name, args, kwargs, worker, retries, queue and the stamps only in
extended results [RES-DOC-008]. date_done is null unless the state is final. In the states FAILURE and REVOKED the
result is an exception form, in RETRY that or null [RES-STA-002, RES-STA-003].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from celery_wire.actions import Store
from celery_wire.codec import encode, is_encodable
from celery_wire.models import READY_STATES
from celery_wire.policy import Policy
from celery_wire.request import Candidate, TaskRequest

CELERY_EXCEPTIONS = "celery.exceptions"

#: Keys of a document that a stamp of the same name does not replace, unlike in Celery, where it does.
_OWN_KEYS = frozenset({"status", "result", "traceback", "children", "date_done", "task_id", "group_id", "parent_id"})


@dataclass(frozen=True, slots=True)
class Result:
    """What is to be stored about a task; `children` are the result tuples of what it has sent."""

    status: str
    value: Any = None
    traceback: str | None = None
    children: tuple[Any, ...] = ()


def exception_form(exception: BaseException) -> dict[str, Any]:
    """The exception as data; arguments without a JSON form become their text."""
    kind = type(exception)
    return form(kind.__qualname__, exception.args, kind.__module__)


def form(type_name: str, arguments: tuple[Any, ...] | list[Any], module: str = CELERY_EXCEPTIONS) -> dict[str, Any]:
    """An exception form from its parts."""
    message = [argument if is_encodable(argument) else repr(argument) for argument in arguments]
    return {"exc_type": type_name, "exc_message": message, "exc_module": module}


def store_for_request(request: TaskRequest, result: Result, now: datetime, policy: Policy) -> Store:
    """The action that stores a result of a task; raises ValueUnencodableError when it has no JSON form."""
    document = _document(request.id, result, now)
    document.update(
        (key, value)
        for key, value in (("group_id", request.header("group")), ("parent_id", request.header("parent_id")))
        if value
    )
    if policy.result_extended:
        document.update(_extension(request, policy))
    return _store(request.source, request.id, document)


def store_for_candidate(candidate: Candidate, task_id: str, result: Result, now: datetime, policy: Policy) -> Store:
    """The action that stores a result under an id for a message that became no request."""
    document = _document(task_id, result, now)
    if policy.result_extended:
        document.update(dict.fromkeys(("name", "args", "kwargs", "worker", "retries", "queue")))
    return _store(candidate, task_id, document)


def store_for_step(request: TaskRequest, options: Mapping[str, Any], result: Result, now: datetime) -> Store:
    """The action that stores a result for a task that never was: a later step of a chain, the body of a chord."""
    document = _document(options["task_id"], result, now)
    document.update((key, options[key]) for key in ("group_id", "parent_id") if options.get(key))
    stored = _store(request.source, options["task_id"], document)
    reply_to = options.get("reply_to") if isinstance(options.get("reply_to"), str) else stored.reply_to
    return replace(stored, reply_to=reply_to, correlation_id=options["task_id"])


def _document(task_id: str, result: Result, now: datetime) -> dict[str, Any]:
    return {
        "status": result.status,
        "result": result.value,
        "traceback": result.traceback,
        "children": list(result.children),
        "date_done": now.isoformat() if result.status in READY_STATES else None,
        "task_id": task_id,
    }


def _extension(request: TaskRequest, policy: Policy) -> dict[str, Any]:
    stamped, stamps = request.header("stamped_headers") or [], request.header("stamps") or {}
    extension: dict[str, Any] = {
        "name": request.task.name,
        "args": request.args,
        "kwargs": request.kwargs,
        "worker": policy.node_name,
        "retries": request.retries,
        "queue": request.delivery.routing_key,
    }
    if stamps:
        own = {key: stamps[key] for key in stamped if key in stamps and key not in _OWN_KEYS}
        extension.update({"stamped_headers": stamped, **own})
    return extension


def _store(source: Candidate, task_id: str, document: dict[str, Any]) -> Store:
    return Store(task_id, document, encode(document, "document"), source.reply_to, source.correlation_id)
