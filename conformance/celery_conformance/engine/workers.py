"""Workers of the implementation: started with the variables of door 1, shared or private, watched for their end.

A worker counts as ready when its first ``conf.ping`` was acknowledged or its result was stored. It counts as dead
when its process ends, or when it no longer takes a ping off its queue: some consumers end without their process.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery_conformance.adapter import Adapter, Part
from celery_conformance.brokers.process import last_lines
from celery_conformance.engine.outgoing import build
from celery_conformance.engine.subprocesses import finish, launch
from celery_conformance.engine.suite import Suite
from celery_conformance.engine.testbed import Space, Testbed
from celery_conformance.errors import AdapterError
from celery_conformance.facts import Fact

#: How long a living worker may take to do what was sent before a ping, and the ping.
PING_SECONDS = 10.0
#: The same for a worker that does nothing else.
IDLE_PING_SECONDS = 4.0
#: How often trace files are looked at.
_TRACE_SECONDS = 0.02
_NUMBER = re.compile(r"^\d+(\.\d+)?$")
_STORED = ("result-stored",)
#: What may show that a ping was done. A worker is told by those it gave at its first ping.
_SIGNS = (_STORED, ("acknowledged", "rejected"))
#: How long after the first sign another may come (they are milliseconds apart).
_SIGN_SECONDS = 2.0


class WorkerGone(Exception):
    """The worker of a case ended, or stopped taking messages, while the case ran."""


#: Options of a worker that have a variable of their own.
_OWN_VARIABLES = ("concurrency", "accept")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker will consume that is not up yet."""

    space: Space
    queue: str


@dataclass(slots=True)
class Worker:
    """One running worker process."""

    party: str
    space: Space
    queue: str
    options: Mapping[str, Any]
    process: asyncio.subprocess.Process
    log: Path
    trace: Path
    concurrency: int
    signs: list[tuple[str, ...]] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""
    seen: int = 0
    half: str = ""

    def new_lines(self) -> list[str]:
        """The lines of the trace file that were not given before; one that is not whole yet waits."""
        if self.trace.stat().st_size <= self.seen:
            return []
        with self.trace.open(encoding="utf-8", errors="replace") as trace:
            trace.seek(self.seen)
            new = trace.read()
            self.seen = trace.tell()
        *whole, self.half = (self.half + new).split("\n")
        return whole

    def declare_gone(self, why: str) -> None:
        if not self.gone.is_set():
            self.why = why
            self.gone.set()


