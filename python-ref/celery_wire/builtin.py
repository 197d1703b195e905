"""The tasks that every worker has, under the names that Celery's workers have them.

Rules: `celery.map` and `celery.starmap` call one task with each item, in this task's place and time [CANV-MAP-001,
CANV-MAP-002]; of the signature that names it nothing else counts. `celery.chunks` sends a `celery.starmap` for each
chunk, `celery.accumulate` returns its arguments. `celery.chord_unlock` joins a chord whose members it looks at by
their results, again and again until all are there [CANV-UNL-004].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from celery_wire import chords
from celery_wire.chords import ChordFailedError, Joined
from celery_wire.context import TaskContext
from celery_wire.errors import FieldInvalidError
from celery_wire.outcome import Retry
from celery_wire.preparing import chunks_of
from celery_wire.registry import Task
from celery_wire.signatures import group
from celery_wire.stores import ResultStore
from celery_wire.stores.base import is_final

#: Seconds between two looks at the members of a chord, where the message says nothing.
INTERVAL = 1.0


class NotRegistered(Exception):
    """The task of a map is not known here; named as Celery's, because its caller sees the name."""


def register_builtin(tasks: dict[str, Task], store: ResultStore) -> None:
    """Add the tasks to those of a worker, whose results are in the store."""

    def add(name: str, function: Callable[..., Any], **options: Any) -> None:
        tasks[name] = Task(name, function, bound=True, **options)

    add("celery.map", lambda context, task, it: [_called(tasks, context, task)(item) for item in it])
    add("celery.starmap", lambda context, task, it: [_called(tasks, context, task)(*item) for item in it])
    add("celery.chunks", lambda context, **kwargs: context.apply(group(*chunks_of(kwargs))))
    add("celery.accumulate", lambda _, *args, index=None, **__: list(args) if index is None else args[index])
    unlock = _unlock(store)
    add("celery.chord_unlock", unlock, max_retries=None, ignore_result=True)


def _called(tasks: Mapping[str, Task], context: TaskContext, signature: Any) -> Callable[..., Any]:
    name = signature.get("task") if isinstance(signature, Mapping) else signature
    task = tasks.get(name) if isinstance(name, str) else None
    if task is None:
        raise NotRegistered(name)
    function = task.function
    return (lambda *args: function(context, *args)) if task.bound else function


def _unlock(store: ResultStore) -> Callable[..., Any]:
    def unlock(
        context: TaskContext,
        group_id: str,
        body: Any,
        interval: float | None = None,
        max_retries: int | None = None,
        result: Any = (),
        **_: Any,
    ) -> None:
        saved = [[group_id, None], result]
        documents = {task_id: store.read(task_id) for task_id in chords.members_of(saved)}
        if not all(map(is_final, documents.values())):
            raise Retry(countdown=INTERVAL if interval is None else interval, max_retries=max_retries)
        found = {task_id: document for task_id, document in documents.items() if document is not None}
        try:
            values = chords.values(Joined(group_id, "", saved=saved, documents=found))
            context.apply(body, values)
        except (ChordFailedError, FieldInvalidError) as error:
            context.fail(body, error)

    return unlock
