"""Pairs of releases: the producer of one, the worker of another, for each shape of a canvas.

The captures of a pair stand with the worker's release; an entry is named after the producer's release and the shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from celery_conformance.versions.bed import Bed, Client
from celery_conformance.versions.environments import Environment
from celery_conformance.versions.stages.run import SETTLED, Job, Station

NAME = "pairs"

SHAPES = (
    Job("plain"),
    Job("keywords"),
    Job("value-datetime"),
    Job("ignore-result", until=SETTLED),
    Job("retry-expires"),
    Job("run-later"),
    Job("link", until=("link-linked",)),
    Job("links", until=("links-0", "links-1")),
    Job("link-group", until=("link-group-0", "link-group-1")),
    Job("link-chain", until=("link-chain-1",)),
    Job("errback-old", until=("errback-old", "errback-old-linked")),
    Job("chain", until=("chain-2",)),
    Job("chain-to-group", until=("chain-to-group-0", "chain-to-group-1")),
    Job("chain-to-chord", until=("chain-to-chord-body",)),
    Job("chain-of-chains", until=("chain-of-chains-last",)),
    Job("group", until=("group-0", "group-1")),
    Job("group-nested", until=("group-nested-0", "group-nested-inner-1")),
    Job("group-linked", until=("group-linked-linked",)),
    Job("chord", until=("chord-body",)),
    Job("chord-of-one", until=("chord-of-one-body",)),
    Job("chord-empty", until=("chord-empty-body",)),
    Job("chord-of-chains", until=("chord-of-chains-body",)),
    Job("chord-nested", until=("chord-nested-body",)),
    Job("chord-failing", until=("chord-failing-body",)),
    Job("map", until=SETTLED),
    Job("starmap", until=SETTLED),
    Job("chunks", until=SETTLED, settlements=2),
    Job("stamped-chain", until=("stamped-chain-2",)),
)

V1_SHAPES = (
    Job("v1-plain"),
    Job("v1-chain", until=("v1-chain-2",)),
    Job("v1-chord", until=("v1-chord-body",)),
)

#: How long a shape is waited for that may never be complete.
_SECONDS = 6.0


def capture(bed: Bed, producers: Sequence[Environment]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a worker what each producer sends."""
    station = Station(bed, {})
    try:
        for producer in producers:
            station.client.close()
            station.client = Client(station.bed.party(), producer.python, station.bed.name_of("client"))
            for job in (*SHAPES, *V1_SHAPES):
                name = f"{producer.line.release} {job.recipe}"
                if bed.wants(name):
                    yield name, _run(station, job)
    finally:
        station.close()


def _run(station: Station, job: Job) -> dict[str, Any]:
    limited = Job(job.recipe, job.until, ("stored", "trace"), _SECONDS, settlements=job.settlements)
    entry = station.run(limited)
    with station.bed.store as store:
        store.flushdb()
    return _shortened(entry, job)


def _shortened(entry: dict[str, Any], job: Job) -> dict[str, Any]:
    """Of a shape that ends in known tasks, only what was stored for these."""
    if job.until == SETTLED:
        return entry
    names = {f"celery-task-meta-{name}" for name in job.awaited}
    kept = {name: part for name, part in entry.items() if name != "trace"}
    return {**kept, "stored": [one for one in entry.get("stored", []) if one["key"] in names]}


def partners(release: str, known: Sequence[Environment]) -> list[Environment]:
    """The producers for a worker: the newest release and the neighbours; for the newest worker all others."""
    releases, last = [one.line.release for one in known], len(known) - 1
    place = releases.index(release)
    wanted = range(last) if place == last else (place - 1, place + 1, last)
    return [known[one] for one in dict.fromkeys(wanted) if 0 <= one <= last and one != place]
