"""One worker, given one thing after the other: what it sends, stores and does with the messages of each recipe."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.versions.bed import Bed, Client, Worker

_FINAL = ("SUCCESS", "FAILURE", "REVOKED")
_PAUSE = 0.03
_SETTLEMENTS = ("acked", "rejected")

#: Instead of names of tasks: the job is over when its messages are settled.
SETTLED = ("settled",)
#: How many items a part keeps.
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Job:
    """A recipe for a worker. ``until`` names the tasks whose final results end it; ``keep`` the parts that are kept.

    Where no final result is to come (``SETTLED``), so many ``settlements`` of messages end it. ``seconds`` is how long
    all that is waited for, ``calm`` how long nothing may happen before the job is over.
    """

    recipe: str
    until: tuple[str, ...] = ()
    keep: tuple[str, ...] = ("messages", "stored", "trace")
    seconds: float = 8.0
    calm: float = 0.4
    settlements: int = 1

    @property
    def awaited(self) -> tuple[str, ...]:
        return self.until or (self.recipe,)


@dataclass(slots=True)
class Station:
    """A client and a worker with the same settings; a worker that has ended is replaced."""

    bed: Bed
    settings: Mapping[str, Any]
    arguments: Sequence[str] = ()
    client: Client = field(init=False)
    worker: Worker = field(init=False)
    started: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.bed.client(self.settings)
        self.worker = self._worker()
        self.started = {"done": "started", **self.worker.party.since((0, 0))}

    def _worker(self) -> Worker:
        return self.bed.worker(self.settings, *self.arguments)

    def run(self, job: Job) -> dict[str, Any]:
        """What the worker wrote for a recipe, and what its trace says."""
        if not self.worker.alive:
            self.worker.stop()
            self.worker = self._worker()
        marks, noted = self.worker.party.marks(), len(self.worker.events())
        answer = self.client.ask("send", recipe=job.recipe)
        if "raised" in answer:
            return answer
        arrived = self._await(job, noted)
        self.worker.quiet(job.calm)
        parts = {**self.worker.party.since(marks), "trace": short(self.worker.events()[noted:])}
        parts["joins"] = [command for command in parts.get("commands", []) if _joins(command)]
        kept = {name: at_most(part) for name, part in parts.items() if name in job.keep}
        ended = {} if self.worker.alive else {"worker": "ended"}
        return {**answer, "results": "final" if arrived else "not final", **ended, **kept}

    def _await(self, job: Job, noted: int) -> bool:
        """Whether the results have come, or the messages were settled, in time."""
        deadline = time.monotonic() + job.seconds
        with self.bed.store as store:
            while time.monotonic() < deadline and self.worker.alive:
                if self._settled(noted) >= job.settlements if job.until == SETTLED else _all_final(store, job):
                    return job.until != SETTLED
                time.sleep(_PAUSE)
        return False

    def _settled(self, noted: int) -> int:
        return sum(1 for event in self.worker.events()[noted:] if event["event"] in _SETTLEMENTS)

    def close(self) -> None:
        self.client.close()
        self.worker.kill()
        self.bed.clear()


Entries = Iterator[tuple[str, dict[str, Any]]]


def of_cases(
    bed: Bed,
    cases: Mapping[str, tuple[Mapping[str, Any], Sequence[Job]]],
    run: Callable[[Station, Job], dict[str, Any]] = Station.run,
) -> Entries:
    """The entries of cases: the jobs of each are given to a worker with the settings of the case."""
    for name, (settings, jobs) in cases.items():
        wanted = [job for job in jobs if bed.wants(f"{name}.{job.recipe}")]
        if wanted:
            with contextlib.closing(Station(bed, settings)) as station:
                yield from ((f"{name}.{job.recipe}", run(station, job)) for job in wanted)


def short(events: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The lines of a trace as lists: event, task id, state; the mark of a message that has no id."""
    found = []
    for event in events:
        known = event.get("id") not in (None, "None")
        words = [event["event"], event["id"] if known else event.get("mark", ""), event.get("state")]
        found.append([str(word) for word in words if word is not None])
    return found


def do(station: Station, recipe: str, last: str, seconds: float = 12.0) -> dict[str, Any]:
    """Send a recipe and wait until the task of the id ``last`` has ended, whatever its results are stored in."""
    noted = len(station.worker.events())
    answer = station.client.ask("send", recipe=recipe)
    if "raised" in answer:
        return answer
    station.worker.wait(lambda: ended(station.worker.events()[noted:], last), seconds)
    station.worker.quiet(0.4)
    return {**answer, "trace": short(station.worker.events()[noted:])}


def ended(events: Sequence[Mapping[str, Any]], task_id: str) -> bool:
    """Whether the task has ended and its message is settled."""
    return {event["event"] for event in events if event.get("id") == task_id} >= {"ended", "acked"}


def at_most(part: list[Any]) -> list[Any]:
    """A part as a capture keeps it: of something that goes round in a circle, the beginning."""
    left_out = len(part) - _LONGEST
    return part if left_out <= 0 else [*part[:_LONGEST], {"left out": left_out}]


def _joins(command: Sequence[Any]) -> bool:
    """Whether a command belongs to the joining of a chord."""
    words = [word for word in command if isinstance(word, str)]
    return any("taskset-meta" in word or "chord-unlock" in word for word in words) or words[0] == "SCRIPT"


def _all_final(store: Any, job: Job) -> bool:
    return all(_is_final(store, task_id) for task_id in job.awaited)


def _is_final(store: Any, task_id: str) -> bool:
    content = store.get(f"celery-task-meta-{task_id}")
    if content is None:
        return False
    try:
        return json.loads(content)["status"] in _FINAL
    except ValueError:  # another serializer
        return True
