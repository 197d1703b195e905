"""What each line of Celery wrote breaks nothing when ``check`` is told the line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources
from celery_conformance.check import Judge, forms, windows

CAPTURES = resources.folder("spec") / "versions" / "captures"
STAGES = ("messages", "work", "settings", "replies", "beat", "control", "quorum", "surfaces")

#: What whoever sent it asked for: an eta that is none, and a rate limit that is none.
_ASKED_FOR = {("eta-garbage", "TASK2-HDR-020"), ("rate-limit-bad", "CTRL-CMD-010")}

#: What every line writes.
_KINDS = {
    "a task message of protocol version 1",
    "a task message of protocol version 2",
    "a result document",
    "a group of results, as it is stored",
    "a result sent as a message",
    "a message with events",
    "a command of remote control",
    "a reply of remote control",
}


def _releases() -> list[str]:
    """The newest captured release of each line."""
    found = sorted(path.name for path in CAPTURES.glob("*") if path.is_dir() and "-with-" not in path.name)
    return list({windows.line(name): name for name in found}.values())


def _carriers(value: Any) -> Iterator[dict[str, Any]]:
    """Everything in a capture that carries a message or a document."""
    if isinstance(value, dict):
        if any(isinstance(value.get(name), str) for name in ("item", "frames", "document")):
            yield value
        else:
            yield from (found for inner in value.values() for found in _carriers(inner))
    elif isinstance(value, list):
        yield from (found for inner in value for found in _carriers(inner))


def _judged(path: Path, judge: Judge) -> Iterator[tuple[str, str, set[str]]]:
    """Entry, what it holds, and the sentences with MUST that this breaks, for all that is known."""
    for name, entry in json.loads(path.read_text(encoding="utf-8"))["entries"].items():
        for carrier in _carriers(entry):
            try:
                carried = forms.carried(carrier)
            except forms.UnreadableError:
                continue
            if carried.known:
                yield name, carried.title, {one.requirement for one in judge.carried(carried).broken if one.must}


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="this edition has no captures of other lines")
@pytest.mark.parametrize("release", _releases())
def test_a_line_keeps_what_it_is_said_to_keep(release: str) -> None:
    """No message of a release breaks a MUST of its line, and there are messages to say so of."""
    judge = Judge(windows.line(release))
    paths = [path for path in sorted((CAPTURES / release).glob("*/*.json")) if path.stem in STAGES]
    judged = [found for path in paths for found in _judged(path, judge)]
    broken = {(name, one) for name, _, ids in judged for one in ids}
    assert broken - _ASKED_FOR == set()
    assert {title for _, title, _ in judged} >= _KINDS
    assert len(judged) > 500
