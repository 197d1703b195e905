"""Signatures made ready to be called: every task with its id and its place, every group in a chain a chord.

Rules: every task of a workflow has its id before the first message leaves [CANV-CHN-001]. A place in a chord (group,
index and body) is carried by the last task of whatever stands in it [CANV-CHN-004]: the last step of a chain, each
member of a group, the body of a chord. A group that another step follows is the header of a chord whose body is that
step [CANV-CHN-003]; a chain in a chain is its steps, a group of one its member, and groups in groups are their
members. What is ready stays as it is when it is made ready once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from celery_wire.errors import FieldInvalidError
from celery_wire.policy import Sender
from celery_wire.signatures import (
    CHAIN,
    CHORD,
    CHUNKS,
    GROUP,
    Signature,
    body_of,
    chord,
    group,
    header_of,
    read,
    signature,
    tasks_of,
    with_options,
)

ResultTuple = list[Any]

#: Options of a chain, a group or a chord that are those of its last tasks.
PLACES = ("group_id", "group_index", "chord")
_LINKS = ("link", "link_error")


@dataclass(frozen=True, slots=True)
class Family:
    """Who sends, when, and from within which task: that one's id, its root, and where results are waited for.

    `priority` is that of what names none; `joins_chords` says whether the result store can join chords.
    """

    sender: Sender
    now: datetime
    root_id: str | None = None
    parent_id: str | None = None
    reply_to: str | None = None
    joins_chords: bool = True
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a chord or a group: what the last task of whatever stands there carries."""

    group_id: str | None = None
    group_index: int | None = None
    chord: Mapping[str, Any] | None = None


def prepared(value: Any, family: Family, place: Place | None = None) -> Signature:
    """The signature with an id for each of its tasks, and with its place in a chord; raises FieldInvalidError."""
    one, place = read(value), place or Place()
    match one["subtask_type"]:
        case "chain":
            return _chain(one, family, place)
        case "group" | "chunks":
            return _group(one, family, place)
        case "chord":
            return _chord(one, family, place)
        case _:
            return _task(one, family, place)


def result_of(ready: Signature, parent: ResultTuple | None = None) -> ResultTuple:
    """The result tuple of a prepared signature: `[[id, parent], members]`, members null but for a group."""
    match ready["subtask_type"]:
        case "chain":
            for step in tasks_of(ready):
                parent = result_of(step, parent)
            return parent or [[ready["options"]["task_id"], None], None]
        case "group":
            members = [result_of(member) for member in tasks_of(ready)]
            return [[ready["options"]["task_id"], parent], members]
        case "chord":
            return result_of(body_of(ready), result_of(header_of(ready), parent))
        case _:
            return [[ready["options"]["task_id"], parent], None]


def parts_of(value: Any) -> int:
    """How many parts a signature brings to the chord in whose header it stands [CANV-RED-003]."""
    one = read(value)
    match one["subtask_type"]:
        case "group":
            return sum(parts_of(member) for member in tasks_of(one))
        case "chain":
            return next((count for step in reversed(tasks_of(one)) if (count := parts_of(step))), 0)
        case "chord":
            return parts_of(body_of(one))
        case _:
            return 1


def members_of(one: Signature) -> Iterator[Signature]:
    """The members of a group, groups in it opened, in their order."""
    for value in tasks_of(one):
        member = read(value)
        if member["subtask_type"] == GROUP:
            yield from members_of(member)
        else:
            yield member


def chunks_of(kwargs: Mapping[str, Any]) -> Iterator[Signature]:
    """The calls of `celery.starmap` that chunks come to; raises FieldInvalidError."""
    task, items, size = kwargs.get("task"), kwargs.get("it"), kwargs.get("n")
    if not isinstance(items, list | tuple) or not isinstance(size, int) or size < 1:
        raise FieldInvalidError("kwargs", "it, a list, and n, a whole number from 1 up", kwargs)
    for start in range(0, len(items), size):
        yield signature("celery.starmap", (), {"task": task, "it": list(items[start : start + size])}, immutable=True)


def linked(one: Signature, links: list[Any], errbacks: list[Any]) -> Signature:
    """A signature with further callbacks and errbacks; those of a chord are its body's."""
    if one["subtask_type"] == CHORD:
        return {**one, "kwargs": {**one["kwargs"], "body": linked(body_of(one), links, errbacks)}}
    added = {"link": links, "link_error": errbacks}
    found = {name: [*listed(one["options"].get(name)), *more] for name, more in added.items() if more}
    return {**one, "options": {**one["options"], **found}}


def spread(one: Signature) -> list[Signature]:
    """The steps of a chain with its options: callbacks on the last, errbacks on each, all others on the first."""
    links, errbacks = (listed(one["options"].get(name)) for name in _LINKS)
    steps = [linked(read(step), [], errbacks) for step in tasks_of(one)]
    if steps:
        steps[-1] = linked(steps[-1], links, [])
        left = {"task_id", "chain", *PLACES, *_LINKS}
        steps[0] = with_options(steps[0], **{k: v for k, v in one["options"].items() if k not in left})
    return steps


