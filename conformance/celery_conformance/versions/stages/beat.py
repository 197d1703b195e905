"""What a scheduler sends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from celery_conformance.brokers import process
from celery_conformance.versions.bed import PROBES, Bed, environment_of

NAME = "beat"

_SECONDS = 8.0


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Let the scheduler run until each of its entries was due once."""
    party, name = bed.party(), bed.folder / "beat"
    command = [str(bed.environment.python), str(PROBES / "beat.py"), str(name.with_suffix(".schedule"))]
    given = environment_of({"OBSERVE_SETTINGS": json.dumps(party.settings), "OBSERVE_TRACE": "/dev/null"})
    child = process.start(command, log=name.with_suffix(".log"), folder=bed.folder, environment=given)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and len(party.since((0, 0)).get("messages", [])) < 3:
        time.sleep(0.05)
    process.end(child)
    wrote = party.since((0, 0))
    party.close()
    yield "first-messages", {"done": "ran", "messages": wrote.get("messages", [])[:3]}
    bed.clear()
