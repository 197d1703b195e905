"""Judges a changed copy of a built-in adapter, as its author would: another folder, other variables, one command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance import resources

HERE = Path(__file__).parent
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """What the command said: exit code, results by case, the whole of what it printed."""

    exit_code: int
    results: dict[str, dict[str, Any]]
    printed: str

    def of_case(self, case: str) -> list[dict[str, Any]]:
        """The results of a case in all its axes."""
        return [result for result in self.results.values() if result["case"] == case]


def copy_adapter(name: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """A copy of a built-in adapter with variables added to its environment."""
    shutil.copytree(resources.folder("adapters") / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    added = "".join(f"{key} = {json.dumps(value)}\n" for key, value in environment.items())
    path = folder / "adapter.toml"
    text = path.read_text(encoding="utf-8")
    assert "[environment]" not in text, "the copy would have two tables of that name"
    path.write_text(text + "\n[environment]\n" + added, encoding="utf-8")
    return folder


def search_path(folder: str) -> str:
    """The PYTHONPATH that adds a folder beside this file: a copy imports the same packages as its tests."""
    return os.pathsep.join([str(HERE / folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def judge(folder: Path | str, report: Path, *words: str) -> Judged:
    """Run the command on an adapter's folder and read its report back."""
    command = [sys.executable, "-m", "celery_conformance.cli", "run", str(folder), "--report", str(report), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    printed = done.stdout + done.stderr
    document = report / "report.json"
    if not document.exists():
        raise AssertionError(f"no report, exit {done.returncode}:\n{printed}")
    results = json.loads(document.read_text(encoding="utf-8"))["results"]
    return Judged(done.returncode, {result["name"]: result for result in results}, printed)
