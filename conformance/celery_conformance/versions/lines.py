"""Which lines of Celery there are, and the packages that each runs with: ``spec/versions/lines.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from celery_conformance import resources


@dataclass(frozen=True, slots=True)
class Line:
    """One line of Celery (5.2), the release that is observed (5.2.7), and what it is installed with.

    ``python`` is the Python it was made for; ``otherwise`` a newer one that runs it with the shim.
    """

    line: str
    release: str
    python: str
    pins: tuple[str, ...]
    otherwise: str | None = None

    @property
    def requirements(self) -> list[str]:
        """What pip is asked for."""
        return [f"celery[redis]=={self.release}", *self.pins]

    def at(self, release: str) -> Line:
        """The same line at another release of Celery."""
        return replace(self, release=release)


def folder() -> Path:
    """Where the table, its rows and its captures are."""
    return resources.folder("spec") / "versions"


def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder() / "lines.json").read_text(encoding="utf-8"))
    return document


def load() -> list[Line]:
    """Every line, oldest first."""
    return [
        Line(row["line"], row["release"], row["python"], tuple(row["pins"]), row.get("or"))
        for row in _document()["lines"]
    ]


def find(name: str) -> Line:
    """The line of a name such as 5.2, or the line that a release such as 5.2.1 belongs to, at that release.

    Raises:
        KeyError: there is no such line.
    """
    for line in load():
        if name == line.line:
            return line
        if name.startswith(f"{line.line}."):
            return line.at(name)
    raise KeyError(f"expected a line out of {', '.join(line.line for line in load())}; came {name!r}")


def chosen(names: Sequence[str]) -> list[Line]:
    """The lines of these names, or all."""
    return [find(name) for name in names] if names else load()


def releases(package: str = "celery") -> list[str]:
    """Every final release of Celery, or of kombu, from 4.0 on, in order."""
    return list(_document()["releases"][package])


def cannot() -> dict[str, str]:
    """Variants that were tried and do not start, by their labels, with the reason."""
    return dict(_document()["cannot"])


def add(line: Line) -> None:
    """Write a line into the list, or another release of it over the old one."""
    document = _document()
    row: dict[str, Any] = {"line": line.line, "release": line.release, "python": line.python}
    if line.otherwise is not None:
        row["or"] = line.otherwise
    rows = [old for old in document["lines"] if old["line"] != line.line]
    rows.append({**row, "pins": list(line.pins)})
    rows.sort(key=lambda one: order(one["line"]))
    releases = document["releases"]
    releases["celery"] = sorted({*releases["celery"], line.release}, key=order)
    (folder() / "lines.json").write_text(_text(rows, releases, document["cannot"]), encoding="utf-8")


def _text(rows: Sequence[Any], releases: Mapping[str, Sequence[str]], cannot: Mapping[str, str]) -> str:
    listed = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    names = ",\n".join(f"  {json.dumps(package)}: {json.dumps(list(own))}" for package, own in releases.items())
    reasons = ",\n".join(f"  {json.dumps(label)}: {json.dumps(reason)}" for label, reason in cannot.items())
    return f'{{\n "lines": [\n{listed}\n ],\n "releases": {{\n{names}\n }},\n "cannot": {{\n{reasons}\n }}\n}}\n'


def order(version: str) -> tuple[int, ...]:
    """A release or line as numbers, to sort by."""
    return tuple(int(part) for part in version.partition("-")[0].split("."))
