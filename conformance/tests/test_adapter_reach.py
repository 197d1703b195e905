"""What stands in an adapter's environment reaches every process of it, from a folder anywhere."""

from __future__ import annotations

from pathlib import Path

from .judging import HERE, copy_adapter, judge


def test_a_variable_reaches_client_worker_and_child(tmp_path: Path) -> None:
    """A copy of the Celery adapter elsewhere, with one variable more: client, worker and the pool's child have it."""
    notes = tmp_path / "notes"
    folder = copy_adapter("celery", tmp_path / "copy", {"PYTHONPATH": str(HERE / "reach"), "REACH": str(notes)})
    judged = judge(folder, tmp_path / "report", "-k", "v2-id-equals-correlation-id", "-k", "json-uuid-by-hex")
    assert judged.exit_code == 0, judged.printed
    seen = {(kind, program) for kind, _, program in (line.split(" ", 2) for line in notes.read_text().splitlines())}
    assert {("start", "client.py"), ("start", "worker.py"), ("fork", "worker.py")} <= seen


def test_without_the_variable_nothing_is_noted(tmp_path: Path) -> None:
    """The notes come from the variable: an adapter without it leaves none."""
    notes = tmp_path / "notes"
    folder = copy_adapter("celery", tmp_path / "copy", {"PYTHONPATH": str(HERE / "reach")})
    judged = judge(folder, tmp_path / "report", "-k", "v2-id-equals-correlation-id")
    assert judged.exit_code == 0, judged.printed
    assert not notes.exists()
