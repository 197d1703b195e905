"""What a wheel of the project gives in an empty environment: the command, with all its data."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_an_installed_command_judges_celery(tmp_path: Path) -> None:
    """`pip install .` into an empty environment, then a run, away from the project's folder."""
    venv.create(tmp_path / "empty", with_pip=True)
    binaries = tmp_path / "empty" / "bin"
    pip = [str(binaries / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(pip, check=True, timeout=600)
    run = [str(binaries / "celery-wire"), "run", "celery", "-k", "v2-", "-k", "worker-accepts", "--report", "report"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert {result["verdict"] for result in report["results"]} >= {"pass"}
    explain = [str(binaries / "celery-wire"), "explain", "TASK2-HDR-004"]
    said = subprocess.run(explain, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "correlation_id" in said.stdout
    assert sys.prefix not in said.stdout
