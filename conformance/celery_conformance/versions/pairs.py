"""What became of what one release sent and another worked on: read from the captures of pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance.versions import captures, lines, questions
from celery_conformance.versions.lines import Line
from celery_conformance.versions.questions import BROKERS
from celery_conformance.versions.stages.pairs import NAME, SHAPES, V1_SHAPES
from celery_conformance.versions.stages.run import SETTLED, Job

FILE = "pairs.json"

JOBS = {job.recipe: job for job in (*SHAPES, *V1_SHAPES)}


@dataclass(frozen=True, slots=True)
class Pair:
    """What became of a shape: ``answer``, and the capture that says so."""

    shape: str
    broker: str
    producer: str
    worker: str
    answer: str
    capture: str


def answer(decoded: Mapping[str, Any], job: Job) -> str:
    """The final states and values of the tasks that end a shape, or what happened when there are none."""
    if "raised" in decoded:
        return f"the producer raises {decoded['raised']}"
    stored = {one["document"]["task_id"]: one["document"] for one in decoded.get("stored", []) if _is_document(one)}
    if job.until == SETTLED:
        kept = json.dumps([document["result"] for document in stored.values()])
        return questions.normal(f"{questions.FORMS['happened'](decoded.get('trace', []))}; stored {kept}")
    if decoded["results"] != "final":
        return "never complete"
    return questions.shorten(questions.normal("; ".join(_said(stored.get(name)) for name in job.awaited)))


def _is_document(stored: Mapping[str, Any]) -> bool:
    return isinstance(stored.get("document"), Mapping)


def _said(document: Mapping[str, Any] | None) -> str:
    return "stored by nobody" if document is None else f"{document['status']} {json.dumps(document['result'])}"


def load(observed: Sequence[Line], root: Path | None = None) -> Iterator[Pair]:
    """Every pair of the observed releases that was captured, shape by shape."""
    known = {line.release for line in observed}
    for shape, job in JOBS.items():
        for broker in BROKERS:
            for line in observed:
                capture = captures.find(line.release, broker, NAME, root)
                if capture is None:
                    continue
                for name in capture.entries:
                    producer, _, own = name.partition(" ")
                    if own == shape and producer in known:
                        text = answer(capture.decoded(name), job)
                        yield Pair(shape, broker, producer, line.release, text, f"{capture.path}#/entries/{name}")


def as_data(pairs: Sequence[Pair]) -> str:
    """The pairs as JSON, one a line."""
    rows = ",\n".join(
        json.dumps([one.shape, one.broker, one.producer, one.worker, one.answer], ensure_ascii=False) for one in pairs
    )
    capture = f"captures/{{worker}}/{{broker}}/{NAME}.json#/entries/{{producer}} {{shape}}"
    columns = json.dumps(["shape", "broker", "producer", "worker", "answer"])
    return f'{{"columns": {columns},\n"capture": {json.dumps(capture)},\n"pairs": [\n{rows}\n]}}\n'


def grouped(pairs: Sequence[Pair]) -> Iterator[tuple[str, str, list[Pair]]]:
    """Shape, answer and the pairs with that answer; the most frequent answer of a shape first."""
    for shape in dict.fromkeys(one.shape for one in pairs):
        own = [one for one in pairs if one.shape == shape]
        answers: dict[str, list[Pair]] = {}
        for one in own:
            answers.setdefault(one.answer, []).append(one)
        for text, members in sorted(answers.items(), key=lambda item: -len(item[1])):
            yield shape, text, sorted(members, key=_order)


def _order(pair: Pair) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    return lines.order(pair.producer), lines.order(pair.worker), pair.broker
