"""Joining chords: what a member's part is, and what the parts of all members come to.

Rules: a part is a list of 1, the id of the task, its state and its result as a document has it [CANV-RED-005]; a
member that was revoked or has failed fails the chord [CANV-CHD-015, CANV-CHD-018], and of several the one in the
first place is named. Where the group of the header was stored, the values are nested as it says [CANV-RED-013] and
taken from the results of the members; otherwise they stand in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_wire.codec import decode_text, encode
from celery_wire.errors import FieldInvalidError, WireError
from celery_wire.models import READY_STATES, AcceptedResult
from celery_wire.results import Result, form

_FIRST = 1


@dataclass(frozen=True, slots=True)
class Joined:
    """A chord of which every part is there, claimed for this worker under `claim`.

    `parts` are JSON texts in the order of their places; `saved` is the result tuple of the header's group where that
    was stored, and `documents` holds the results that it names, as far as they are there.
    """

    group_id: str
    claim: str
    parts: tuple[bytes | str, ...] = ()
    saved: Any = None
    documents: Mapping[str, AcceptedResult] = field(default_factory=dict)


class ChordFailedError(WireError):
    """A member of a chord has failed, or its part cannot be read; the text is that of the body's ChordError."""


def part_text(task_id: str, result: Result) -> str:
    """The part of a member; raises ValueUnencodableError."""
    return encode([_FIRST, task_id, result.status, result.value], "part")


def values(joined: Joined) -> list[Any]:
    """The values of the members, in their order; raises ChordFailedError."""
    if joined.saved is not None:
        return [_of_result(member, joined.documents) for member in _members(joined.saved)]
    return [_of_part(part) for part in joined.parts]


def members_of(saved: Any) -> list[str]:
    """The ids of the tasks in a stored group; raises ChordFailedError."""
    ids: list[str] = []
    for member in _members(saved):
        ids += members_of(member) if _is_group(member) else [str(member[0][0])]
    return ids


def error_form(error: ChordFailedError) -> dict[str, Any]:
    """The exception that the body fails with."""
    return form("ChordError", [str(error)])


def _of_part(text: bytes | str) -> Any:
    try:
        _, task_id, state, value = decode_text(text)
    except (WireError, TypeError, ValueError) as error:
        raise ChordFailedError(f"Join error: {error!r}") from error
    return _value(task_id, state, value)


def _of_result(member: Any, documents: Mapping[str, AcceptedResult]) -> Any:
    if _is_group(member):
        return [_of_result(one, documents) for one in _members(member)]
    task_id = str(member[0][0])
    document = documents.get(task_id)
    if document is None or document.status not in READY_STATES:
        raise ChordFailedError(f"Join error: no result of {task_id}")
    return _value(task_id, document.status, document.result)


def _value(task_id: Any, state: Any, value: Any) -> Any:
    if state == "SUCCESS":
        return value
    raise ChordFailedError(f"Dependency {task_id} raised {_shown(value)}")


def _shown(failure: Any) -> str:
    if not isinstance(failure, Mapping):
        return repr(failure)
    message = failure.get("exc_message", [])
    arguments = message if isinstance(message, list | tuple) else [message]
    return f"{failure.get('exc_type')}({', '.join(map(repr, arguments))})"


def _is_group(member: Any) -> bool:
    return isinstance(member, list | tuple) and len(member) == 2 and member[1] is not None


def _members(saved: Any) -> list[Any]:
    if not _is_group(saved) or not isinstance(saved[1], list | tuple):
        raise ChordFailedError("Join error: the stored group is none")
    return list(saved[1])


def place_of(headers: Mapping[str, Any], chord: Any) -> tuple[str, float | None] | None:
    """Group and index of a member of a chord, from headers or options under the names of headers.

    None for a task that is in no chord. Raises FieldInvalidError for a place that cannot be counted.
    """
    group_id, index = headers.get("group"), headers.get("group_index")
    if not chord or not group_id:
        return None
    if not isinstance(chord, Mapping):
        raise FieldInvalidError("chord", "a signature", chord)
    if not isinstance(group_id, str):
        raise FieldInvalidError("group", "text", group_id)
    if index is not None and (not isinstance(index, int | float) or isinstance(index, bool)):
        raise FieldInvalidError("group_index", "a whole number or null", index)
    return group_id, index
