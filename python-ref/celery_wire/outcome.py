"""How a task ends: what it may raise to say so, and the outcome that the life cycle is told.

Rules: `Retry`, `Reject`, `Ignore` and `Replace` are no errors of the task; any other exception is its failure. An
outcome is plain data: the pool makes it, the life cycle reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


class Retry(Exception):
    """Raised by a task to run again later.

    `countdown` is seconds; with neither it nor `eta` the task's own delay holds. `exc` is the exception to report
    when no retries are left. `args` and `kwargs` replace those of the message; `max_retries` replaces the task's.
    """

    def __init__(
        self,
        *,
        countdown: float | None = None,
        eta: datetime | str | None = None,
        exc: Exception | None = None,
        max_retries: int | None = None,
    ) -> None:
        when = f"at {eta}" if eta and not countdown else f"in {countdown}s"
        super().__init__(f"Retry {when}: {exc!r}" if exc else f"Retry {when}")
        self.countdown = countdown
        self.eta = eta
        self.exc = exc
        self.max_retries = max_retries


class Reject(Exception):
    """Raised by a task to have its message rejected; it acts on the message only when that is acknowledged late."""

    def __init__(self, reason: Any = None, requeue: bool = False) -> None:
        super().__init__(reason, requeue)
        self.reason = reason
        self.requeue = requeue


class Ignore(Exception):
    """Raised by a task to end without a result."""


class Replace(Exception):
    """Raised by a task to have another take its place: a signature of any kind that is no chord's member yet."""

    def __init__(self, signature: Any) -> None:
        super().__init__(signature)
        self.signature = signature


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task returned a value; `children` are the result tuples of what it sent."""

    value: Any
    children: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The task raised an exception; `traceback` is text."""

    exception: BaseException
    traceback: str | None = None
    children: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Retried:
    """The task asked to run again."""

    retry: Retry
    traceback: str | None = None
    children: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The task rejected its message, or a message that it depends on could not be published."""

    reject: Reject = field(default_factory=Reject)
    children: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """The task ends without a result."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The task has another take its place."""

    signature: Any
    children: tuple[Any, ...] = ()


Outcome = Succeeded | Failed | Retried | Rejected | Ignored | Replaced
