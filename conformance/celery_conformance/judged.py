"""``celery-wire run`` in a process of its own, as a user would call it, and what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotJudgedError(Exception):
    """The command left no report. Its text is what the command printed."""

    def __init__(self, exit_code: int, printed: str) -> None:
        super().__init__(f"no report, exit {exit_code}:\n{printed}")
        self.exit_code = exit_code
        self.printed = printed


@dataclass(frozen=True, slots=True)
class Judged:
    """What the command said: exit code, its report (``report.schema.json``), the whole of what it printed."""

    exit_code: int
    report: Mapping[str, Any]
    printed: str

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results by the names of the cases' instances."""
        return {result["name"]: result for result in self.report["results"]}

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdicts by the names of the cases' instances."""
        return {name: result["verdict"] for name, result in self.results.items()}

    def of_case(self, case: str) -> list[dict[str, Any]]:
        """The results of a case in all its axes."""
        return [result for result in self.results.values() if result["case"] == case]


def judge(implementation: Path | str, folder: Path, *words: str, seconds: float | None = None) -> Judged:
    """Judge an implementation with these options, and read the report that it leaves in the folder.

    Raises:
        NotJudgedError: it left none.
        subprocess.TimeoutExpired: it took longer than ``seconds``.
    """
    command = [sys.executable, "-m", "celery_conformance.cli", "run", str(implementation), "--report", str(folder)]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=seconds, check=False)
    printed = done.stdout + done.stderr
    path = folder / "report.json"
    if not path.exists():
        raise NotJudgedError(done.returncode, printed)
    return Judged(done.returncode, json.loads(path.read_text(encoding="utf-8")), printed)
