"""What a worker does with messages that are not as they ought to be: each is followed by a good one.

The messages are the made fixtures. The words for what happened are those of the fixtures' own reactions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celery_conformance.fixtures import Fixture, load
from celery_conformance.fixtures.feeding import QUEUE, Broker, BrokerRefusesError, CannotCarryError, OnRabbit, OnRedis
from celery_conformance.versions.bed import Bed, ProbeError, Worker

NAME = "malformed"

_SURFACES = {"redis": ("task-v2", "redis-envelope"), "amqp": ("task-v2", "amqp")}
_SECONDS = 8.0
_BARRIERS = 3
_GOOD = "good-"
_GOOD_TASK = "conf.ping"


def fixtures(broker: str) -> list[Fixture]:
    """The messages that are given to a worker on a broker."""
    return [one for one in load() if one.surface in _SURFACES[broker] and one.origin["kind"] == "made"]


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every message to a worker, and a new worker when it has ended."""
    observer = _Observer(bed, bed.feeder())
    try:
        for fixture in [one for one in fixtures(bed.broker_name) if bed.wants(one.name)]:
            try:
                yield fixture.name, observer.observe(fixture)
            except CannotCarryError:
                continue
    finally:
        observer.stop()
        bed.clear()


def _good_message(task_id: str) -> dict[str, Any]:
    return {
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "headers": {"task": _GOOD_TASK, "id": task_id},
        "properties": {"correlation_id": task_id},
        "body": {"text": "[[], {}, null]"},
    }


@dataclass(slots=True)
class _Observer:
    bed: Bed
    broker: Broker
    worker: Worker | None = None
    barriers: int = 0

    def observe(self, fixture: Fixture) -> dict[str, Any]:
        """What the worker did with one message."""
        try:
            worker = self._worker()
            before = len(worker.events())
            self.broker.put(fixture.message, f"mark-{fixture.name}")
        except BrokerRefusesError as refusal:
            return {"reaction": "refuses", "note": str(refusal)[:120]}
        except ProbeError:
            return {"reaction": "terminates", "note": f"while it starts; {self._tidy()}"}
        reaction = self._settle(worker, before)
        if reaction in ("terminates", "loops"):
            return {"reaction": reaction, "note": self._tidy()}
        ran, stored = self._drain(worker, before), self._stored()
        with self.bed.store as store:
            store.flushdb()
        return {"reaction": reaction, "ran": ran, "stored": stored}

    def _worker(self) -> Worker:
        if self.worker is None:
            self.worker = self.bed.worker()
            self._barrier(self.worker)
        return self.worker

    def stop(self) -> None:
        if self.worker is not None:
            self.worker.stop()
        self.worker = None

    def _settle(self, worker: Worker, before: int) -> str:
        for _ in range(_BARRIERS):
            if not self._barrier(worker):
                return "loops" if worker.alive else "terminates"
            found = self._classify(worker.events()[before:])
            if found is not None:
                return found
        return "not settled" if self.broker.left() else "lost"

    def _barrier(self, worker: Worker) -> bool:
        self.barriers += 1
        good = f"{_GOOD}{self.barriers}"
        self.broker.put(_good_message(good), good)
        return worker.wait(lambda: any(event.get("id") == good for event in worker.events()), _SECONDS)

    def _classify(self, events: Sequence[Mapping[str, Any]]) -> str | None:
        others = {event["event"] for event in events if not _is_good(event)}
        if any(document.get("status") == "FAILURE" for document in self._stored()):
            return "fails"
        words = {"ran": "runs", "rejected": "rejected", "acked": "acknowledged"}
        return next((word for event, word in words.items() if event in others), None)

    def _stored(self) -> list[dict[str, Any]]:
        """State and exception of every document that was stored for another task than a good one."""
        with self.bed.store as store:
            names = [name for name in store.keys("celery-task-meta-*") if _GOOD.encode() not in name]
            documents = [json.loads(store.get(name)) for name in names]
        return [{"status": one["status"], "exc_type": _exception(one["result"])} for one in documents]

    def _drain(self, worker: Worker, before: int) -> list[str]:
        """Wait until what the task sent has run too; what ran."""
        for _ in range(_BARRIERS):
            if self.broker.left():
                self._barrier(worker)
        ran = [event["task"] for event in worker.events()[before:] if event["event"] == "ran"]
        return [name for name in ran if name != _GOOD_TASK]

    def _tidy(self) -> str:
        """Take away the worker and what is in the broker; says whether anything but good messages was there."""
        self.stop()
        left = list(_left(self.broker))
        self.broker.clear()
        with self.bed.store as store:
            store.flushdb()
        return "its message is gone" if all(_GOOD in one for one in left) else "its message is back"


def _left(broker: Broker) -> Iterator[str]:
    """What is in the queue or was not acknowledged, as text in which the id of a message can be found."""
    if isinstance(broker, OnRedis):
        items = [*broker.client.lrange(QUEUE, 0, -1), *broker.client.hvals("unacked")]
        yield from (item.decode("utf-8", "replace") for item in items)
    elif isinstance(broker, OnRabbit):
        while (message := broker.channel.basic_get(QUEUE, no_ack=True)) is not None:
            yield repr(message.properties)


def _exception(result: Any) -> Any:
    return result.get("exc_type") if isinstance(result, dict) else None


def _is_good(event: Mapping[str, Any]) -> bool:
    return any(str(event.get(key, "")).startswith(_GOOD) for key in ("id", "mark"))
