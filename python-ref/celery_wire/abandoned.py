"""What will never run because something before it has failed: later steps of a chain, the body of a chord.

Rules: each task that somebody may wait for fails with what failed [WORK-EMB-008, CANV-CHN-005], and a chord of which
one is a member gets a failed part [CANV-CHD-020]. A signature that cannot be read has nobody who waits for it; it is
passed over, so that the others still fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_wire.errors import FieldInvalidError
from celery_wire.signatures import CHAIN, CHORD, GROUP, Signature, body_of, read, tasks_of

#: How deep signatures may stand in one another before the innermost ones are passed over.
_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A task that will never run: its options, which hold its id and its place in a chord, and its errbacks."""

    options: Mapping[str, Any]
    errbacks: tuple[Any, ...] = field(default=())

    @property
    def task_id(self) -> str | None:
        """The id that somebody may wait for."""
        task_id = self.options.get("task_id")
        return task_id if isinstance(task_id, str) and task_id else None

    @property
    def place(self) -> dict[str, Any]:
        """Group and index under the names of headers."""
        return {"group": self.options.get("group_id"), "group_index": self.options.get("group_index")}


def abandoned(value: Any, errbacks: tuple[Any, ...] = (), depth: int = 0) -> Iterator[Abandoned]:
    """The tasks of a signature, whatever its kind, and the steps that were to follow it."""
    try:
        one = read(value)
        inner = _inner(one)
    except FieldInvalidError:
        return
    told = (*errbacks, *_listed(one["options"].get("link_error")))
    if not inner:
        yield Abandoned(one["options"], told)
    elif depth < _DEPTH:
        for index, part in enumerate(inner):
            is_told = one["subtask_type"] != CHAIN or index == len(inner) - 1
            yield from abandoned(part, told if is_told else (), depth + 1)
    for step in _listed(one["options"].get("chain")) if depth < _DEPTH else ():
        yield from abandoned(step, (), depth + 1)


def _inner(one: Signature) -> list[Any]:
    if one["subtask_type"] in (CHAIN, GROUP):
        return tasks_of(one)
    return [body_of(one)] if one["subtask_type"] == CHORD else []


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, Mapping) else list(value) if isinstance(value, list | tuple) else []