@dataclass(slots=True)
class WorkerKeeper:
    """Starts, pings and ends workers."""

    adapter: Adapter
    part: Part
    testbed: Testbed
    suite: Suite
    nonce: str
    concurrency: int = 1
    patience: float = 1.0
    served: bool = False
    hopeless: str = ""
    _running: list[Worker] = field(default_factory=list)
    _watchers: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def queue(self, space: Space) -> str:
        """The queue that the first worker of a space consumes."""
        return f"conf-{self.nonce}-{space.number}"

    async def start(self, options: Mapping[str, Any], *, beside: Worker | Place | None = None) -> Worker:
        """Start a worker in a space of its own, or beside another on the same queue, and wait until it is ready.

        Raises:
            AdapterError: it could not be started.
            WorkerGone: it started and never ran a task.
        """
        if self.hopeless:
            raise WorkerGone(self.hopeless)
        space = beside.space if beside is not None else await self.testbed.space()
        queue = beside.queue if beside is not None else self.queue(space)
        worker = await self._launch(space, queue, options)
        try:
            await self._until_ready(worker)
        except WorkerGone as error:
            self.hopeless = "" if self.served else str(error)
            raise
        self.served = True
        return worker

    async def _launch(self, space: Space, queue: str, options: Mapping[str, Any]) -> Worker:
        number = next(self._numbers)
        party = f"worker-{number}"
        folder = self.testbed.folder
        log, trace = folder / f"{party}.log", folder / f"{party}.trace"
        trace.touch()
        concurrency = int(options.get("concurrency", self.concurrency))
        variables = {
            **await self.testbed.urls(party, space),
            "CELERY_WIRE_QUEUES": queue,
            "CELERY_WIRE_CONCURRENCY": str(concurrency),
            "CELERY_WIRE_SERIALIZER": "json",
            "CELERY_WIRE_ACCEPT": ",".join(options.get("accept", ["json"])),
            "CELERY_WIRE_OPTIONS": json.dumps({key: options[key] for key in options if key not in _OWN_VARIABLES}),
            "CELERY_WIRE_TRACE": str(trace),
        }
        command = self.adapter.fill(self.part.command)
        process = await launch(self.adapter, command, self.adapter.process_environment(variables), log)
        worker = Worker(party, space, queue, options, process, log, trace, concurrency)
        self.testbed.timeline.add(
            "process-started", party, {"queue": queue, "options": dict(options)}, source="process"
        )
        self._running.append(worker)
        for watch in (self._watch_end(worker), self._watch_trace(worker)):
            task = asyncio.create_task(watch)
            self._watchers.add(task)
            task.add_done_callback(self._watchers.discard)
        return worker

    async def _watch_end(self, worker: Worker) -> None:
        code = await worker.process.wait()
        data = {"code": code, "queue": worker.queue}
        self.testbed.timeline.add("process-exited", worker.party, data, source="process")
        said = last_lines(worker.log, 1)
        self._look(worker)  # whoever waits for a fact of this worker waits no longer than it lives
        worker.declare_gone(f"its process ended with code {code}" + (f": {said}" if said else ""))

    async def _watch_trace(self, worker: Worker) -> None:
        """Turn the lines of the trace file into facts. A file has no events to wait for, so it is looked at."""
        while True:
            await asyncio.sleep(_TRACE_SECONDS)
            self._look(worker)
            if worker.process.returncode is not None and worker.trace.stat().st_size == worker.seen:
                return

    def _look(self, worker: Worker) -> None:
        for line in worker.new_lines():
            self._trace_line(worker, line)

    def _trace_line(self, worker: Worker, line: str) -> None:
        words = line.split()
        kinds = {"start": "task-started", "end": "task-ended"}
        if len(words) != 4 or words[1] not in kinds or not _NUMBER.match(words[2]):
            about = {
                "reason": "a line of the trace file is not: nonce, start or end, Unix time, process id",
                "bytes": line,
            }
            self.testbed.timeline.add("undecodable", worker.party, about, source="trace")
            return
        nonce, what, time, pid = words
        data = {"nonce": nonce, "time": float(time), "pid": pid, "queue": worker.queue}
        moment = self.testbed.timeline.clock.moment(float(time))
        self.testbed.timeline.add(kinds[what], worker.party, data, sent=moment, source="trace")

    async def _until_ready(self, worker: Worker) -> None:
        def consuming(fact: Fact) -> bool:
            return fact.kind == "consuming" and fact.party == worker.party and fact.data["queue"] == worker.queue

        found = await self.wait(worker, consuming, self.part.seconds_to_start)
        if found is not None and await self._learn_signs(worker):
            return
        said = last_lines(worker.log, 3)
        if worker.process.returncode is not None and not self.served:
            raise AdapterError(
                f"the worker of {self.adapter.name!r} ended with code {worker.process.returncode} before it ran a task"
                + (f":\n{said}" if said else ""),
                f"try: celery-wire doctor {shlex.quote(str(self.adapter.folder))}",
            )
        why = worker.why or f"within {self.part.seconds_to_start:g} s it ran no task"
        raise WorkerGone(f"the worker started and never ran a task: {why}" + (f"\n{said}" if said else ""))

    async def _learn_signs(self, worker: Worker) -> bool:
        """Whether the first ping was done; which of its signs this worker gives is what later pings are told by."""
        start = len(self.testbed.timeline.facts)
        (task_id,) = await self._ping(worker, 1)
        every = [kinds for kinds in _SIGNS if self._may_store() or kinds != _STORED]
        anything = tuple(kind for kinds in every for kind in kinds)
        if await self.wait(worker, _about(task_id, anything), self.part.seconds_to_start, start) is None:
            return False
        waits = [self.wait(worker, _about(task_id, kinds), _SIGN_SECONDS, start) for kinds in every]
        seen = await asyncio.gather(*waits)
        worker.signs = [kinds for kinds, fact in zip(every, seen, strict=True) if fact is not None]
        return True

    async def serves(self, worker: Worker, seconds: float = PING_SECONDS) -> bool:
        """Whether the worker has done everything before this moment: it does a ping on every slot of its pool.

        What its tasks wrote into the trace file before is known then, too.
        """
        if worker.gone.is_set():
            return False
        start = len(self.testbed.timeline.facts)
        for task_id in await self._ping(worker, worker.concurrency):
            for kinds in worker.signs:
                if await self.wait(worker, _about(task_id, kinds), seconds * self.patience, start) is None:
                    return False
        self._look(worker)
        return True

    async def _ping(self, worker: Worker, count: int) -> list[str]:
        """Send pings to the worker's queue; their ids."""
        start = len(self.testbed.timeline.facts)
        ids = [f"ping-{self.nonce}-{worker.party}-{start}-{number}" for number in range(count)]
        reply_to = await self.suite.reply_to(worker.space)
        for task_id in ids:
            await self.suite.publish(worker.space, worker.queue, build({"task": "conf.ping"}, task_id, reply_to))
        return ids

    def _may_store(self) -> bool:
        return self.testbed.store_target.kind in self.adapter.stores

    async def wait(self, worker: Worker, predicate: Any, seconds: float, start: int = 0) -> Fact | None:
        """Wait for a fact, but not longer than the worker lives."""
        waiting = asyncio.create_task(self.testbed.timeline.wait(predicate, seconds, start))
        ending = asyncio.create_task(worker.gone.wait())
        await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not waiting.done():
            waiting.cancel()
            return None
        return await waiting

    async def end(self, worker: Worker, grace: float = 0.0) -> int:
        """End a worker and its children."""
        code = await finish(worker.process, grace)
        self._look(worker)
        worker.declare_gone(f"its process ended with code {code}")
        if worker in self._running:
            self._running.remove(worker)
        return code

    async def end_all(self) -> None:
        """End every worker that still runs."""
        await asyncio.gather(*(self.end(worker) for worker in list(self._running)))
        for task in list(self._watchers):
            task.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)


def _about(task_id: str, kinds: tuple[str, ...]) -> Any:
    def predicate(fact: Fact) -> bool:
        return fact.kind in kinds and fact.task_id == task_id

    return predicate
