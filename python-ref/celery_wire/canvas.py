"""What follows a task: callbacks, the next step of a chain, errbacks, what replaces it, and itself again on a retry.

Rules: one callback is called as it is; of several, each group is called alone and the others as one new group
[CANV-LNK-004]; the next step of a chain is the last element of the list, and the rest travels on with it. A child has
this task as parent and the workflow's root as root [WORK-EMB-011], and its result goes to whoever waits for this
one's unless its signature names another queue. A result is put before the child's own arguments unless the signature
is immutable; an errback gets the id of the failed task instead. What cannot be called is an error, never a step left
out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from celery_wire.abandoned import Abandoned, abandoned
from celery_wire.errors import FieldInvalidError
from celery_wire.message import Publication
from celery_wire.outcome import Retry
from celery_wire.policy import Policy
from celery_wire.preparing import Family, linked
from celery_wire.produce import CallOptions, task_publication
from celery_wire.request import TaskRequest
from celery_wire.signatures import (
    GROUP,
    Signature,
    body_of,
    chain,
    chord,
    group,
    read,
    signature,
    tasks_of,
    with_options,
)
from celery_wire.workflow import Call, call

#: Headers with which RabbitMQ counts dead-lettering; republished, they would look like a cycle.
_DEAD_LETTER_HEADERS = frozenset(
    {"x-death"} | {f"x-{when}-death-{what}" for when in ("first", "last") for what in ("exchange", "queue", "reason")}
)


def family_of(request: TaskRequest, policy: Policy, now: datetime) -> Family:
    """What is sent from within a task belongs to its workflow."""
    given = _whole(request.delivery.message.properties.get("priority"))
    priority = given if policy.inherit_parent_priority else None
    reply_to = request.source.reply_to
    return Family(policy.sender, now, request.root_id, request.id, reply_to, policy.joins_chords, priority)


def after_success(request: TaskRequest, value: Any, policy: Policy, now: datetime) -> list[Call]:
    """The callbacks and the next step of a task that returned a value.

    Raises FieldInvalidError, and what `task_publication` raises.
    """
    family = family_of(request, policy, now)
    callbacks, steps = _signatures(request, "callbacks"), _signatures(request, "chain")
    calls = [call(one, family, (value,)) for one in _together(callbacks)]
    if steps:
        calls.append(call(steps[-1], family, (value,), chain=steps[:-1]))
    return calls


def after_failure(request: TaskRequest, policy: Policy, now: datetime) -> list[Call]:
    """The errbacks of a failed task: always a group, each member called with the failed id.

    Raises FieldInvalidError, and what `task_publication` raises.
    """
    errbacks = _signatures(request, "errbacks")
    return [call(group(*errbacks), family_of(request, policy, now), (request.id,))] if errbacks else []


def later_steps(request: TaskRequest) -> Iterator[Abandoned]:
    """The later steps of a chain: each of them fails with this task; raises FieldInvalidError."""
    for step in _signatures(request, "chain"):
        for one in abandoned(step):
            yield Abandoned(one.options)


def body_of_chord(body: Any, values: list[Any], family: Family) -> Call:
    """The body of a chord of which every member has succeeded; raises what `call` raises."""
    return call(body, family, (values,))


def errbacks_of(one: Abandoned, family: Family) -> list[Call]:
    """The errbacks of a task that will never run, each called with its id; raises what `call` raises."""
    return [call(group(*one.errbacks), family, (one.task_id,))] if one.errbacks and one.task_id else []


def replacement(request: TaskRequest, value: Any, policy: Policy, now: datetime) -> Call:
    """What takes the place of a task: under its id, in its group and chord, with all that was to follow it.

    Raises FieldInvalidError, and what `task_publication` raises.
    """
    nesting = request.header("replaced_task_nesting", 0)
    one = _in_place(read(value), request.id)
    one = linked(one, _signatures(request, "callbacks"), _signatures(request, "errbacks"))
    follows = {
        "group_id": request.header("group"),
        "group_index": request.header("group_index"),
        "chord": request.embed.get("chord"),
        "chain": _signatures(request, "chain") or None,
        "replaced_task_nesting": nesting + 1 if isinstance(nesting, int) else 1,
    }
    return call(one, family_of(request, policy, now), (), **follows)


def retry_publication(request: TaskRequest, retry: Retry, policy: Policy, now: datetime) -> Publication:
    """The message that runs the task again.

    Id, arguments, group, chain, callbacks, limits, priority, origin, root, expiry, stamps and the sender's own
    headers stay; retries is one more; a task without a parent becomes its own. Raises TypeError when the header
    `retries` is no number.
    """
    delivery = request.delivery
    hard, soft = request.header("timelimit") or (None, None)
    delay = retry.countdown if retry.countdown is not None or retry.eta else request.task.retry_delay
    custom = {k: v for k, v in request.source.custom_headers.items() if k not in _DEAD_LETTER_HEADERS}
    options = CallOptions(
        task_id=request.id,
        queue=delivery.routing_key if not delivery.exchange else None,
        exchange=delivery.exchange or None,
        routing_key=delivery.routing_key,
        countdown=delay,
        eta=retry.eta,
        expires=request.header("expires"),
        priority=_whole(delivery.message.properties.get("priority")),
        headers=custom,
        retries=request.retries + 1,
        time_limit=hard,
        soft_time_limit=soft,
        ignore_result=request.is_result_ignored(policy),
        reply_to=request.source.reply_to,
        group_id=request.header("group"),
        group_index=request.header("group_index"),
        root_id=request.root_id,
        parent_id=request.header("parent_id") or request.id,
        shadow=request.header("shadow"),
        origin=request.header("origin"),
        replaced_task_nesting=request.header("replaced_task_nesting", 0),
        link=request.embed.get("callbacks"),
        link_error=request.embed.get("errbacks"),
        chain=request.embed.get("chain"),
        chord=request.embed.get("chord"),
        stamped_headers=request.header("stamped_headers"),
        stamps=request.header("stamps") or {},
    )
    return task_publication(request.task.name, tuple(request.args or ()), request.kwargs, options, policy.sender, now)


def _together(callbacks: list[Any]) -> list[Any]:
    """The callbacks as they are called: one alone as it is, of several the groups alone and the others together."""
    if len(callbacks) < 2:
        return callbacks
    groups = [one for one in callbacks if isinstance(one, Mapping) and one.get("subtask_type") == GROUP]
    others = [one for one in callbacks if one not in groups]
    return [*groups, *([group(*others)] if others else [])]


def _in_place(one: Signature, task_id: str) -> Signature:
    """A signature that takes a task's place: whatever id it names, what ends it has the task's."""
    plain = with_options(one, task_id=None)
    match one["subtask_type"]:
        case "group":
            body = signature("celery.accumulate", (), {"index": 0}, task_id=task_id)
            return chord(tasks_of(one), body, **plain["options"])
        case "chord":
            return {**plain, "kwargs": {**one["kwargs"], "body": _in_place(body_of(one), task_id)}}
        case "chain":
            *first, last = tasks_of(one) or [None]
            return chain(*first, _in_place(read(last), task_id), **plain["options"])
        case _:
            return with_options(one, task_id=task_id)


def _signatures(request: TaskRequest, part: str) -> list[Any]:
    signatures = request.embed.get(part) or []
    if not isinstance(signatures, list):
        raise FieldInvalidError(part, "a list of signatures or null", signatures)
    return signatures


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
