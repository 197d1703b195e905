"""``celery-wire explain``: everything known about a sentence or a case, and who passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from celery_conformance import specification, standing
from celery_conformance.cases.load import load as load_cases
from celery_conformance.check import windows
from celery_conformance.commands import explain
from celery_conformance.errors import UsageError
from celery_conformance.fixtures import load as load_fixtures
from hypothesis import given, settings
from hypothesis import strategies as st

from .command import Ran

CommandFixture = Callable[..., Ran]
FINE, USAGE = 0, 3
REPORT = Path(__file__).parent / "golden" / "report.json"


def _words(text: str) -> str:
    """A text without its line breaks, which depend on the terminal."""
    return " ".join(text.split())


def test_a_sentence_is_explained_with_all_that_stands_behind_it(celery_wire: CommandFixture) -> None:
    """Sentence, level, whom it binds, window, harm, evidence with versions, fixtures, place."""
    ran = celery_wire("explain", "TASK2-HDR-031")
    for piece in (
        "[TASK2-HDR-031] A producer MUST write `timelimit` as null or as a list",
        "level: MUST",
        "roles: producer; surface task-v2; profile core",
        "window: kept by every line",
        "harm: With the two exchanged",
        "evidence: fixture task-v2/time-limits (captured from celery 5.7.0, kombu 5.7.0",
        "evidence: fixture task-v2/fault-timelimit-one (made, and shown to celery 5.7.0",
        "evidence: case v2-time-limits-hard-first",
        "evidence: source celery/worker/request.py:Request.execute_using_pool",
        "task-v2/fault-timelimit-one: there is one time limit (invalid); Celery: terminates",
        "where it stands: spec/task-v2.md#TASK2-HDR-031",
    ):
        assert piece in _words(ran.out), piece
    assert ran.code == FINE


def test_a_dated_sentence_says_since_when(celery_wire: CommandFixture) -> None:
    """The window names the first line that keeps it."""
    assert "window: since celery 5.1" in celery_wire("explain", "TASK2-HDR-007").out


def test_a_sentence_without_harm_says_so(celery_wire: CommandFixture) -> None:
    """A SHOULD is one because nobody was seen to be harmed."""
    assert "harm: none that was seen, which is why it is no MUST" in _words(celery_wire("explain", "TASK2-HDR-008").out)


def test_a_report_says_who_passes(celery_wire: CommandFixture) -> None:
    """With --report the verdicts are those of that run, case by case where they are no pass."""
    out = _words(celery_wire("explain", "TASK2-HDR-004", "--report", REPORT).out)
    assert "who passes: Example 1.2.3 on Redis 6.2.14, store redis: 1 fail" in out
    assert "ids-agree[serializer=json]: fail" in out


def test_several_reports_are_set_side_by_side(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """A line a report."""
    other = json.loads(REPORT.read_text(encoding="utf-8"))
    for result in other["results"]:
        result |= {"verdict": "pass", "card": None}
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**other, "title": "Another"}), encoding="utf-8")
    out = _words(celery_wire("explain", "TASK2-HDR-004", "--report", REPORT, "--report", path).out)
    assert "Example 1.2.3 on Redis 6.2.14, store redis: 1 fail" in out
    assert "Another 1.2.3 on Redis 6.2.14, store redis: 2 pass" in out


def test_a_report_without_a_case_of_it_says_so(celery_wire: CommandFixture) -> None:
    """Nobody is said to pass what was not run."""
    out = _words(celery_wire("explain", "TASK2-BAD-010", "--report", REPORT).out)
    assert "who passes: no case of it was run (asked: Example 1.2.3)" in out


def test_the_recorded_runs_say_who_passes() -> None:
    """Without a report the verdicts are those that were recorded from Celery, for the cases that cover a sentence."""
    names = {case.id for case in load_cases() if "TASK2-HDR-004" in case.covers}
    found = [source.standing(lambda name, _: name.partition("[")[0] in names) for source in standing.recorded()]
    assert {one.who for one in found} == {"Celery 5.7.0"}
    assert {verdict for one in found for verdict in one.verdicts.values()} == {"pass"}


@pytest.mark.parametrize("case", ["v2-id-equals-correlation-id", "v2-id-equals-correlation-id[serializer=json]"])
def test_a_case_says_who_passes(celery_wire: CommandFixture, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """A case is explained with the verdicts on it."""
    monkeypatch.setattr("celery_conformance.commands.explain.load_cases", load_cases)
    out = _words(celery_wire("explain", case).out)
    assert "who passes: Celery 5.7.0 on " in out
    assert "1 pass" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "came No such file or directory"),
        (b"", "came no whole JSON: "),
        (REPORT.read_bytes()[:500], "came no whole JSON: "),
        (REPORT.read_bytes()[:-3], "came no whole JSON: "),
        (b"\xff\xfe\x00", "came no whole JSON: "),
        (b"[" * 100_000, "came no whole JSON: "),
        (b"{}", "came another document: at /, "),
        (b"[1]", "came another document: at /, "),
        (REPORT.read_bytes().replace(b'"format": 1', b'"format": 2'), "came another document: at /format, "),
        (REPORT.read_bytes().replace(b'"verdict": "pass"', b'"verdict": "\x1b[2Jgreat"'), "came no whole JSON: "),
        (
            REPORT.read_bytes().replace(b'"verdict": "pass"', b'"verdict": "great"'),
            "came another document: at /results/",
        ),
    ],
)
def test_a_file_that_is_no_report_is_told(
    celery_wire: CommandFixture, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """A truncated, foreign or missing report ends in one sentence and exit code 3, before anything is explained."""
    path = tmp_path / "given.json"
    if content is not None:
        path.write_bytes(content)
    ran = celery_wire("explain", "TASK2-HDR-004", "--report", path)
    first, second = ran.err.splitlines()
    assert first.startswith("celery-wire: expected a report")
    assert said in first
    assert second.startswith("a report is report.json")
    assert ran.out == ""
    assert ran.code == USAGE


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_damaged_report_ends_in_a_sentence(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever was cut out of a report, reading it ends in a usage error or in a report."""
    whole = REPORT.read_bytes()
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(whole[:begin] + data.draw(st.binary(max_size=5)) + whole[end:])
    try:
        standing.read_report(str(path))
    except UsageError as error:
        assert error.cause.startswith("expected a report")  # noqa: PT017  most, not all, are errors


