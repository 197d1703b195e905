"""The recorded runs: each case that a requirement cites was run against Celery, and passed where a MUST rests on it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources, specification
from celery_conformance.evidence import beside_others, cited, neutral, recorded_cases, write

RECORDS = sorted((resources.folder("spec") / "evidence").glob("*.json"))


def read(name: str) -> dict[str, Any]:
    return next(json.loads(path.read_text(encoding="utf-8")) for path in RECORDS if path.name == name)


def test_every_cited_case_is_recorded() -> None:
    """No requirement rests on a case that nobody ran against Celery."""
    assert cited() - recorded_cases() == set()


@pytest.mark.parametrize("name", [path.name for path in RECORDS])
def test_what_a_must_rests_on_passed(name: str) -> None:
    """Celery passed every recorded case that is evidence of a MUST; what it failed is evidence of no MUST."""
    failed = {case.partition("[")[0] for case, entry in read(name)["cases"].items() if entry["verdict"] != "pass"}
    musts = {
        evidence.reference
        for requirement in specification.load()
        if requirement.level.startswith("MUST")
        for evidence in requirement.evidence
    }
    assert failed & musts == set()


@pytest.mark.parametrize("name", [path.name for path in RECORDS])
def test_a_record_names_versions_and_no_machine(name: str) -> None:
    """A record says what it was made with, and nothing of the machine it was made on."""
    record = read(name)
    assert set(record["versions"]) == {"celery", "kombu", "redis", "amqp", "broker"}
    text = json.dumps(record["cases"])
    assert re.findall(r"/(?:home|root|opt|work|usr|tmp)/", text) == []


def test_folders_and_names_of_a_machine_are_taken_out() -> None:
    """A traceback keeps the file below site-packages and loses where that is."""
    said = 'File "/somewhere/v/lib/python3.11/site-packages/celery/app/trace.py", line 3'
    assert neutral(said) == 'File "site-packages/celery/app/trace.py", line 3'


def test_a_missing_case_is_added_beside_the_others(tmp_path: Path) -> None:
    """What is recorded stays, in the order of names; nothing is added to a record of other versions."""
    versions, path = {"celery": "5.7.0"}, tmp_path / "record.json"
    write({"versions": versions, "store": "redis", "cases": {"b": {"verdict": "pass"}}}, path)
    found = {"versions": versions, "store": "redis", "cases": {"a": {"verdict": "fail"}}}
    assert list(beside_others(found, path)["cases"].items()) == [("a", {"verdict": "fail"}), ("b", {"verdict": "pass"})]
    with pytest.raises(ValueError, match="record all again"):
        beside_others({**found, "versions": {"celery": "5.6.3"}}, path)
