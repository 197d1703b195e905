"""Which sentences a release line of Celery keeps: their ``since`` and ``until``, as versions of Celery or Kombu.

A sentence about Kombu is dated by the Kombu that a line of Celery runs with. ``spec/versions/windows.json`` has what
was observed line by line; where it dates a sentence, it goes before what the sentence itself says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from celery_conformance import resources
from celery_conformance.errors import UsageError
from celery_conformance.specification import Requirement

KOMBU_OF = {
    "4.0": "4.0", "4.1": "4.2", "4.2": "4.3", "4.3": "4.6", "4.4": "4.6", "5.0": "5.0", "5.1": "5.1", "5.2": "5.2",
    "5.3": "5.3", "5.4": "5.4", "5.5": "5.5", "5.6": "5.6", "5.7": "5.7",
}  # fmt: skip
"""Line of Celery to the line of Kombu that its last release runs with."""

LINES = tuple(KOMBU_OF)
NEWEST = LINES[-1]
_EVER = f"celery {LINES[0]}"


@dataclass(frozen=True, slots=True)
class Window:
    """The first and the last line that keep a sentence, such as ``celery 5.1``; None is open.

    ``broken_by`` are the lines of Celery that were seen not to keep it; None where nobody looked.
    """

    since: str | None = None
    until: str | None = None
    broken_by: frozenset[str] | None = None


def line(text: str) -> str:
    """A line as a user names it: ``5.2``, and ``5.2.7`` too.

    Raises:
        UsageError: it is none that is known.
    """
    found = ".".join(text.removeprefix("celery").strip().split(".")[:2])
    if found not in KOMBU_OF:
        raise UsageError(f"expected a line of Celery out of {', '.join(LINES)}, came {text!r}")
    return found


@cache
def _observed() -> Mapping[str, Window]:
    path = resources.folder("spec") / "versions" / "windows.json"
    if not path.is_file():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Window(
            entry.get("since"), entry.get("until"), frozenset(entry["holds_not"]) if "holds_not" in entry else None
        )
        for name, entry in found.items()
    }


def window(requirement: Requirement) -> Window:
    """The window of a sentence."""
    seen = _observed().get(requirement.id, Window())
    since = seen.since or requirement.since
    return Window(None if since == _EVER else since, seen.until or requirement.until, seen.broken_by)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _placed(bound: str, celery_line: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    package, _, version = bound.partition(" ")
    of_line = KOMBU_OF[celery_line] if package == "kombu" else celery_line
    return _number(of_line), _number(version)[:2]


def keeps(celery_line: str, requirement: Requirement) -> bool:
    """Whether a line of Celery keeps a sentence."""
    found = window(requirement)
    if found.broken_by is not None:
        return celery_line not in found.broken_by
    if found.since is not None:
        here, first = _placed(found.since, celery_line)
        if here < first:
            return False
    if found.until is not None:
        here, last = _placed(found.until, celery_line)
        return here <= last
    return True
