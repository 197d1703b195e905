"""What a running task knows of its message, and what it can ask of its worker.

Rules: a child that a task sends belongs to the same workflow: it has the task as parent and the task's root as root,
unless the call says otherwise [WORK-INH-001]. The sender's own headers and stamps are not inherited [WORK-INH-002],
the priority only where the worker was told so [WORK-INH-003].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from celery_wire import canvas, joining, lifecycle, workflow
from celery_wire.actions import Action, Publish
from celery_wire.errors import OptionInvalidError
from celery_wire.outcome import Replace, Retry
from celery_wire.policy import Policy
from celery_wire.produce import CallOptions, task_publication
from celery_wire.request import TaskRequest
from celery_wire.results import Result, form
from celery_wire.times import utc_now

_OPTIONS = frozenset(option.name for option in fields(CallOptions))


def call_options(options: dict[str, Any]) -> CallOptions:
    """The options of a call; raises OptionInvalidError for one that there is not."""
    for option, value in options.items():
        if option not in _OPTIONS:
            raise OptionInvalidError(option, f"one of the options {', '.join(sorted(_OPTIONS))}", value)
    return CallOptions(**options)


class TaskContext:
    """Given to a bound task as its first argument; only for use while the task runs."""

    def __init__(self, request: TaskRequest, policy: Policy, perform: Callable[[Sequence[Action]], None]) -> None:
        self.request = request
        self.children: tuple[Any, ...] = ()
        self._policy = policy
        self._perform = perform

    @property
    def retries(self) -> int:
        """How often the task was retried before."""
        retries: int = self.request.retries
        return retries

    def retry(
        self,
        *,
        countdown: float | None = None,
        eta: datetime | str | None = None,
        exc: Exception | None = None,
        max_retries: int | None = None,
    ) -> Retry:
        """What to raise to run again: `raise context.retry(countdown=5)`; see `Retry` for the arguments."""
        return Retry(countdown=countdown, eta=eta, exc=exc, max_retries=max_retries)

    def update_state(self, state: str, meta: Any = None) -> None:
        """Store a state of the task's own; raises ValueUnencodableError and StoreUnavailableError."""
        self._perform(lifecycle.progress(self.request, state, meta, utc_now(), self._policy))

    def send(self, task: str, args: Any = (), kwargs: Any = None, **options: Any) -> str:
        """Send a task as a child of this one and return its id; options and errors are those of `Client.send`."""
        now = utc_now()
        family = canvas.family_of(self.request, self._policy, now)
        inherited = {"root_id": family.root_id, "parent_id": family.parent_id, "priority": family.priority}
        call = call_options({**inherited, **options})
        publication = task_publication(task, args, kwargs, call, self._policy.sender, now)
        self._perform([Publish(publication)])
        task_id = str(publication.message.headers["id"])
        self.children = (*self.children, [[task_id, None], None])
        return task_id

    def apply(self, signature: Any, *args: Any, **options: Any) -> Any:
        """Call a signature of any kind as a child of this task and return its result tuple.

        The arguments stand before those of the signature, the options go over its own. Raises FieldInvalidError
        for what cannot be called, and what `send` raises.
        """
        family = canvas.family_of(self.request, self._policy, utc_now())
        called = workflow.call(signature, family, args, **options)
        self._perform(called.actions)
        self.children = (*self.children, called.result)
        return called.result

    def replace(self, signature: Any) -> Replace:
        """What to raise to have a signature of any kind take this task's place: `raise context.replace(one)`."""
        return Replace(signature)

    def fail(self, body: Any, error: Exception) -> None:
        """Have the body of a chord fail: what somebody waits for is stored, and its errbacks are called."""
        result = Result("FAILURE", form("ChordError", [str(error)]))
        self._perform(joining.failed_body(self.request, body, result, utc_now(), self._policy))
