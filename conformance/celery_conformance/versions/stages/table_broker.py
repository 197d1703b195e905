"""The broker that is a database, in a file of SQLite: what stands in its tables before a worker comes, and after."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery_conformance.versions.bed import Bed
from celery_conformance.versions.stages.run import ended, short

CASE = "sqlite-broker"

_RECIPES = ("plain", "priority")
_TABLES = ("kombu_message", "kombu_queue")
_SECONDS = 12.0


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Send tasks, look at the tables, and have a worker take them."""
    if not any(bed.wants(f"{CASE}.{recipe}") for recipe in _RECIPES):
        return
    path = bed.name_of("queue").with_suffix(".sqlite")
    settings = {"broker_url": f"sqla+sqlite:///{path}"}
    client = bed.client(settings)
    try:
        sent = {recipe: client.ask("send", recipe=recipe) for recipe in _RECIPES}
    finally:
        client.close()
    if any("raised" in answer for answer in sent.values()):
        yield from ((f"{CASE}.{recipe}", answer) for recipe, answer in sent.items())
        return
    before = _read(path)
    worker = bed.worker(settings)
    try:
        worker.wait(lambda: all(ended(worker.events(), recipe) for recipe in _RECIPES), _SECONDS)
        worker.quiet(0.4)
        events, stored = worker.events(), worker.party.since((0, 0)).get("stored", [])
    finally:
        worker.stop()
    after = _read(path)
    for place, recipe in enumerate(_RECIPES):
        put, taken = (read["kombu_message"]["rows"][place : place + 1] for read in (before, after))
        yield (
            f"{CASE}.{recipe}",
            {
                **sent[recipe],
                "columns": {name: before[name]["columns"] for name in _TABLES},
                "queues": before["kombu_queue"]["rows"],
                "sent": [{"key": "kombu_message", "item": row["payload"]} for row in put],
                "rows": _beside_payload(put),
                "taken": _beside_payload(taken),
                "stored": [one for one in stored if recipe in one["key"]],
                "trace": short([event for event in events if event.get("id") == recipe]),
            },
        )


def _beside_payload(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "payload"} for row in rows]


def _read(path: Path) -> dict[str, Any]:
    """Columns with their types, and rows, of each table."""
    found = {}
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        for name in _TABLES:
            columns = {row["name"]: row["type"] for row in database.execute(f"PRAGMA table_info({name})")}
            rows = [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY id")]  # noqa: S608
            found[name] = {"columns": columns, "rows": rows}
    return found
