"""The life of a message in a worker, as functions from facts to actions.

    receive --> Reserve | Schedule --> begin --> Run --> finish
       |                                 |
       +-- Reject, Store                 +-- Store REVOKED, Acknowledge (expired)

Rules, those of Celery's worker as seen from outside:

- A message is acknowledged before its task runs, or, with acks_late, after its result is stored [WORK-ACK-002].
- What is due later stays unacknowledged until then [WORK-ACK-005]. What has expired is stored as REVOKED and
  acknowledged without running, on receipt and again before it runs [WORK-EXP-001 to 004].
- What cannot be acted upon is rejected without requeueing, so that it never comes back, and the worker goes on.
  Unlike in Celery, where some such messages end the worker and most leave no trace, a FAILURE is stored for whoever
  waits whenever the message has an id [WORK-ROB-010].
- A retry is published before RETRY is stored and its message is acknowledged [WORK-RTY-010], and what follows a task
  before its SUCCESS is stored [WORK-EMB-010].

- A member of a chord returns its part after its result is stored; `joining` says what follows when all are there.

Nothing here does I/O, looks at a clock or keeps state.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from celery_wire import canvas, joining, results
from celery_wire.actions import Acknowledge, Action, Publish, Reject, Reserve, Run, Schedule
from celery_wire.errors import (
    BodyUndecodableError,
    ContentRefusedError,
    FieldInvalidError,
    OptionInvalidError,
    UnknownMessageError,
    ValueUnencodableError,
    WireError,
)
from celery_wire.message import Delivery
from celery_wire.outcome import Failed, Ignored, Outcome, Rejected, Replaced, Retried, Succeeded
from celery_wire.outcome import Reject as TaskReject
from celery_wire.policy import Policy
from celery_wire.registry import Registry
from celery_wire.request import Candidate, TaskRequest, identify, read_request
from celery_wire.results import Result, exception_form, form

#: What is wrong with a message, and the exception that Celery or kombu has for it.
REFUSALS: tuple[tuple[type[WireError], str, str], ...] = (
    (ContentRefusedError, "ContentDisallowed", "kombu.exceptions"),
    (BodyUndecodableError, "DecodeError", "kombu.exceptions"),
    (FieldInvalidError, "InvalidTaskError", "celery.exceptions"),
)


def receive(delivery: Delivery, now: datetime, policy: Policy, registry: Registry) -> list[Action]:
    """What to do with a message that has just come in."""
    try:
        candidate = identify(delivery, policy)
    except (ContentRefusedError, BodyUndecodableError, UnknownMessageError):
        return [Reject()]
    task = registry.get(candidate.task) if isinstance(candidate.task, str) else None
    if task is None:
        return _refused(candidate, form("NotRegistered", [candidate.task]), now, policy)
    try:
        request = read_request(candidate, task, policy)
    except (ContentRefusedError, BodyUndecodableError, FieldInvalidError) as error:
        name, module = next(row[1:] for row in REFUSALS if isinstance(error, row[0]))
        return _refused(candidate, form(name, [str(error)], module), now, policy)
    return _taken(request, now, policy)


def begin(request: TaskRequest, now: datetime, policy: Policy) -> list[Action]:
    """What to do with a reserved message when a slot is free."""
    if _is_expired(request, now):
        return _expired(request, now, policy)
    actions: list[Action] = []
    if not request.task.is_acknowledged_late(policy):
        actions.append(Acknowledge())
    if request.task.is_start_tracked(policy) and not request.is_result_ignored(policy):
        started = Result("STARTED", {"pid": policy.pid, "hostname": policy.node_name})
        actions.append(results.store_for_request(request, started, now, policy))
    return [*actions, Run(request)]


def finish(request: TaskRequest, outcome: Outcome, now: datetime, policy: Policy) -> list[Action]:
    """What to do after the task has run."""
    match outcome:
        case Succeeded():
            return _succeeded(request, outcome, now, policy)
        case Failed():
            return _failed(request, outcome, now, policy)
        case Retried():
            return _retried(request, outcome, now, policy)
        case Rejected():
            return _rejected(request, outcome, now, policy)
        case Replaced():
            return _replaced(request, outcome, now, policy)
        case Ignored():
            return _ignored(request, policy)


def progress(request: TaskRequest, state: str, meta: Any, now: datetime, policy: Policy) -> list[Action]:
    """What to do when a running task reports a state of its own; raises ValueUnencodableError."""
    return [results.store_for_request(request, Result(state, meta), now, policy)]


def unpublished(request: TaskRequest, error: Exception, now: datetime, policy: Policy) -> list[Action]:
    """What to do instead of the remaining actions when a message of `finish` could not be published."""
    return _rejected(request, Rejected(TaskReject(str(error))), now, policy)


def unstored(request: TaskRequest, policy: Policy) -> list[Action]:
    """What to do instead of the remaining actions when a result of `finish` could not be stored.

    A message that is acknowledged late goes back to its queue: its result would be lost otherwise.
    """
    return _late(request, policy, Reject(requeue=True))


def _taken(request: TaskRequest, now: datetime, policy: Policy) -> list[Action]:
    if _is_expired(request, now):
        return _expired(request, now, policy)
    if request.eta is None:
        return [Reserve(request)]
    try:
        due = request.eta.astimezone(UTC)
    except OverflowError as error:
        return _refused(request.source, exception_form(error), now, policy)
    return [Schedule(request, due)] if due > now else [Reserve(request)]


def _refused(candidate: Candidate, failure: dict[str, Any], now: datetime, policy: Policy) -> list[Action]:
    if candidate.task_id is None:
        return [Reject()]
    result = Result("FAILURE", failure)
    return [results.store_for_candidate(candidate, candidate.task_id, result, now, policy), Reject()]


def _is_expired(request: TaskRequest, now: datetime) -> bool:
    return request.expires is not None and now > request.expires


def _expired(request: TaskRequest, now: datetime, policy: Policy) -> list[Action]:
    revoked = Result("REVOKED", form("TaskRevokedError", ["expired"]))
    actions = _stored_error(request, revoked, now, policy)
    return [*actions, *_consequences(request, revoked, now, policy, is_stored=bool(actions)), Acknowledge()]


def _succeeded(request: TaskRequest, outcome: Succeeded, now: datetime, policy: Policy) -> list[Action]:
    try:
        calls = canvas.after_success(request, outcome.value, policy, now)
        children = (*outcome.children, *(called.result for called in calls))
        result = Result("SUCCESS", outcome.value, children=children)
        stored: list[Action] = []
        if not request.is_result_ignored(policy):
            stored = [results.store_for_request(request, result, now, policy)]
        part = joining.part(request, result, policy)
    except ValueUnencodableError as error:
        failure = form("EncodeError", [error.cause_text], "kombu.exceptions")
        return _ends_in_failure(request, Result("FAILURE", failure, children=outcome.children), now, policy)
    except (FieldInvalidError, OptionInvalidError) as error:
        return _failed(request, Failed(error, children=outcome.children), now, policy)
    sent = [action for called in calls for action in called.actions]
    return [*sent, *stored, *part, *_late(request, policy, Acknowledge())]


def _replaced(request: TaskRequest, outcome: Replaced, now: datetime, policy: Policy) -> list[Action]:
    try:
        called = canvas.replacement(request, outcome.signature, policy, now)
    except joining.UNCALLABLE as error:
        return _failed(request, Failed(error, children=outcome.children), now, policy)
    return [*called.actions, *_late(request, policy, Acknowledge())]


def _ignored(request: TaskRequest, policy: Policy) -> list[Action]:
    """A member of a chord that ends without a result fails it: the others would wait for ever."""
    part = joining.part(request, Result("FAILURE", form("Ignore", [])), policy)
    return [*part, *_late(request, policy, Acknowledge())]


def _failed(request: TaskRequest, outcome: Failed, now: datetime, policy: Policy) -> list[Action]:
    failure = exception_form(outcome.exception)
    return _ends_in_failure(request, Result("FAILURE", failure, outcome.traceback, outcome.children), now, policy)


def _ends_in_failure(request: TaskRequest, result: Result, now: datetime, policy: Policy) -> list[Action]:
    done = Acknowledge() if policy.acks_on_failure else Reject()
    return [*_failure(request, result, now, policy), *_late(request, policy, done)]


def _retried(request: TaskRequest, outcome: Retried, now: datetime, policy: Policy) -> list[Action]:
    retry = outcome.retry
    limit = request.task.max_retries if retry.max_retries is None else retry.max_retries
    try:
        if limit is not None and request.retries + 1 > limit:
            result = Result("FAILURE", _last_error(request, retry.exc), outcome.traceback, outcome.children)
            return _ends_in_failure(request, result, now, policy)
        publication = canvas.retry_publication(request, retry, policy, now)
    except (TypeError, OptionInvalidError, ValueUnencodableError) as error:
        return _failed(request, Failed(error, outcome.traceback, outcome.children), now, policy)
    cause = exception_form(retry.exc) if retry.exc else None
    result = Result("RETRY", cause, outcome.traceback, outcome.children)
    stored = _stored_error(request, result, now, policy)
    return [Publish(publication), *stored, *_late(request, policy, Acknowledge())]


def _rejected(request: TaskRequest, outcome: Rejected, now: datetime, policy: Policy) -> list[Action]:
    reject = outcome.reject
    stored: list[Action] = []
    if not reject.requeue:
        result = Result("FAILURE", form("Reject", reject.args), children=outcome.children)
        stored = _failure(request, result, now, policy)
    return [*stored, *_late(request, policy, Reject(reject.requeue))]


def _failure(request: TaskRequest, result: Result, now: datetime, policy: Policy) -> list[Action]:
    """A failure: its own, that of whatever was to follow, and a call of its errbacks."""
    actions = _stored_error(request, result, now, policy)
    actions += _consequences(request, result, now, policy, is_stored=bool(actions))
    try:
        errbacks = canvas.after_failure(request, policy, now)
    except (FieldInvalidError, OptionInvalidError):
        return actions
    return [*actions, *(action for called in errbacks for action in called.actions)]


def _consequences(
    request: TaskRequest, result: Result, now: datetime, policy: Policy, *, is_stored: bool
) -> list[Action]:
    """What a failure is for others: the chord of the task, the later steps of its chain, and their chords."""
    actions = joining.part(request, result, policy)
    try:
        steps = list(canvas.later_steps(request))
    except FieldInvalidError:
        return actions
    if is_stored:
        named = [step for step in steps if step.task_id is not None]
        actions += [results.store_for_step(request, step.options, result, now) for step in named]
    return [*actions, *joining.parts_of(request, steps, result, policy)]


def _stored_error(request: TaskRequest, result: Result, now: datetime, policy: Policy) -> list[Action]:
    if request.is_result_ignored(policy) and not policy.store_errors_even_if_ignored:
        return []
    return [results.store_for_request(request, result, now, policy)]


def _late(request: TaskRequest, policy: Policy, action: Acknowledge | Reject) -> list[Action]:
    """The action when the message is acknowledged late; otherwise it is acknowledged already."""
    return [action] if request.task.is_acknowledged_late(policy) else []


def _last_error(request: TaskRequest, given: Exception | None) -> dict[str, Any]:
    """What a task fails with when no retries are left."""
    if given is not None:
        return exception_form(given)
    arguments = f"args:{tuple(request.args or ())} kwargs:{request.kwargs}"
    return form("MaxRetriesExceededError", [f"Can't retry {request.task.name}[{request.id}] {arguments}"])
