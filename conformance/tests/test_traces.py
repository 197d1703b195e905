"""What the trace file of a worker says is known when it counts: behind a barrier, and when the worker has ended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from celery_conformance import adapter as adapters
from celery_conformance import cli
from celery_conformance.engine import workers
from celery_conformance.engine.suite import Suite
from celery_conformance.engine.testbed import Target, Testbed
from celery_conformance.engine.workers import WorkerKeeper

from .command import ADAPTERS
from .judging import copy_adapter, search_path

#: So long that nobody looks at a trace file by the way.
_NEVER = 600.0


def test_what_a_task_wrote_is_known_behind_a_barrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that must not run, and does, is found out however seldom the file is looked at."""
    monkeypatch.setattr(workers, "_TRACE_SECONDS", _NEVER)
    folder = copy_adapter(
        "celery-wire", tmp_path / "copy", {"PYTHONPATH": search_path("mutated"), "MUTANT": "expiry-ignored"}
    )
    words = ["run", str(folder), "-k", "worker-skips-expired", "--report", str(tmp_path / "report")]
    assert cli.main(words) == 1


def test_what_a_worker_wrote_last_is_known_when_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a fact of a worker waits no longer than it lives."""
    monkeypatch.setattr(workers, "_TRACE_SECONDS", _NEVER)

    async def end() -> list[str]:
        testbed = Testbed(tmp_path, Target("redis"), Target("redis"))
        await testbed.start()
        try:
            suite, adapter = Suite(testbed), adapters.read(ADAPTERS / "good")
            assert adapter.worker is not None
            keeper = WorkerKeeper(adapter, adapter.worker, testbed, suite, "nonce")
            worker = await keeper.start({})
            worker.trace.write_text("nonce end 1795800000.5 7\n", encoding="utf-8")
            await keeper.end(worker)
            kinds = [fact.kind for fact in testbed.timeline.facts]
            await keeper.end_all()
            await suite.close()
            return kinds
        finally:
            await testbed.stop()

    assert "task-ended" in asyncio.run(end())