def listed(value: Any) -> list[Any]:
    """Signatures as options hold them: none, one, or a list."""
    return [] if value is None else [value] if isinstance(value, Mapping) else list(value)


def _task(one: Signature, family: Family, place: Place) -> Signature:
    own = {"task_id": family.sender.new_id(), "reply_to": family.reply_to or family.sender.reply_to}
    options = {name: option for name, option in own.items() if option} | one["options"]
    options |= {"root_id": family.root_id} if family.root_id else {}
    return {**one, "options": _placed(options, place)}


def _placed(options: dict[str, Any], place: Place) -> dict[str, Any]:
    given = {name: getattr(place, name) for name in PLACES if getattr(place, name) is not None}
    return {**options, **given, **({"group_id": options["group_id"]} if "group_id" in options else {})}


def _own_place(options: Mapping[str, Any], outer: Place) -> Place:
    """The place that a canvas has from outside, with what its own options say of it."""
    return replace(outer, **{name: options[name] for name in PLACES if options.get(name) is not None})


def _chain(one: Signature, family: Family, place: Place) -> Signature:
    options = one["options"]
    steps = _steps(tasks_of(one))
    ready = []
    for index, step in enumerate(steps):
        is_last = index == len(steps) - 1
        named = with_options(step, **{"task_id": options.get("task_id"), **step["options"]}) if is_last else step
        ready.append(prepared(named, family, _own_place(options, place) if is_last else None))
    kept = {name: option for name, option in options.items() if name not in PLACES}
    last = {"task_id": _id_of(ready[-1])} if ready else {"task_id": family.sender.new_id()}
    return {**one, "kwargs": {**one["kwargs"], "tasks": ready}, "options": {**kept, **last}}


def _steps(values: list[Any]) -> list[Signature]:
    """The steps of a chain as they are called: chains in it opened, empty groups left out, groups made chords."""
    flat = [step for value in values for step in _opened(value)]
    full = [step for step in flat if not _is_empty_group(step)] or flat[-1:]
    steps: list[Signature] = []
    for step in reversed(full):
        is_header = step["subtask_type"] == GROUP and bool(steps)
        steps.append(_joined(step, steps.pop()) if is_header else step)
    return steps[::-1]


def _joined(header: Signature, body: Signature) -> Signature:
    made = chord([], body)
    return {**made, "kwargs": {**made["kwargs"], "header": header}}


def _opened(value: Any) -> Iterator[Signature]:
    """A step, or the steps of a chain and of a chord's body that is one; a group of one is its member."""
    one = read(value)
    if one["subtask_type"] == CHAIN:
        for step in spread(one):
            yield from _opened(step)
    elif one["subtask_type"] == GROUP and len(tasks_of(one)) == 1:
        yield from _opened(tasks_of(one)[0])
    elif one["subtask_type"] == CHORD and body_of(one)["subtask_type"] == CHAIN:
        yield from _opened_chord(one)
    else:
        yield one


def _opened_chord(one: Signature) -> Iterator[Signature]:
    steps = _steps(spread(body_of(one)))
    if not steps or steps[0]["subtask_type"] == GROUP:
        yield one
    else:
        yield {**one, "kwargs": {**one["kwargs"], "body": steps[0]}}
        yield from steps[1:]


def _is_empty_group(one: Signature) -> bool:
    return one["subtask_type"] == GROUP and not tasks_of(one)


def _group(one: Signature, family: Family, place: Place) -> Signature:
    if one["subtask_type"] == CHUNKS:
        one = {**group(*chunks_of(one["kwargs"])), "options": one["options"]}
    options = {"task_id": family.sender.new_id(), **one["options"]}
    own = _own_place(options, place)
    members = [
        prepared(member, family, replace(own, group_index=index)) for index, member in enumerate(members_of(one))
    ]
    return {**one, "kwargs": {**one["kwargs"], "tasks": members}, "options": _placed(options, place)}


def _chord(one: Signature, family: Family, place: Place) -> Signature:
    if not family.joins_chords:
        raise FieldInvalidError("subtask_type", "no chord, as the result store cannot join one", CHORD)
    options, body = one["options"], body_of(one)
    header = prepared(header_of(one), family)
    if "task_id" in options and "task_id" not in body["options"] and options["task_id"] != _id_of(header):
        body = with_options(body, task_id=options["task_id"])
    kwargs = {**one["kwargs"], "header": header, "body": prepared(body, family, _own_place(options, place))}
    kept = {name: option for name, option in options.items() if name not in PLACES}
    return {**one, "kwargs": kwargs, "options": {**kept, "task_id": _id_of(header)}}


def _id_of(ready: Signature) -> str:
    return str(_id_of(body_of(ready)) if ready["subtask_type"] == CHORD else ready["options"]["task_id"])
