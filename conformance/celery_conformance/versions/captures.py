"""Captures on disk: ``spec/versions/captures/<release>/<broker>/<stage>.json``, one entry a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from celery_conformance.versions import lines, view

Entries = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Capture:
    """What one stage wrote for one release on one broker."""

    release: str
    broker: str
    stage: str
    versions: Mapping[str, str]
    entries: Mapping[str, Mapping[str, Any]]
    _decoded: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    def decoded(self, entry: str) -> dict[str, Any]:
        """An entry with everything in it decoded; decoded once, since many rows ask of it."""
        if entry not in self._decoded:
            self._decoded[entry] = view.of_entry(self.entries[entry])
        return self._decoded[entry]

    @property
    def path(self) -> str:
        """Where it is kept, from ``spec/versions`` on."""
        return f"captures/{self.release}/{self.broker}/{self.stage}.json"


def folder() -> Path:
    """Where the captures are."""
    return lines.folder() / "captures"


def write(capture: Capture, root: Path | None = None) -> Path:
    """Write a capture; everything is in its order, so that a second capture differs in what differs."""
    path = (root or lines.folder()) / capture.path
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"release": capture.release, "broker": capture.broker, "stage": capture.stage}
    entries = ",\n".join(f"{_compact(name)}:{_compact(entry)}" for name, entry in capture.entries.items())
    start = _compact({**head, "versions": dict(sorted(capture.versions.items()))})[:-1]
    path.write_text(f'{start},\n"entries":{{\n{entries}\n}}}}\n', encoding="utf-8")
    return path


def merge(capture: Capture, root: Path | None = None) -> None:
    """Write the entries of a capture over those that are kept of the stage already."""
    kept = find(capture.release, capture.broker, capture.stage, root)
    entries = {**(kept.entries if kept else {}), **capture.entries}
    write(Capture(capture.release, capture.broker, capture.stage, capture.versions, entries), root)
    read.cache_clear()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@cache
def read(path: Path) -> Capture:
    """Read a capture from its file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Capture(data["release"], data["broker"], data["stage"], data["versions"], data["entries"])


def find(release: str, broker: str, stage: str, root: Path | None = None) -> Capture | None:
    """The capture of a stage, or nothing when it was not taken."""
    path = (root or lines.folder()) / f"captures/{release}/{broker}/{stage}.json"
    return read(path) if path.exists() else None


def load(root: Path | None = None) -> Iterator[Capture]:
    """Every capture that there is."""
    for path in sorted(((root or lines.folder()) / "captures").glob("*/*/*.json")):
        yield read(path)
