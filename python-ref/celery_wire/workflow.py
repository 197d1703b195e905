"""From a signature to what has to be done to call it: messages, and what a chord needs beside them.

    read -> preparing.prepared -> one Publish a task, and SaveGroup and SizeChord for a chord

Rules: of a chain only the first step is sent, with the rest in its message, the next step last [CANV-CHN-002]. The
size of a chord is stored before its last member is sent [CANV-RED-002], its group before the first where a member
ends in a group [CANV-RED-012]; a chord without members is its body with an empty list [CANV-CHD-005]. Options given
for a call go over those of its signature, but never over its group and its stamps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from celery_wire.actions import Publish, SaveGroup, SizeChord
from celery_wire.message import Publication
from celery_wire.preparing import (
    PLACES,
    Family,
    Place,
    ResultTuple,
    linked,
    listed,
    members_of,
    parts_of,
    prepared,
    result_of,
    spread,
)
from celery_wire.produce import CallOptions, task_publication
from celery_wire.signatures import CHAIN, CHORD, Signature, body_of, header_of, read, tasks_of

Action = Publish | SaveGroup | SizeChord

_OPTION_NAMES = frozenset(option.name for option in fields(CallOptions))
#: Options that a call does not change where the signature has them.
_KEPT = frozenset({"group_id", "stamped_headers"})
#: Options of a chord that its header does not have, and those that its body does not have.
_NOT_OF_HEADER = frozenset({"task_id", "chain", "link", "link_error", *PLACES})
_NOT_OF_BODY = frozenset({"task_id", "countdown", "eta", "link", "link_error"})


@dataclass(frozen=True, slots=True)
class Call:
    """What calling a signature comes to: actions in their order, and the result tuple of the whole."""

    actions: tuple[Action, ...]
    result: ResultTuple


def call(value: Any, family: Family, args: tuple[Any, ...] = (), **options: Any) -> Call:
    """Call a signature of any kind, with arguments before its own and options over its own.

    Raises FieldInvalidError, and what `task_publication` raises.
    """
    ready = prepared(_merged(read(value), args, options), family)
    return Call(tuple(_sent(ready, family)), result_of(ready))


def _merged(one: Signature, args: tuple[Any, ...], options: dict[str, Any]) -> Signature:
    """A signature with options over its own and, unless it is immutable, arguments before its own."""
    kept = _KEPT | set(one["options"].get("stamped_headers") or ())
    new = {
        name: option
        for name, option in options.items()
        if option is not None and not (name in kept and name in one["options"])
    }
    merged = {**one, "options": {**one["options"], **new}}
    return merged if one["immutable"] else {**merged, "args": [*args, *one["args"]]}


def _sent(ready: Signature, family: Family) -> Iterator[Action]:
    match ready["subtask_type"]:
        case "chain":
            yield from _sent_chain(ready, family)
        case "group":
            yield from _sent_group(ready, family)
        case "chord":
            yield from _sent_chord(ready, family)
        case _:
            yield Publish(_publication(ready, family))


def _publication(ready: Signature, family: Family) -> Publication:
    options = ready["options"]
    stamped = options.get("stamped_headers") or []
    known = {name: option for name, option in options.items() if name in _OPTION_NAMES and option is not None}
    known["stamps"] = {name: options[name] for name in stamped if name in options}
    lineage = {"root_id": family.root_id, "parent_id": family.parent_id}
    known |= {name: value for name, value in lineage.items() if value is not None}
    known.setdefault("priority", family.priority)
    args, kwargs = tuple(ready["args"]), ready["kwargs"]
    return task_publication(ready["task"], args, kwargs, CallOptions(**known), family.sender, family.now)


def _sent_chain(ready: Signature, family: Family) -> Iterator[Action]:
    steps, tail = spread(ready), ready["options"].get("chain")
    if steps:
        rest = [*(tail or []), *reversed(steps[1:])]
        follows = {"chain": rest if rest or tail is not None else None}
        yield from _sent(_merged(steps[0], tuple(ready["args"]), follows), family)


def _sent_group(ready: Signature, family: Family) -> Iterator[Action]:
    group_id = ready["options"]["task_id"]
    options = {name: option for name, option in ready["options"].items() if name not in ("task_id", *PLACES)}
    for member in tasks_of(ready):
        placed = _merged(member, tuple(ready["args"]), {**options, "group_id": group_id})
        # A member that is a chain or a chord hands the group on to its last task.
        again = placed["subtask_type"] in (CHAIN, CHORD)
        yield from _sent(prepared(placed, family) if again else placed, family)


def _sent_chord(ready: Signature, family: Family) -> Iterator[Action]:
    header = header_of(ready)
    group_id, members = header["options"]["task_id"], list(members_of(header))
    body = _body(ready, group_id, family)
    if not members:
        yield from _sent(_merged(body, ([],), {}), family)
        return
    results = [result_of(member) for member in members]
    if any(result[1] is not None for result in results):
        yield SaveGroup(group_id, [[group_id, None], results])
    every = {**header["options"], **ready["options"]}
    options = {name: option for name, option in every.items() if name not in _NOT_OF_HEADER}
    for index, member in enumerate(members):
        if index == len(members) - 1:
            yield SizeChord(group_id, sum(map(parts_of, members)))
        placed = prepared(member, family, Place(group_id, index, body))
        yield from _sent(_merged(placed, tuple(ready["args"]), options), family)


def _body(ready: Signature, group_id: str, family: Family) -> Signature:
    """The body as the members carry it: with the options of the chord, and in the group of its header."""
    options = {name: option for name, option in ready["options"].items() if name not in _NOT_OF_BODY}
    links, errbacks = listed(ready["options"].get("link")), listed(ready["options"].get("link_error"))
    body = body_of(ready)
    body = linked({**body, "options": {**body["options"], **options}}, links, errbacks)
    return prepared(body, family, Place(group_id))