def test_every_sentence_can_be_explained() -> None:
    """No requirement's record trips the command, and each is told with its sentence, its evidence and its place."""
    cases, fixtures, sources = load_cases(), load_fixtures(), standing.recorded()
    for one in specification.load():
        lines = [line for _, line in explain.explain_requirement(one, cases, fixtures, sources)]
        assert lines[0] == f"[{one.id}] {one.sentence}"
        assert sum(line.startswith("evidence: ") for line in lines) == len(one.evidence)
        assert lines[-1] == f"where it stands: spec/{one.document}#{one.id}"


def test_the_lines_that_break_a_sentence_are_named(
    celery_wire: CommandFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was observed which lines do not keep it, they are listed."""
    seen = windows.Window("celery 4.2", None, frozenset({"5.0", "4.1", "4.0"}))
    monkeypatch.setattr(windows, "_observed", lambda: {"TASK2-HDR-007": seen})
    out = _words(celery_wire("explain", "TASK2-HDR-007").out)
    assert "window: since celery 4.2; not kept by Celery 4.0, 4.1, 5.0" in out


def test_a_sentence_that_was_only_read_says_so(celery_wire: CommandFixture) -> None:
    """What has no message and no case as evidence is marked; what has is not."""
    read = "read in the source; no run that shows it is on record"
    assert read in celery_wire("explain", "EVT-EXC-006").out
    assert read not in celery_wire("explain", "TASK2-HDR-004").out
