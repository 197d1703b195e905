"""What a reader makes of a result document: the documents of the fixtures, put into the store as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery_conformance.fixtures import load
from celery_conformance.versions.bed import Bed

NAME = "readers"

_SECONDS = 0.3


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read every document; the store is the same whatever the broker."""
    if bed.broker_name != "redis":
        return
    client = bed.client()
    try:
        for fixture in [one for one in load() if one.surface == "result"]:
            key = fixture.message["key"]
            with bed.store as store:
                store.set(key, fixture.message["document"])
            task_id = key.removeprefix("celery-task-meta-")
            answer = client.ask("read", task_id=task_id, timeout=_SECONDS)
            answer.get("done", {}).pop("traceback", None)
            yield fixture.name, {"read": answer.pop("done"), **answer} if "done" in answer else answer
            with bed.store as store:
                store.delete(key)
    finally:
        client.close()
        bed.clear()
