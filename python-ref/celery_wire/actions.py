"""What the life cycle tells a shell to do.

Rules: actions are done in the order in which they stand. `Acknowledge` and `Reject` concern the delivery that the
actions were made for, and a second one for the same delivery is never made. What is stored or published is complete
and already serialized, so that doing an action cannot fail for any reason but the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from celery_wire.message import Publication
from celery_wire.request import TaskRequest


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Tell the broker that the message is done with."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Tell the broker that the message is refused: dropped or dead-lettered, or put back into its queue."""

    requeue: bool = False


@dataclass(frozen=True, slots=True)
class Reserve:
    """Keep the message unacknowledged until there is a free slot, then call `lifecycle.begin`."""

    request: TaskRequest


@dataclass(frozen=True, slots=True)
class Schedule:
    """Keep the message unacknowledged until it is due, then treat it as reserved."""

    request: TaskRequest
    due: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """Run the task in a slot of the pool, then call `lifecycle.finish` with its outcome."""

    request: TaskRequest


@dataclass(frozen=True, slots=True)
class Store:
    """Store a result document; `body` is its JSON text.

    `reply_to` and `correlation_id` say where a store that sends results as messages sends this one.
    """

    task_id: str
    document: Mapping[str, Any]
    body: str
    reply_to: str | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Bring a message to the broker; when that fails, `lifecycle.unpublished` says what follows."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class SaveGroup:
    """Store the result tuple of a group under its id, before the first of its members is published."""

    group_id: str
    result: list[Any]


@dataclass(frozen=True, slots=True)
class SizeChord:
    """Store how many parts a chord waits for, before the last of its members is published."""

    group_id: str
    size: int


@dataclass(frozen=True, slots=True)
class ReturnPart:
    """Record what became of a member of a chord; when all are there, `lifecycle.joined` says what follows.

    `index` is the member's place, None when it has none; `part` is its JSON text; `body` is the signature to call.
    """

    request: TaskRequest
    group_id: str
    task_id: str
    index: float | None
    part: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReleaseChord:
    """Give up the claim on a chord: its body was published, or has failed."""

    group_id: str
    claim: str
    failed: bool = False


Action = (
    Acknowledge
    | Reject
    | Reserve
    | Schedule
    | Run
    | Store
    | Publish
    | SaveGroup
    | SizeChord
    | ReturnPart
    | ReleaseChord
)
