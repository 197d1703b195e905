"""Every line that the suite and the built-in clients exchange is one of the schema of door 2."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest
from celery_conformance import resources

from .judging import HERE, copy_adapter, judge

SCHEMA = json.loads((resources.folder("spec") / "schemas" / "door2.schema.json").read_text(encoding="utf-8"))
CASES = ("v2-*", "reader-*")


def exchanged(name: str, tmp_path: Path) -> list[dict[str, object]]:
    """The lines between the suite and a built-in client, in some of the cases."""
    record = tmp_path / "record"
    folder = copy_adapter(name, tmp_path / "copy", {"RECORDED": "1"})
    path = folder / "adapter.toml"
    told = json.dumps([sys.executable, str(HERE / "door2_recorder.py"), str(record), "{python}", "client.py"])
    text = path.read_text(encoding="utf-8")
    plain = 'command = ["{python}", "client.py"]'
    assert plain in text
    path.write_text(text.replace(plain, f"command = {told}"), encoding="utf-8")
    words = [word for case in CASES for word in ("-k", case)]
    judged = judge(folder, tmp_path / "report", "--role", "producer", "--role", "reader", *words)
    assert judged.exit_code == 0, judged.printed
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", ["celery", "celery-wire"])
def test_every_line_is_of_the_schema(name: str, tmp_path: Path) -> None:
    """Requests and replies of all verbs were seen, and each is valid."""
    lines = exchanged(name, tmp_path)
    check = jsonschema.Draft202012Validator(SCHEMA)
    assert [(line, error.message) for line in lines for error in check.iter_errors(line)] == []
    verbs = {line["verb"] for line in lines if "verb" in line}
    assert {"hello", "send", "result"} <= verbs
    assert [line for line in lines if "ok" in line]


@pytest.mark.parametrize(
    "line",
    [
        {"id": "1", "verb": "hello"},
        {"id": 1},
        {"id": 1, "ok": {}, "error": {"type": "E", "message": ""}},
        {"id": 1, "ok": 3},
    ],
)
def test_what_is_no_line_is_refused(line: dict[str, object]) -> None:
    """The schema tells a line of the dialogue from anything else."""
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(line)
