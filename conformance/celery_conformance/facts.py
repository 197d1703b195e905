"""Facts: what happened on the wire, named by effect, and the timeline that collects them.

Rules:

* A fact names an effect (a result was stored), never a command (SETEX).
* It carries the party whose traffic showed it, its connection, when the request was seen and when the
  broker's answer confirmed it, both in milliseconds since the run began.
* Its source says who saw it; only facts of the tap carry order between parties.
* The timeline only grows. Whoever waits for a fact waits on the timeline, with a deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from celery_conformance.clock import Clock

Source = Literal["tap", "observer", "trace", "process", "recording"]

#: Every kind of fact, with what it means. The order is that of the life of a message.
KINDS: dict[str, str] = {
    "connection-opened": "a party opened a connection to the broker or the store",
    "connection-closed": "a connection ended; `cut` tells whether the suite cut it",
    "declared": "a queue or an exchange was declared",
    "bound": "a queue was bound to an exchange",
    "consuming": "a party asked for the messages of a queue",
    "limited": "a party limited the number of unacknowledged messages it takes (prefetch)",
    "published": "a message came to the broker",
    "delivered": "a message was given to a party",
    "held": "a party stored the unacknowledged copy of a message it was given (Redis)",
    "indexed": "a party entered the delivery tag of such a copy into the index, with its moment (Redis)",
    "acknowledged": "a party gave up a message as done",
    "rejected": "a party refused a message; `requeue` tells whether it goes back",
    "restored": "an unacknowledged message was put back on its queue (Redis)",
    "result-awaited": "a party subscribed to the announcement of a result (Redis)",
    "result-read": "a party read the stored result of a task",
    "result-stored": "the result document of a task was stored, or sent to the caller's reply queue",
    "result-announced": "a stored result was announced to subscribers (Redis)",
    "result-removed": "the stored result of a task was deleted",
    "chord-sized": "the number of parts that a chord waits for was stored (Redis)",
    "chord-grown": "a member was added to a running chord (Redis)",
    "chord-part-stored": "the part of a member of a chord was stored (Redis)",
    "chord-cleared": "what was stored for a chord was removed; `removed` holds the endings of the keys (Redis)",
    "group-stored": "the members of a group were stored under its id (Redis)",
    "broadcast": "a message was sent to every subscriber of a fanout exchange (events, remote control)",
    "task-started": "a task wrote its start into the trace file",
    "task-ended": "a task wrote its end into the trace file",
    "process-started": "a process of the implementation was started",
    "process-exited": "a process of the implementation ended",
    "undecodable": "bytes that are not the protocol's; they were forwarded all the same",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened.

    ``sent`` and ``confirmed`` are milliseconds of the run's clock; ``confirmed`` is None where the protocol
    has no answer. ``data`` holds the fields that cases point into.
    """

    kind: str
    party: str
    connection: int
    sent: float
    confirmed: float | None
    source: Source
    data: dict[str, Any]
    number: int = -1

    @property
    def task_id(self) -> str | None:
        """The id of the task this fact is about, where it is about one."""
        value = self.data.get("task_id")
        return value if isinstance(value, str) else None


#: One word of a case for several kinds of fact, where it does not matter which of them it was.
UNIONS: dict[str, tuple[str, ...]] = {
    "settled": ("acknowledged", "rejected"),
    "done": ("acknowledged", "rejected", "result-stored"),
    "result-sought": ("result-read", "result-awaited"),
}

#: The fields that facts of some kind have, beside what a message brings along; a filter may name these without a slash.
FIELDS = frozenset(
    {"task_id", "queue", "exchange", "routing_key", "key", "end", "priority_step", "redelivered", "delivery_tag"}
    | {"requeue", "what", "name", "type", "passive", "durable", "auto_delete", "exclusive", "arguments", "member"}
    | {"pattern", "no_ack", "count", "global", "store", "document", "expires", "channel", "found", "nonce", "time"}
    | {"pid", "code", "cut", "broadcast", "content_type", "content_encoding", "headers", "properties", "body"}
    | {"problem", "entry", "score", "leads_to", "group_id", "size", "added", "part", "removed"}
)

Predicate = Callable[[Fact], bool]


@dataclass(slots=True)
class _Waiter:
    predicate: Predicate
    future: asyncio.Future[Fact]


@dataclass(slots=True)
class Timeline:
    """All facts of a run, in the order in which they became known."""

    clock: Clock
    facts: list[Fact] = field(default_factory=list)
    _waiters: list[_Waiter] = field(default_factory=list)

    def add(
        self,
        kind: str,
        party: str,
        data: dict[str, Any],
        *,
        connection: int = 0,
        sent: float | None = None,
        confirmed: float | None = None,
        source: Source = "tap",
    ) -> Fact:
        """Append a fact and wake whoever waits for it."""
        if kind not in KINDS:
            raise ValueError(f"no such kind of fact: {kind!r}")
        moment = self.clock.now() if sent is None else sent
        fact = Fact(kind, party, connection, moment, confirmed, source, data, len(self.facts))
        self.facts.append(fact)
        self._wake(fact)
        return fact

    def _wake(self, fact: Fact) -> None:
        for waiter in [w for w in self._waiters if not w.future.done() and w.predicate(fact)]:
            waiter.future.set_result(fact)

    def since(self, number: int) -> Iterator[Fact]:
        """The facts from a position on."""
        return iter(self.facts[number:])

    async def wait(self, predicate: Predicate, seconds: float, start: int = 0) -> Fact | None:
        """Return the first fact from position ``start`` on that fits, or None when the deadline passes."""
        for fact in self.since(start):
            if predicate(fact):
                return fact
        waiter = _Waiter(predicate, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            return await asyncio.wait_for(waiter.future, seconds)
        except TimeoutError:
            return None
        finally:
            self._waiters.remove(waiter)
