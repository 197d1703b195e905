"""The baseline of an implementation: what is known to fail, why, and until when.

An entry still runs. One that now passes, matches nothing or has expired is stale, and a stale baseline is red.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from celery_conformance.errors import AdapterError

_FIELDS = {"id", "reason", "link", "when", "expires"}
#: What an entry may depend on: the axes that belong to a run.
_AXES = {"broker", "store"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One known failure. ``id`` is a case id, or a case name with its axes; ``*`` stands for any text."""

    id: str
    reason: str
    link: str
    when: Mapping[str, str] = field(default_factory=dict)
    expires: datetime.date | None = None

    def covers(self, name: str, run: Mapping[str, str]) -> bool:
        """Whether the entry speaks of a case in a run with this broker and store."""
        pattern = ".*".join(re.escape(piece) for piece in self.id.split("*"))
        known = name.partition("[")[0] == self.id or re.fullmatch(pattern, name) is not None
        return known and self.applies(run)

    def applies(self, run: Mapping[str, str]) -> bool:
        return all(run.get(axis) == value for axis, value in self.when.items())

    def expired(self, today: datetime.date) -> bool:
        return self.expires is not None and self.expires < today


@dataclass(frozen=True, slots=True)
class Baseline:
    """All entries of an adapter."""

    entries: tuple[Entry, ...] = ()

    def find(self, name: str, run: Mapping[str, str]) -> Entry | None:
        """The entry that excuses a case, or None."""
        return next((entry for entry in self.entries if entry.covers(name, run)), None)


def read_baseline(path: Path) -> Baseline:
    """Read ``baseline.yaml``; a missing file is an empty baseline.

    Raises:
        AdapterError: it is no YAML, or an entry lacks what every entry needs.
    """
    if not path.exists():
        return Baseline()
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    except yaml.MarkedYAMLError as error:
        where = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        raise AdapterError(f"{where}: expected YAML, came: {error.problem}", "mend baseline.yaml") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise AdapterError(f"{path}: expected YAML, came: {_one_line(error)}", "mend baseline.yaml") from error
    if not isinstance(raw, list):
        raise AdapterError(f"{path}: expected a list of entries, came {type(raw).__name__}", "mend baseline.yaml")
    return Baseline(tuple(_entry(path, number, entry) for number, entry in enumerate(raw, 1)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _entry(path: Path, number: int, raw: Any) -> Entry:
    where = f"{path}: entry {number}"
    if not isinstance(raw, dict):
        raise AdapterError(f"{where}: expected the fields {_listed(_FIELDS)}, came {raw!r}", "mend baseline.yaml")
    unknown = set(raw) - _FIELDS
    if unknown:
        raise AdapterError(f"{where}: expected the fields {_listed(_FIELDS)}, came {_listed(unknown)}", "take it out")
    for name in ("id", "reason", "link"):
        if not isinstance(raw.get(name), str) or not raw[name].strip():
            raise AdapterError(f"{where}: expected a text in {name!r}, came {raw.get(name)!r}", "say why it fails")
    expires = raw.get("expires")
    if expires is not None and type(expires) is not datetime.date:  # a moment is a date as well, and YAML knows both
        raise AdapterError(f"{where}: expected a date in 'expires', came {str(expires)!r}", "write it as 2027-01-31")
    when = raw.get("when", {})
    if not isinstance(when, dict) or not set(when) <= _AXES or not all(isinstance(one, str) for one in when.values()):
        raise AdapterError(
            f"{where}: expected {_listed(_AXES)} with a text in 'when', came {when!r}", "for example {broker: redis}"
        )
    return Entry(raw["id"], raw["reason"].strip(), raw["link"], when, expires)


def _listed(names: set[Any]) -> str:
    return ", ".join(sorted(map(str, names)))
