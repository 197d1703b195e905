"""The command that writes spec/requirements.json, and its --check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from celery_conformance.specification.__main__ import main
from celery_wire.version import EDITION

DOCUMENT = """---
surface: task-v2
title: Tasks
defaults:
  roles: [producer]
---

[TASK2-HDR-001] A producer {keyword} write the name of the task.

```requirement
when: {{protocol: 2}}
since: celery 4.0
evidence:
  - fixture: task-v2/plain
  - case: v2-task-name
harm: >-
  Nobody knows
  what to run.
```
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A folder with one document and an up-to-date requirements.json."""
    (tmp_path / "task-v2.md").write_text(DOCUMENT.format(keyword="MUST"))
    assert main([], tmp_path) == 0
    return tmp_path


def test_the_file_says_what_the_document_says(spec: Path) -> None:
    """Every field of the contract is written, texts folded, lists kept in order."""
    assert json.loads((spec / "requirements.json").read_text()) == {
        "edition": EDITION,
        "requirements": [
            {
                "id": "TASK2-HDR-001",
                "level": "MUST",
                "sentence": "A producer MUST write the name of the task.",
                "roles": ["producer"],
                "surface": "task-v2",
                "profile": "core",
                "when": {"protocol": 2},
                "since": "celery 4.0",
                "until": None,
                "evidence": [{"fixture": "task-v2/plain"}, {"case": "v2-task-name"}],
                "harm": "Nobody knows what to run.",
                "observation": False,
                "document": "task-v2.md",
                "hash": "cc75dcbc994f",
            }
        ],
    }


def test_check_is_content_with_what_is_current(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to say, nothing written, exit code 0."""
    before = (spec / "requirements.json").stat().st_mtime_ns
    capsys.readouterr()
    assert main(["--check"], spec) == 0
    assert capsys.readouterr() == ("", "")
    assert (spec / "requirements.json").stat().st_mtime_ns == before


def test_check_says_what_is_stale(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed sentence changes level, sentence and hash; the file is not touched."""
    before = (spec / "requirements.json").read_text()
    (spec / "task-v2.md").write_text(DOCUMENT.format(keyword="SHOULD"))
    assert main(["--check"], spec) == 1
    assert capsys.readouterr().err == (
        "spec/requirements.json is not what the documents say:\n"
        "TASK2-HDR-001: differs in level, sentence, hash\n"
        "Run `python -m celery_conformance.specification` and commit spec/requirements.json.\n"
    )
    assert (spec / "requirements.json").read_text() == before


def test_check_names_new_requirements(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A requirement that is not in the committed file is named."""
    text = DOCUMENT.format(keyword="MUST")
    more = text[text.index("[TASK2") :].replace("HDR-001", "HDR-002")
    (spec / "task-v2.md").write_text(f"{text}\n{more}")
    assert main(["--check"], spec) == 1
    assert "TASK2-HDR-002: is in the documents only\n" in capsys.readouterr().err


def test_an_id_that_vanished_is_never_written_away(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is left as it is until the id stands in retired.yaml."""
    (spec / "task-v2.md").write_text(DOCUMENT.format(keyword="MUST").replace("HDR-001", "HDR-002"))
    assert main([], spec) == 1
    assert capsys.readouterr().err.startswith("spec/requirements.json:1: TASK2-HDR-001: expected to find it again")
    (spec / "retired.yaml").write_text("- id: TASK2-HDR-001\n  reason: It was wrong.\n")
    assert main([], spec) == 0
    assert "TASK2-HDR-001" not in (spec / "requirements.json").read_text()


def test_a_broken_document_is_named(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be read ends the command with its place, not with a traceback."""
    (spec / "task-v2.md").write_text("---\nsurface: task-v2\n")
    assert main(["--check"], spec) == 1
    assert capsys.readouterr().err.startswith("spec/task-v2.md:1: expected front matter")


def test_cases_are_asked_for_on_request(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only with --cases does a case have to exist that evidence names."""
    (spec / "task-v2.md").write_text(DOCUMENT.format(keyword="MUST").replace("v2-task-name", "v2-never-written"))
    assert main([], spec) == 0
    assert main(["--check", "--cases"], spec) == 1
    assert "expected a case with the id v2-never-written; there is none" in capsys.readouterr().err


def test_untested_is_read_from_its_file(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry in untested.yaml counts: here it is one too many."""
    (spec / "untested.yaml").write_text("- id: TASK2-HDR-001\n  reason: Nobody can see it.\n")
    assert main(["--check"], spec) == 1
    assert "expected no entry in spec/untested.yaml" in capsys.readouterr().err
