"""What a worker sends, stores and settles: canvas, retries, what follows a task, limits, and the ends of a task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from celery_conformance.versions.bed import ALONE, Bed
from celery_conformance.versions.stages.run import SETTLED, Job, Station

NAME = "work"

_ALL = ("messages", "stored", "trace", "events", "commands")
_EVENTS = ("stored", "trace", "events")

#: How long a pool takes to see that a process of its own has died, and to have another.
_DEATH = 1.5

JOBS = (
    Job("plain", keep=_ALL),
    Job("fail", keep=_EVENTS),
    Job("early-success"),
    Job("late-success"),
    Job("late-fail"),
    Job("late-fail-unacked"),
    Job("quota"),
    Job("inner"),
    Job("picky"),
    Job("nested-exception"),
    Job("unserializable"),
    Job("request"),
    Job("progress", until=SETTLED),
    Job("ignore", until=SETTLED, keep=_EVENTS),
    Job("ignore-result", until=SETTLED),
    Job("ignoring-task", until=SETTLED),
    Job("ignoring-task-false", until=SETTLED),
    Job("stored-errors", until=SETTLED),
    Job("started"),
    Job("unknown-task", until=SETTLED, keep=_EVENTS),
    Job("retry", keep=("messages", "stored", "trace", "events")),
    Job("retry-priority"),
    Job("retry-expires"),
    Job("retry-bare"),
    Job("retry-exhausted"),
    Job("retry-exhausted-own"),
    Job("reject", until=SETTLED, keep=_EVENTS),
    Job("reject-requeue"),
    Job("reject-early", until=SETTLED, keep=_EVENTS),
    Job("expired", keep=_EVENTS),
    Job("expires-while-held"),
    Job("run-later", seconds=8.0),
    Job("spawn", until=("spawn", "spawn-child")),
    Job("spawn-priority", until=("spawn-priority", "spawn-priority-child")),
    Job("link", until=("link-linked",)),
    Job("links", until=("links-0", "links-1")),
    Job("link-group", until=("link-group-0", "link-group-1")),
    Job("link-chain", until=("link-chain-1",)),
    Job("errback-old", until=("errback-old", "errback-old-linked")),
    Job("errback-new"),
    Job("chain", until=("chain-2",)),
    Job("chain-failing", until=("chain-failing-0", "chain-failing-errback"), calm=1.0),
    Job("chain-to-group", until=("chain-to-group-0", "chain-to-group-1")),
    Job("chain-to-chord", until=("chain-to-chord-body",)),
    Job("chain-of-chains", until=("chain-of-chains-last",)),
    Job("chain-replacing", until=("chain-replacing-1",)),
    Job("chain-replacing-group", until=("chain-replacing-group-1",)),
    Job("group", until=("group-0", "group-1")),
    Job("group-nested", until=("group-nested-0", "group-nested-inner-1")),
    Job("group-linked", until=("group-linked-0", "group-linked-linked")),
    Job("chord", until=("chord-body",), keep=("messages", "stored", "trace", "joins")),
    Job("chord-of-one", until=("chord-of-one-body",)),
    Job("chord-empty", until=("chord-empty-body",), seconds=3.0),
    Job("chord-of-chains", until=("chord-of-chains-body",)),
    Job("chord-nested", until=("chord-nested-body",)),
    Job("chord-failing", until=("chord-failing-body",), keep=("messages", "stored", "trace", "joins")),
    Job("chord-errback", until=("chord-errback-body",)),
    Job("chord-ignoring", until=("chord-ignoring-body",)),
    Job("chord-replacing", until=("chord-replacing-body",)),
    Job("add-to-chord", until=("add-to-chord-body",)),
    Job("map", until=SETTLED),
    Job("starmap", until=SETTLED),
    Job("chunks", until=SETTLED, settlements=2),
    Job("replace"),
    Job("replace-group"),
    Job("child-group", until=("child-group", "child-group-0")),
    Job("child-chord", until=("child-chord-body",)),
    Job("stamped", keep=("stored", "trace")),
    Job("stamped-chain", until=("stamped-chain-2",)),
    Job("stamped-group", until=("stamped-group-0", "stamped-group-1")),
    Job("stamped-chord", until=("stamped-chord-body",)),
    Job("custom-headers"),
    Job("soft-time-limit", keep=_EVENTS),
    Job("hard-time-limit", keep=_EVENTS, calm=_DEATH),
    Job("late-time-limit", seconds=12.0, calm=_DEATH),
    Job("exit", keep=_EVENTS, seconds=6.0, calm=_DEATH),
    Job("late-exit", seconds=6.0, calm=_DEATH),
    Job("late-exit-reject", seconds=12.0, calm=_DEATH),
)


#: On RabbitMQ what a worker sends and emits is kept of these jobs alone: of others it is what it is on Redis.
_SHOWN_ON_AMQP = frozenset(
    "plain fail retry retry-priority retry-expires spawn spawn-priority link chain chord replace reject-requeue".split()
)


def jobs(broker: str) -> list[Job]:
    """The jobs on a broker, with what is kept of them there."""
    return [job if broker == "redis" or job.recipe in _SHOWN_ON_AMQP else _shortened(job) for job in JOBS]


def _shortened(job: Job) -> Job:
    return replace(job, keep=tuple(part for part in job.keep if part not in ("messages", "events")))


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every job to one worker."""
    station = Station(bed, {}, (*ALONE, "-E"))
    try:
        yield "worker-start", station.started
        for job in jobs(bed.broker_name):
            if bed.wants(job.recipe):
                yield job.recipe, station.run(job)
    finally:
        station.close()
    if bed.wants("restored"):
        yield "restored", _restored(bed)


def _restored(bed: Bed) -> dict[str, Any]:
    """What a worker does with a message that it holds when it is told to end."""
    station = Station(bed, {})
    try:
        station.client.ask("send", recipe="short")
        station.worker.wait(lambda: any(event["event"] == "ran" for event in station.worker.events()), 3.0)
        station.client.ask("send", recipe="plain")
        station.worker.quiet(0.3, 0.6)
        marks = station.worker.party.marks()
        station.worker.process.terminate()
        station.worker.process.wait(10)
        return {"done": "ended", **station.worker.party.since(marks)}
    finally:
        station.close()
