"""The truth table: each row answered from each capture, as data. No capture, no cell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from celery_conformance.versions import captures, lines, questions
from celery_conformance.versions.lines import Line
from celery_conformance.versions.questions import Row


@dataclass(frozen=True, slots=True)
class Cell:
    """What one release answered, and the capture behind it: a path from ``spec/versions`` on, and the entry."""

    value: str
    release: str
    capture: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A row with its cells: broker, then line."""

    row: Row
    cells: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether lines differ on a broker."""
        return any(len({cell.value for cell in of_line.values()}) > 1 for of_line in self.cells.values())

    @property
    def brokers_agree(self) -> bool:
        """Whether every broker gives the same answers."""
        answers = [{line: cell.value for line, cell in of_line.items()} for of_line in self.cells.values()]
        return all(one == answers[0] for one in answers)


def cell(row: Row, release: str, broker: str, root: Path | None = None) -> Cell | None:
    """The cell of a row for a release, or nothing when it was not captured."""
    capture = captures.find(release, broker, row.stage, root)
    if capture is None or row.entry not in capture.entries:
        return None
    where = f"{capture.path}#/entries/{row.entry}"
    return Cell(questions.answer(row, capture.decoded(row.entry)), release, where)


def fill(rows: Sequence[Row], observed: Sequence[Line], root: Path | None = None) -> list[Answered]:
    """Every row with every cell that there is a capture for."""
    return [Answered(row, {broker: _cells(row, broker, observed, root) for broker in row.brokers}) for row in rows]


def _cells(row: Row, broker: str, observed: Sequence[Line], root: Path | None) -> dict[str, Cell]:
    found = {line.line: cell(row, line.release, broker, root) for line in observed}
    return {line: one for line, one in found.items() if one is not None}


def as_data(answered: Sequence[Answered], observed: Sequence[Line]) -> str:
    """The table as JSON, a row a line. A cell is an answer and a release; ``capture`` says where it was seen."""
    head = {line.line: line.release for line in observed}
    rows = ",\n".join(json.dumps(_as_data(one), ensure_ascii=False) for one in answered)
    return f'{{"lines": {json.dumps(head)},\n"rows": [\n{rows}\n]}}\n'


def _as_data(one: Answered) -> dict[str, object]:
    row = one.row
    asked = {"at": row.at, "show": row.show}
    cells = {
        broker: {line: [cell.value, cell.release] for line, cell in of_line.items()}
        for broker, of_line in one.cells.items()
    }
    head = {"id": row.id, "title": row.title, "surface": row.surface, "differs": one.differs}
    where = f"captures/{{release}}/{{broker}}/{row.stage}.json#/entries/{row.entry}"
    return {**head, "requirements": list(row.requirements), "capture": where, "question": asked, "cells": cells}


def spans(cells: Mapping[str, Cell]) -> list[tuple[str, str, str]]:
    """Neighbouring lines with the same answer: first line, last line, answer."""
    found: list[tuple[str, str, str]] = []
    for line in sorted(cells, key=lines.order):
        value = cells[line].value
        if found and found[-1][2] == value:
            found[-1] = (found[-1][0], line, value)
        else:
            found.append((line, line, value))
    return found
