"""The page about upstream documentation holds to its form: each entry says what, and shows it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from celery_conformance import specification
from celery_conformance.cases.load import load as load_cases
from celery_conformance.fixtures import load as load_fixtures
from celery_conformance.specification import sources

DOCS = Path(__file__).resolve().parents[1]
GROUPS: list[dict[str, Any]] = yaml.safe_load((DOCS / "upstream.yaml").read_text())


def entries() -> Iterator[dict[str, Any]]:
    return (entry for group in GROUPS for entry in group["entries"])


def test_evidence_exists() -> None:
    """An entry without evidence, or with one that is not there, is a claim."""
    known = {
        "requirement": {one.id for one in specification.load()},
        "fixture": {one.name for one in load_fixtures()},
        "case": {one.id for one in load_cases()},
    }
    for entry in entries():
        assert entry["evidence"], entry["id"]
        for item in entry["evidence"]:
            ((kind, name),) = item.items()
            if kind == "source":
                assert sources.exists(name), (entry["id"], name)
            elif kind != "run":
                assert name in known[kind], (entry["id"], name)


def test_runs_and_tests_are_the_same() -> None:
    """Each run that an entry names is a test, and each test belongs to an entry."""
    tree = ast.parse((DOCS / "tests" / "test_upstream.py").read_text())
    tests = {one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}
    assert {item["run"] for entry in entries() for item in entry["evidence"] if "run" in item} == tests


def test_a_wrong_entry_quotes_what_is_wrong() -> None:
    """Who reads that a page is wrong can find the place; silence has nothing to quote."""
    for entry in entries():
        assert entry["kind"] in ("wrong", "silent"), entry["id"]
        assert ("words" in entry) is (entry["kind"] == "wrong"), entry["id"]


def test_ids_stand_once() -> None:
    """Links to an entry lead to it."""
    assert [name for name, count in Counter(entry["id"] for entry in entries()).items() if count > 1] == []
