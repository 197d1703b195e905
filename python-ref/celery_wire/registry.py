"""The tasks that a worker knows.

Rules: a task is found by the exact name in its message. What a task says about itself overrides the policy; None
means that the policy decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery_wire.policy import Policy


@dataclass(frozen=True, slots=True)
class Task:
    """A function under its wire name.

    bound: the function gets the TaskContext as its first argument.
    max_retries: how often it may be retried, None without end; retry_delay: seconds until a retry that names none.
    """

    name: str
    function: Callable[..., Any]
    bound: bool = False
    max_retries: int | None = 3
    retry_delay: float = 180
    ignore_result: bool | None = None
    acks_late: bool | None = None
    track_started: bool | None = None

    def is_acknowledged_late(self, policy: Policy) -> bool:
        """Whether the message is acknowledged after the task rather than before."""
        return policy.acks_late if self.acks_late is None else self.acks_late

    def is_start_tracked(self, policy: Policy) -> bool:
        """Whether STARTED is stored."""
        return policy.track_started if self.track_started is None else self.track_started

    def is_result_ignored(self, policy: Policy) -> bool:
        """Whether results are not stored, as far as the message does not say."""
        return policy.ignore_result if self.ignore_result is None else self.ignore_result


Registry = Mapping[str, Task]
