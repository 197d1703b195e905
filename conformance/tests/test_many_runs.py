"""The targets that run the suite many times: what they say of one that is right, and of one that is not."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import pytest
from celery_conformance import matrix, steady
from celery_conformance.steady import differences

from .command import ADAPTERS

CASE = "v2-id-equals-correlation-id"

#: The client's second process writes a property under another name.
_FICKLE = """\
import pathlib
import dialogue

mark, push = pathlib.Path(__file__).with_name("ran"), dialogue.broker.lpush
if mark.exists():
    dialogue.broker.lpush = lambda key, item: push(key, item.replace("correlation_id", "correlationId"))
mark.touch()
dialogue.serve()
"""


def _good(folder: Path, name: str, client: str = "") -> Path:
    """A copy of the small honest adapter under another name."""
    copy = folder / name
    shutil.copytree(ADAPTERS / "good", copy, ignore=shutil.ignore_patterns("__pycache__"))
    if client:
        (copy / "client.py").write_text(client)
    return copy


def test_verdicts_that_differ_are_told_with_their_seeds() -> None:
    """A case is not steady when it ended differently, or did not end, under some seed."""
    runs = {1: {"a": "pass", "b": "pass", "c": "pass"}, 2: {"a": "pass", "b": "fail"}, 3: {"a": "pass", "b": "pass"}}
    assert differences(runs) == {"b": {"pass": [1, 3], "fail": [2]}, "c": {"pass": [1], "missing": [2, 3]}}


def test_an_implementation_that_is_steady(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same verdict twice is fine."""
    assert steady.main(["--runs", "2", "--burners", "1", "-k", CASE, str(_good(tmp_path, "steady"))]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("seed 1: 1 cases in ")
    assert second.startswith("seed 2: 1 cases in ")
    assert last == "2 runs, 1 cases, 0 not steady"


def test_an_implementation_that_is_not_steady(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that fails in one of two runs is named, with its verdicts and seeds."""
    assert steady.main(["--runs", "2", "--burners", "1", "-k", CASE, str(_good(tmp_path, "fickle", _FICKLE))]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[2:] == [f"not steady: {CASE}: {{'pass': [1], 'fail': [2]}}", "2 runs, 1 cases, 1 not steady"]


def test_a_run_without_a_report_ends_it_with_what_was_printed(tmp_path: Path) -> None:
    """An adapter that does not exist ends the runs in the command's own words, with no traceback."""
    with pytest.raises(SystemExit, match=r"^run with seed 1: no report, exit 3:\ncelery-wire: "):
        steady.main(["--runs", "2", "--burners", "1", str(tmp_path / "nowhere")])


@pytest.mark.parametrize(("name", "code"), [("celery-wire", 1), ("another", 0)])
def test_only_what_is_to_be_faultless_makes_the_matrix_fail(
    name: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of a foreign implementation is shown as it is; one of the reference that fails is a defect."""
    client = _FICKLE.replace("mark.exists()", "mark")
    assert matrix.main([str(_good(tmp_path, name, client)), "-k", CASE]) == code
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[:5] == [name, "redis", "redis", "exit", "1"]
    assert line.endswith("  1 fail")


def test_what_could_not_be_judged_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the run leaves no report, the matrix shows the first line of what it said."""
    assert matrix.main([str(_good(tmp_path, "celery", "raise SystemExit(7)")), "-k", CASE]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("celery          redis redis  exit 3  not judged: ")


@pytest.mark.rabbitmq
@pytest.mark.slow
def test_the_matrix_takes_every_broker_with_every_store(
    rabbit_binary: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reference is judged once on each broker with each store that it names."""
    assert matrix.main(["celery-wire", "-k", CASE]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert {tuple(line[1:3]) for line in lines} == set(product(("redis", "amqp"), ("redis", "rpc")))
    assert all(line[3:5] == ["exit", "0"] and line[-2:] == ["1", "pass"] for line in lines)
