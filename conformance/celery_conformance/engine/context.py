"""What one running case has: its names, its worker, its place on the timeline, and the run around it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.cases.model import Instance
from celery_conformance.engine.door2 import Client
from celery_conformance.engine.suite import Suite
from celery_conformance.engine.testbed import Space, Testbed
from celery_conformance.engine.workers import (
    IDLE_PING_SECONDS,
    PING_SECONDS,
    Worker,
    WorkerGone,
    WorkerKeeper,
)
from celery_conformance.facts import Fact
from celery_conformance.matchers import Scope

#: How long a fact may be late before the engine asks whether its worker still serves.
_PATIENCE_SECONDS = 2.0
#: How long after a late worker's ping a fact of the case may still come.
_GRACE_SECONDS = 2.0


class Unsupported(Exception):
    """The implementation said that it does not support what a case needs."""


class StepFailed(Exception):
    """A step could not be done because the implementation did not do its part."""


@dataclass(slots=True)
class Context:
    """The state of a case while it runs."""

    instance: Instance
    testbed: Testbed
    suite: Suite
    space: Space
    queue: str
    seconds: float
    random: random.Random
    client: Client | None = None
    keeper: WorkerKeeper | None = None
    worker: Worker | None = None
    names: dict[str, Any] = field(default_factory=dict)
    start: int = 0
    own_workers: list[Worker] = field(default_factory=list)
    reads: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = len(self.testbed.timeline.facts)
        self.names |= {"queue": self.queue, "axis": dict(self.instance.axes)}

    def fresh(self, what: str = "id") -> str:
        """A text nobody else uses, the same for the same seed."""
        return f"{what}-{self.random.getrandbits(64):016x}"

    def scope(self, document: Any = None) -> Scope:
        return Scope(self.names, document)

    def fill(self, given: Any) -> Any:
        """A value of the case with its references filled in."""
        return self.scope().value(given)

    def bind(self, arguments: Mapping[str, Any], value: Any) -> None:
        if "as" in arguments:
            self.names[arguments["as"]] = value

    def need_client(self) -> Client:
        if self.client is None:
            raise StepFailed("the case needs a client and the adapter has none")
        return self.client

    def need_worker(self) -> Worker:
        if self.worker is None:
            raise StepFailed("the case needs a worker and has none")
        return self.worker

    def parties(self, role: str) -> set[str]:
        """The parties that play a role in this case."""
        if role == "worker":
            workers = [*self.own_workers, *([self.worker] if self.worker is not None else [])]
            return {worker.party for worker in workers}
        if role == "client":
            return {self.client.party} if self.client is not None else set()
        return {role}

    async def wait(self, predicate: Callable[[Fact], bool], start: int | None = None) -> Fact | None:
        """Wait for a fact of this case; a worker that dies meanwhile ends the case.

        The end of a worker of the case's own ends the waiting: what did not come by then never comes.

        Raises:
            WorkerGone: the shared worker of the case ended or stopped taking messages.
        """
        timeline = self.testbed.timeline
        begin = self.start if start is None else start
        if self.worker is None or self.keeper is None:
            return await timeline.wait(predicate, self.seconds, begin)
        fact = await self.keeper.wait(self.worker, predicate, _PATIENCE_SECONDS, begin)
        if fact is None:
            # The fact is late: is the worker? The ping and the rest of the wait run side by side.
            fact, serves = await self._late(predicate, begin, self.worker, self.keeper)
            if fact is None and not serves:
                self.worker.declare_gone("it no longer takes messages off its queue")
                if self.worker not in self.own_workers:
                    raise WorkerGone(self.worker.why)
        return fact

    async def _late(
        self, predicate: Callable[[Fact], bool], begin: int, worker: Worker, keeper: WorkerKeeper
    ) -> tuple[Fact | None, bool]:
        """Wait on, and ping; a worker of the case's own that does not do its ping ends the waiting.

        A worker that was held up (its machine was, or a process of its pool had to be replaced) has not missed the
        deadline: what it does is in order, so a fact is missing only when the later ping is done and it is not there.
        """
        own = worker in self.own_workers
        # A worker taken over after a death has this case alone; one a case asked for may be kept busy by it.
        idle = own and self.instance.case.isolation == "shared"
        seconds = IDLE_PING_SECONDS if idle else PING_SECONDS
        waiting = keeper.wait(worker, predicate, self.seconds - _PATIENCE_SECONDS, begin)
        fact, ping = asyncio.create_task(waiting), asyncio.create_task(keeper.serves(worker, seconds))
        try:
            await asyncio.wait({fact, ping}, return_when=asyncio.FIRST_COMPLETED)
            if fact.done() and fact.result() is not None:
                return fact.result(), True
            serves = await ping
            if not serves and own:
                return None, False
            held_up = fact.done()  # the worker came to the ping only after the deadline: so did it to all before
            found = await fact
            if found is None and serves and held_up:
                found = await keeper.wait(worker, predicate, _GRACE_SECONDS, begin)
            return found, serves
        finally:
            fact.cancel()
            ping.cancel()

    async def barrier(self) -> None:
        """Return once everything that was sent before has been done.

        Raises:
            WorkerGone: the shared worker of the case ended or stopped taking messages.
        """
        if self.worker is not None and self.keeper is not None:
            if not await self.keeper.serves(self.worker):
                self.worker.declare_gone("it no longer takes messages off its queue")
                if self.worker not in self.own_workers:
                    raise WorkerGone(self.worker.why)
        elif self.client is not None:
            await self._client_barrier()

    async def _client_barrier(self) -> None:
        """A later message of the client shows that nothing more of the earlier ones is under way."""
        client = self.need_client()
        task_id = self.fresh("barrier")
        options = {"task_id": task_id} if "task_id" in client.part.options else {}
        await client.ask("send", {"task": "conf.ping", "args": [], "kwargs": {}, "options": options})
        start = len(self.testbed.timeline.facts) if not options else self.start

        def sent(fact: Fact) -> bool:
            return fact.kind == "published" and fact.party == client.party and (not options or fact.task_id == task_id)

        await self.testbed.timeline.wait(sent, self.seconds if options else 0.5, start)
