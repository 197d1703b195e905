"""Real Celery with one change planted: a fault must fail the case that is about it, a harmless change nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from celery_conformance.cases.load import load

from .judging import HERE, copy_adapter, judge, search_path

sys.path.insert(0, str(HERE / "planted"))
from plants import FAULTS, HARMLESS

KNOWN = {case.id for case in load()}


def planted(name: str, folder: Path) -> Path:
    """A copy of the Celery adapter whose every process has the change."""
    return copy_adapter("celery", folder, {"PYTHONPATH": search_path("planted"), "PLANT": name})


def test_there_are_enough_of_both() -> None:
    """At least 20 faults, each naming cases that exist, and at least 10 harmless changes."""
    assert len(FAULTS) >= 20
    assert len(HARMLESS) >= 10
    assert {case for fault in FAULTS.values() for case in fault["cases"]} <= KNOWN


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fails(name: str, tmp_path: Path) -> None:
    """A Celery with one fault fails the case that is about it, and the run with it."""
    folder = planted(name, tmp_path / "celery")
    for case in FAULTS[name]["cases"]:
        judged = judge(folder, tmp_path / case, "-k", case, "--strict", "--seed", "1", "--patience", "0.3")
        verdicts = {result["verdict"] for result in judged.of_case(case)}
        assert verdicts & {"fail", "warn"}, judged.printed
        assert judged.exit_code == 1, judged.printed


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_passes(name: str, tmp_path: Path) -> None:
    """A Celery that does the same in another lawful way passes everything that Celery passes."""
    words = ["--profile", "core", "--seed", "1"]  # the robust profile is about messages, not about lawful variety
    judged = judge(planted(name, tmp_path / "celery"), tmp_path / "report", *words)
    failed = [
        name for name, result in judged.results.items() if result["verdict"] not in ("pass", "warn", "unsupported")
    ]
    assert failed == [], judged.printed
    assert judged.exit_code == 0, judged.printed
