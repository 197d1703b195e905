"""``check --celery``: a message is judged by what a line of Celery keeps, as far as anybody knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from celery_conformance import resources, specification
from celery_conformance.check import Judge, Outcome, windows
from celery_conformance.check.reading import Input
from celery_conformance.errors import UsageError
from celery_conformance.specification import Requirement

from .check_inputs import envelope, message

_ANY = specification.load()[0]


@pytest.fixture
def observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a windows.json of a test's own."""
    folder = tmp_path / "versions"
    folder.mkdir()
    monkeypatch.setattr(resources, "folder", lambda _: tmp_path)
    windows._observed.cache_clear()
    yield folder / "windows.json"
    windows._observed.cache_clear()


def dated(since: str | None = None, until: str | None = None) -> Requirement:
    return replace(_ANY, since=since, until=until)


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (None, None, windows.LINES),
        ("celery 5.1", None, windows.LINES[6:]),
        (None, "celery 4.4", windows.LINES[:5]),
        ("celery 4.3", "celery 5.0", ("4.3", "4.4", "5.0")),
        ("kombu 4.6", None, windows.LINES[3:]),
        (None, "kombu 5.2", windows.LINES[:8]),
    ],
)
@pytest.mark.usefixtures("observed")
def test_a_window_says_which_lines_keep_a_sentence(since: str | None, until: str | None, kept: tuple[str, ...]) -> None:
    """Both ends belong to it, and Kombu's versions are those that the lines of Celery run with."""
    requirement = dated(since, until)
    assert tuple(line for line in windows.LINES if windows.keeps(line, requirement)) == kept


def test_what_was_observed_goes_before_what_is_said(observed: Path) -> None:
    """windows.json dates a sentence anew, names lines that break it in between, and leaves the others alone."""
    seen = {"since": "celery 4.2", "until": None, "holds_not": ["4.0", "4.1", "5.2"], "rows": ["row"]}
    observed.write_text(json.dumps({_ANY.id: seen}))
    requirement = dated("celery 5.1")
    assert [line for line in windows.LINES if not windows.keeps(line, requirement)] == ["4.0", "4.1", "5.2"]
    assert windows.window(requirement).since == "celery 4.2"
    assert windows.window(replace(requirement, id="OTHER-ONE-001")).since == "celery 5.1"


def test_since_the_oldest_line_is_no_news(observed: Path) -> None:
    """What every line keeps needs no date."""
    observed.write_text(json.dumps({_ANY.id: {"since": "celery 4.0", "until": None, "holds_not": []}}))
    assert windows.window(dated()) == windows.Window(None, None, frozenset())


@pytest.mark.parametrize(("text", "line"), [("5.2", "5.2"), ("5.2.7", "5.2"), ("celery 4.0", "4.0"), ("4.0.2", "4.0")])
def test_a_line_is_named_as_people_name_it(text: str, line: str) -> None:
    """A release means its line."""
    assert windows.line(text) == line


@pytest.mark.parametrize("text", ["", "3.1", "5", "5.8", "newest", "5.²", "-1.0"])
def test_a_line_that_is_not_known_is_told(text: str) -> None:
    """With those that are."""
    with pytest.raises(UsageError, match=r"expected a line of Celery out of 4\.0, .*5\.7, came "):
        windows.line(text)


def test_a_message_of_an_older_line_is_fine_when_the_line_is_told() -> None:
    """The newest line asks for the header ignore_result and says since when; 5.0 does not ask for it."""
    old = message(ignore_result=..., replaced_task_nesting=..., stamped_headers=..., stamps=...)
    given = Input(0, json.dumps(envelope(old)).encode())
    newest, older = Judge().judge(given), Judge("5.0").judge(given)
    assert [(one.requirement, one.since) for one in newest.broken if one.must] == [("TASK2-HDR-007", "celery 5.1")]
    assert older.outcome is Outcome.FINE
    assert {one.requirement for one in older.not_asked} == {"TASK2-HDR-007", "TASK2-HDR-044"}


def test_what_no_line_allows_is_broken_in_all() -> None:
    """A line has no say where nothing dates a sentence."""
    given = Input(0, json.dumps(envelope(message(eta=""))).encode())
    for line in windows.LINES:
        assert [one.requirement for one in Judge(line).judge(given).broken if one.must] == ["TASK2-HDR-022"]
