"""Answers that came out otherwise than on record, which are observed once more while nothing else runs.

Many releases share the machine, and a deadline may pass on a busy one. What comes out otherwise again has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.versions import captures, lines, pairs, questions, table
from celery_conformance.versions.stages import pairs as stage


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a capture."""

    release: str
    broker: str
    stage: str
    name: str


#: What is answered, by row or by pair, to the entry behind it and the answer.
Answers = Mapping[tuple[str, ...], tuple[Entry, str]]


def answers(root: Path | None = None) -> Answers:
    """Every answer of the table and of the pairs, as the captures say it today."""
    captures.read.cache_clear()
    return dict(_answers(root))


def _answers(root: Path | None) -> Iterator[tuple[tuple[str, ...], tuple[Entry, str]]]:
    observed = lines.load()
    for one in table.fill(questions.load(), observed, root):
        for broker, cells in one.cells.items():
            for cell in cells.values():
                entry = Entry(cell.release, broker, one.row.stage, one.row.entry)
                yield (one.row.id, broker, cell.release), (entry, cell.value)
    for pair in pairs.load(observed, root):
        entry = Entry(pair.worker, pair.broker, stage.NAME, f"{pair.producer} {pair.shape}")
        yield (pair.shape, pair.broker, pair.worker, pair.producer), (entry, pair.answer)


def between(before: Answers, after: Answers) -> set[Entry]:
    """The entries behind what is answered otherwise than before; what was not answered before is in no doubt."""
    return {entry for key, (entry, answer) in after.items() if key in before and before[key][1] != answer}
