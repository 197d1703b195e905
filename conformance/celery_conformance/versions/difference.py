"""What a line changes, as lines of text: against the line before it, or against what was observed of it earlier."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from celery_conformance.versions import lines

_TABLE = "table.json"

Table = Mapping[str, Any]


def committed(folder: Path | None = None) -> Table:
    """The table as it stands in the folder."""
    found: Table = json.loads(((folder or lines.folder()) / _TABLE).read_text(encoding="utf-8"))
    return found


def open_pins() -> tuple[str, ...]:
    """The packages of the newest line without the versions that follow Celery's."""
    newest = lines.load()[-1].pins
    follows = ("kombu", "amqp", "vine", "billiard", "redis")
    return tuple(pin for pin in newest if pin.partition("==")[0] not in follows)


def of_line(before: Table, after: Table, line: str) -> list[str]:
    """What a line that was just observed changes: against its own earlier cells, or else against the line before it."""
    if line in before["lines"]:
        return _said(_against_itself(before, after, line), f"Nothing differs from {line} as it was observed before.")
    names = sorted(after["lines"], key=lines.order)
    place = names.index(line)
    return between(after, names[place - 1], line) if place else []


def between(table: Table, old: str, new: str) -> list[str]:
    """What differs between two lines."""
    found = [
        _change(row, broker, cells.get(old), cells.get(new), f"{old} → {new}")
        for row in table["rows"]
        for broker, cells in row["cells"].items()
    ]
    return _said((one for one in found if one), f"Nothing differs between {old} and {new}.")


def _against_itself(before: Table, after: Table, line: str) -> Iterator[str]:
    known = {row["id"]: row["cells"] for row in before["rows"]}
    for row in after["rows"]:
        for broker, cells in row["cells"].items():
            old = known.get(row["id"], {}).get(broker, {}).get(line)
            said = _change(row, broker, old, cells.get(line), line)
            if said:
                yield said


def _change(row: Mapping[str, Any], broker: str, old: Any, new: Any, where: str) -> str:
    if old is None and new is None:
        return ""
    then, now = (cell[0] if cell else "not observed" for cell in (old, new))
    return "" if then == now else f"{where} {broker} {row['surface']} {row['id']} ({row['title']}): {then} → {now}"


def _said(found: Iterator[str], otherwise: str) -> list[str]:
    return list(found) or [otherwise]
