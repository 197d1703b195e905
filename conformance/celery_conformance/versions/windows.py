"""Since when a requirement holds: derived from the rows that bear on it, and from nothing else.

A row names, for each requirement that it bears on, the answers under which the requirement holds. A requirement holds
in a line when it does so in every such row on every broker. ``since`` is the first line from which on it holds without
a gap; ``until`` the last line in which it held, when the newest does not. Where it held in the oldest line, ``since``
names that line, and says no more than that nobody looked further back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery_conformance.versions import captures, lines
from celery_conformance.versions.lines import Line
from celery_conformance.versions.table import Answered

NAME = "windows.json"


@dataclass(frozen=True, slots=True)
class Window:
    """In which lines a requirement holds; ``package`` is the one whose versions the window counts in."""

    rows: tuple[str, ...]
    holds: Mapping[str, bool]
    package: str = "celery"
    kombu: Mapping[str, str] = field(default_factory=dict)

    @property
    def since(self) -> str | None:
        """The first version from which on it holds to the end of the window."""
        last = self._last()
        if last is None:
            return None
        names = list(self.holds)
        first = names.index(last)
        while first > 0 and self.holds[names[first - 1]]:
            first -= 1
        return self._named(names[first])

    @property
    def until(self) -> str | None:
        """The last version in which it held, when it does not hold any more."""
        last = self._last()
        return None if last is None or last == list(self.holds)[-1] else self._named(last)

    def _last(self) -> str | None:
        return next((line for line in reversed(list(self.holds)) if self.holds[line]), None)

    def _named(self, line: str) -> str:
        return f"celery {line}" if self.package == "celery" else f"kombu {self.kombu[line]}"


def derive(answered: Sequence[Answered], observed: Sequence[Line], root: Path | None = None) -> dict[str, Window]:
    """The window of every requirement that a row bears on."""
    names = sorted({name for one in answered for name in one.row.requirements})
    kombu = {line.line: _kombu(line, root) for line in observed}
    return {name: _window(name, answered, observed, kombu) for name in names}


def _window(name: str, answered: Sequence[Answered], observed: Sequence[Line], kombu: Mapping[str, str]) -> Window:
    bearing = [one for one in answered if name in one.row.requirements]
    holds = {line.line: all(_holds(one, name, line.line) for one in bearing) for line in observed}
    packages = {one.row.package for one in bearing if any(not _holds(one, name, line) for line in holds)}
    package = packages.pop() if len(packages) == 1 else "celery"
    return Window(tuple(one.row.id for one in bearing), holds, package, kombu)


def _holds(one: Answered, name: str, line: str) -> bool:
    cells = [of_line for of_line in one.cells.values() if line in of_line]
    if name in one.row.bears_on:
        return bool(cells) and all(of_line[line].value in one.row.bears_on[name] for of_line in cells)
    newest = [max(of_line, key=lines.order) for of_line in cells]
    return bool(cells) and all(
        of_line[line].value == of_line[last].value for of_line, last in zip(cells, newest, strict=True)
    )


def _kombu(line: Line, root: Path | None) -> str:
    known = (captures.find(line.release, broker, "messages", root) for broker in ("redis", "amqp"))
    found = next((capture.versions["kombu"] for capture in known if capture is not None), "0.0")
    return ".".join(found.split(".")[:2])


def as_data(windows: Mapping[str, Window]) -> str:
    """The windows as JSON, a requirement a line."""
    rows = (f"  {json.dumps(name)}: {json.dumps(_as_data(window))}" for name, window in windows.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _as_data(window: Window) -> dict[str, Any]:
    missing = [line for line, holds in window.holds.items() if not holds]
    return {"since": window.since, "until": window.until, "holds_not": missing, "rows": list(window.rows)}
