"""The command as tests call it, and the look around afterwards: no process, no folder and no traceback is left."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from celery_conformance import cli

ADAPTERS = Path(__file__).parent / "adapters"
CASES = Path(__file__).parent / "cases"
_MARK = "WIRE_TEST_MARK"


@dataclass
class Ran:
    """What a call of the command left: its exit code, what it printed, and its report where it wrote one."""

    code: int
    out: str
    err: str
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def verdicts(self) -> dict[str, str]:
        """Case → verdict."""
        return {result["name"]: result["verdict"] for result in self.report.get("results", ())}

    def result(self, name: str) -> dict[str, Any]:
        """The result of a case."""
        (found,) = [result for result in self.report["results"] if result["name"] == name]
        return dict(found)


def call(
    words: Sequence[object], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ran:
    """Call the command in this process and see that nothing of it is left; a run writes its report."""
    folder.mkdir(exist_ok=True)
    mark = uuid.uuid4().hex
    monkeypatch.setenv(_MARK, mark)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    given = [str(word) for word in words]
    report = folder.parent / f"report-{mark}"
    if given[0] == "run" and "--report" not in given:
        given += ["--report", str(report)]
    capsys.readouterr()
    try:
        code = cli.main(given)
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    read = json.loads((report / "report.json").read_text()) if (report / "report.json").exists() else {}
    assert "Traceback (most recent call last)" not in out + err, out + err
    assert len(left_folders(folder)) == ("--keep" in given)
    assert left_processes(mark, folder) == []
    return Ran(code, out, err, read)


class Running:
    """The command as a process of its own, for what only a process can be: interrupted, or left by its reader."""

    def __init__(self, words: Sequence[object], folder: Path) -> None:
        self.mark, self.folder = uuid.uuid4().hex, folder
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery_conformance.cli", *(str(word) for word in words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, _MARK: self.mark, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        )

    def wait_for_program(self, *words: str, count: int = 1, seconds: float = 60.0) -> None:
        """Return once so many programs run whose command lines hold these words."""
        deadline = time.monotonic() + seconds
        while len(self._programs(words)) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, f"{words} never ran"

    def _programs(self, words: Sequence[str]) -> list[psutil.Process]:
        found = [process for process in psutil.process_iter() if _belongs(process, self.mark, self.folder)]
        return [process for process in found if all(word in " ".join(_command_line(process)) for word in words)]

    def end(self, seconds: float = 30.0) -> Ran:
        """Wait until it has ended, and see that nothing of it is left."""
        out, err = self.process.communicate(timeout=seconds)
        assert "Traceback (most recent call last)" not in out + err, out + err
        assert left_processes(self.mark, self.folder) == []
        assert left_folders(self.folder) == []
        return Ran(self.process.returncode, out, err)


def left_folders(folder: Path) -> list[str]:
    """Data folders of runs that are still there."""
    return [path.name for path in folder.glob("celery-wire-*")]


def left_processes(mark: str, folder: Path, seconds: float = 5.0) -> list[str]:
    """The processes of a call that have not ended within some seconds, by their command lines."""
    found = [process for process in psutil.process_iter() if _belongs(process, mark, folder)]
    _, alive = psutil.wait_procs(found, timeout=seconds)
    return [" ".join(_command_line(process)) for process in alive]


def _belongs(process: psutil.Process, mark: str, folder: Path) -> bool:
    """Whether a process is one of a call: by the variable it inherited, or by a home in the call's own folder."""
    with contextlib.suppress(psutil.Error):
        environment: dict[str, str] = process.environ()
        return environment.get(_MARK) == mark or environment.get("HOME", "").startswith(str(folder))
    return False


def _command_line(process: psutil.Process) -> Iterable[str]:
    with contextlib.suppress(psutil.Error):
        return [str(word) for word in process.cmdline()]
    return ["?"]
