"""The command ``celery-wire check``: what it prints, for whom, and what it ends with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources, schemas
from celery_conformance.check import benchmark
from celery_conformance.check.reading import Input, inputs

from .check_inputs import RESULT, envelope, message
from .command import Ran

CommandFixture = Callable[..., Ran]
FINE, BROKEN, USAGE = 0, 1, 3
GOLDEN = Path(__file__).parent / "golden"
GOOD, ADVISED, BAD = envelope(message()), envelope(message(lang=...)), envelope(message(eta=""))


def _file(folder: Path, *values: Any) -> Path:
    """A file with one value a line; what is text already stands in it as it is."""
    path = folder / "given.jsonl"
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ((GOOD,), FINE),
        (({name: value for name, value in RESULT.items() if name != "traceback"},), FINE),  # the word is watched for
        ((ADVISED,), FINE),
        ((BAD,), BROKEN),
        ((GOOD, ADVISED, BAD), BROKEN),
        ((GOOD, "garbage"), USAGE),
        ((GOOD, "garbage", BAD), USAGE),
        (("garbage",), USAGE),
        (("",), USAGE),
    ],
)
def test_the_exit_code_is_the_gravest_thing_that_happened(
    celery_wire: CommandFixture, tmp_path: Path, values: tuple[Any, ...], code: int
) -> None:
    """0 without a broken MUST, 1 with one, 3 when something cannot be read."""
    ran = celery_wire("check", _file(tmp_path, *values))
    assert ran.code == code
    assert ran.err == ""
    assert ran.out


def test_what_a_person_reads(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """The whole text for one message that breaks a MUST and a SHOULD, held by a golden file."""
    given = envelope(message(timelimit=[30], lang=..., eta="2026-11-24T19:25:47+09:00"))
    ran = celery_wire("check", _file(tmp_path, given))
    assert ran.out == (GOLDEN / "check.txt").read_text(encoding="utf-8")


def test_a_stream_is_summed_up(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """Each line is told by its number, and the last line counts them."""
    ran = celery_wire("check", _file(tmp_path, GOOD, "", BAD, ADVISED), "--brief")
    lines = ran.out.splitlines()
    assert lines[0] == "line 3: a task message of protocol version 2 (a Redis list item): 1 MUST broken"
    assert "line 4: a task message of protocol version 2 (a Redis list item): 1 SHOULD broken" in lines
    assert lines[-1] == "3 inputs: 1 break a MUST, 1 break only a SHOULD, 1 break nothing"
    assert not any("line 1" in line for line in lines)


def test_json_is_for_machines(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """One object a line, each as its schema says, also for what cannot be read."""
    ran = celery_wire("check", _file(tmp_path, GOOD, "garbage", BAD), "--json", "--celery", "5.2")
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["outcome"] for one in said] == ["fine", "unreadable", "must"]
    assert [one["line"] for one in said] == [1, 2, 3]
    assert {one["celery"] for one in said} == {"5.2"}
    assert said[2]["broken"][0]["requirement"] == "TASK2-HDR-022"
    assert said[2]["broken"][0]["harm"]
    assert [error.message for one in said for error in schemas.validator("check").iter_errors(one)] == []
    assert ran.out.isascii()


def test_standard_input_is_a_file(celery_wire: CommandFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """- reads from a pipe."""
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(BAD).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert celery_wire("check", "-").code == BROKEN


def test_a_pretty_printed_file_is_one_input(celery_wire: CommandFixture) -> None:
    """A fixture of the distribution, as it stands."""
    ran = celery_wire("check", resources.folder("fixtures") / "task-v2" / "fault-eta-empty.json")
    assert ran.out.startswith(
        "a task message of protocol version 2 (the fixture 'task-v2/fault-eta-empty'): 1 MUST broken\n"
    )
    assert ran.code == BROKEN


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no-such-file",), "expected a file to check, came 'no-such-file': No such file or directory"),
        (("{folder}",), "expected a file to check, came '{folder}': Is a directory"),
        (("a\0b",), "expected a file to check, came 'a\\x00b': "),
        (("no-such-file", "--celery", "9.9"), "expected a line of Celery out of "),
    ],
)
def test_wrong_usage_is_told(celery_wire: CommandFixture, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """One sentence and exit code 3."""
    ran = celery_wire("check", *(word.format(folder=tmp_path) for word in words))
    assert ran.err.startswith(f"celery-wire: {said.format(folder=tmp_path)}")
    assert ran.out == ""
    assert ran.code == USAGE


def test_help_says_what_a_file_may_hold(celery_wire: CommandFixture) -> None:
    """Forms, exit codes, and how to feed it from a broker."""
    ran = celery_wire("check", "--help")
    for piece in ("a publication on AMQP", "a value of the hash unacked", "exit codes: 0 no MUST is broken", "lindex"):
        assert piece in ran.out
    assert ran.code == FINE


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [0]),
        ("{}", [0]),
        ("{}\n", [0]),
        ("\n\n{}\n", [0]),
        ("{\n}\n", [0]),
        ("{}\n{}\n", [1, 2]),
        ("{}\n\n{}", [1, 3]),
        ("{}\nx\n{}", [1, 2, 3]),
        ("x\n{}\n{}", [1, 2, 3]),
        ("x\ny\n", [0]),
        ('{\n "a": 1,\n', [0]),
    ],
)
def test_a_stream_is_cut_into_inputs(text: str, lines: list[int]) -> None:
    """One a line when the lines are JSON by themselves, else the whole; blank lines are passed over."""
    assert [one.line for one in inputs(io.BytesIO(text.encode()))] == lines


def test_lines_are_judged_as_they_come() -> None:
    """A pipe that stays open gets its verdicts; nothing waits for the end but the line behind."""
    stream = io.BytesIO(b"{}\n[1]\n" + b"{}\n" * 1000)
    reader = inputs(stream)
    assert next(reader) == Input(1, b"{}\n")
    assert stream.tell() < 20


def test_the_benchmark_measures_what_it_says() -> None:
    """Its messages are in order, or broken where they should be, and each row has a figure."""
    rows = benchmark.measure(rounds=1)
    assert len(rows) == 6
    assert all(found > 0 for _, found in rows)
    judge = benchmark.Judge()
    assert {judge.judge(Input(1, item)).broken for item in benchmark.items(5)} == {()}
    assert all(judge.judge(Input(1, item)).broken for item in benchmark.items(5, eta=""))


def test_places_that_break_one_sentence_stand_together(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """The sentence, its harm and its link are said once, with each place below."""
    ran = celery_wire("check", _file(tmp_path, envelope(message(group=..., eta=...))))
    assert ran.out.count("[TASK2-HDR-006]") == 1
    assert ran.out.count("    harm: ") == 1
    assert [line.split(":")[0].strip() for line in ran.out.splitlines() if line.startswith("    at ")] == [
        "at /headers/eta",
        "at /headers/group",
    ]
    assert ran.out.splitlines()[0].endswith(": 2 MUST broken")
