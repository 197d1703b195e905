"""Quorum queues and native delayed delivery: what a worker declares, and what becomes of a delayed message (AMQP)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery_conformance.versions.bed import Bed
from celery_conformance.versions.stages.run import Job, Station

NAME = "quorum"

_SETTINGS = {
    "task_default_queue": "level-q",
    "task_default_queue_type": "quorum",
    "task_default_exchange": "level-x",
    "task_default_exchange_type": "topic",
    "worker_detect_quorum_queues": True,
}


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Start a worker on a quorum queue and send it a task now and one for later."""
    if bed.broker_name != "amqp":
        return
    station = Station(bed, _SETTINGS)
    try:
        yield "worker-start", station.started
        yield "plain", station.run(Job("plain", keep=("stored", "trace", "commands")))
        marks = station.client.party.marks()
        entry = station.run(Job("run-later-two", keep=("stored", "trace", "commands"), seconds=6.0))
        yield "delayed", {**entry, "messages": station.client.party.since(marks).get("messages", [])}
        marks = station.client.party.marks()
        answer = station.client.ask("send", recipe="countdown-fraction")
        yield "delayed-fraction", {**answer, "messages": station.client.party.since(marks).get("messages", [])}
    finally:
        station.close()
