"""What a chord needs from the end of a task: its part, and the body when the parts of all members are there.

Rules: a task returns its part when it has succeeded, failed or been revoked, not when it is retried [CANV-CHD-019],
whether its result is stored or not [CANV-CHD-021]. A body that cannot be sent, and one whose header has failed, is
stored as FAILURE with each task that somebody waits for, and its errbacks are called [CANV-CHD-015, CANV-CHD-017];
where it is itself a member of a chord, that one fails too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from celery_wire import canvas, chords, results
from celery_wire.abandoned import Abandoned, abandoned
from celery_wire.actions import Action, ReleaseChord, ReturnPart
from celery_wire.chords import ChordFailedError, Joined
from celery_wire.errors import FieldInvalidError, OptionInvalidError, ValueUnencodableError
from celery_wire.policy import Policy
from celery_wire.request import TaskRequest
from celery_wire.results import Result

#: What keeps a signature from being called.
UNCALLABLE = (FieldInvalidError, OptionInvalidError, ValueUnencodableError)


def part(request: TaskRequest, result: Result, policy: Policy) -> list[Action]:
    """The part of a task that is a member of a chord; nothing for any other. Raises ValueUnencodableError."""
    headers, body = request.source.headers, request.embed.get("chord")
    return _part(request, Abandoned({"task_id": request.id}), headers, body, result, policy)


def parts_of(request: TaskRequest, ones: list[Abandoned], result: Result, policy: Policy) -> list[Action]:
    """The failed parts of tasks that will never run and are members of chords."""
    return [
        action
        for one in ones
        if one.task_id is not None
        for action in _part(request, one, one.place, one.options.get("chord"), result, policy)
    ]


def _part(
    request: TaskRequest, one: Abandoned, headers: Any, body: Any, result: Result, policy: Policy
) -> list[Action]:
    try:
        place = chords.place_of(headers, body) if policy.joins_chords else None
    except FieldInvalidError:
        return []
    if place is None or one.task_id is None:
        return []
    text = chords.part_text(one.task_id, result)
    return [ReturnPart(request, place[0], one.task_id, place[1], text, body)]


def joined(last: ReturnPart, chord: Joined, now: datetime, policy: Policy) -> list[Action]:
    """What to do with a chord of which this worker has returned the last part."""
    family = canvas.family_of(last.request, policy, now)
    release = ReleaseChord(chord.group_id, chord.claim)
    try:
        return [*canvas.body_of_chord(last.body, chords.values(chord), family).actions, release]
    except ChordFailedError as error:
        failure = chords.error_form(error)
    except UNCALLABLE as error:
        failure = results.form("ChordError", [f"Callback error: {error!r}"])
    result = Result("FAILURE", failure)
    return [*failed_body(last.request, last.body, result, now, policy), release]


def failed_body(request: TaskRequest, body: Any, result: Result, now: datetime, policy: Policy) -> list[Action]:
    """What to do with the body of a chord that has failed."""
    ones = list(abandoned(body))
    stored = [results.store_for_step(request, one.options, result, now) for one in ones if one.task_id is not None]
    return [*stored, *parts_of(request, ones, result, policy), *_errbacks(request, ones, now, policy)]


def _errbacks(request: TaskRequest, ones: list[Abandoned], now: datetime, policy: Policy) -> Iterator[Action]:
    family = canvas.family_of(request, policy, now)
    for one in ones:
        try:
            for called in canvas.errbacks_of(one, family):
                yield from called.actions
        except UNCALLABLE:
            continue
