"""Results as messages: the queue that a caller declares, and what a worker sends to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery_conformance.versions.bed import Bed
from celery_conformance.versions.stages.run import SETTLED, Job, Station

NAME = "replies"

_RECIPES = ("plain", "fail", "progress", "retry", "replace", "link", "group", "reply-to-empty", "late-success")

#: Recipes of which more than one message is settled.
_SETTLEMENTS = {"retry": 2, "replace": 2, "link": 2, "group": 2}


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Let a caller wait for one result; then look at what the worker sends for others."""
    station = Station(bed, {"result_backend": "rpc://"})
    try:
        marks, own = station.worker.party.marks(), station.client.party.marks()
        answer = station.client.ask("run", recipe="plain")
        results = station.worker.party.since(marks).get("results", [])
        yield "waited-for", {**answer, **station.client.party.since(own), "results": results}
        for recipe in filter(bed.wants, _RECIPES):
            job = Job(
                recipe, SETTLED, ("results", "messages", "trace"), calm=0.5, settlements=_SETTLEMENTS.get(recipe, 1)
            )
            entry = station.run(job)
            yield recipe, {**entry, "results": entry.get("results", []) if entry.get("results") != "not final" else []}
        yield "chord", station.client.ask("run", recipe="chord", timeout=2.0)
        yield "group-saved", station.client.ask("send", recipe="group-saved")
    finally:
        station.close()
