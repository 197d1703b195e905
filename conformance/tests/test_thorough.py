"""What only a run with ``--thorough`` judges: whole cases, and further values of an axis."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from celery_conformance.cases import load as case_files
from celery_conformance.commands import run as run_command

from .command import ADAPTERS, Ran

FINE, STALE = 0, 2
_CASES = """\
- id: sends-under-an-id
  title: the message has the id the client was given
  covers: [TASK2-HDR-004]
  role: producer
  vary: {id: [given-1]}
  more: {id: [given-2, given-3]}
  do:
    - send: {task: conf.add, args: [1, 2], options: {task_id: {ref: axis.id}}, as: sent}
  expect:
    - published: {of: sent, by: client}
      at: {/headers/id: {ref: axis.id}}
- id: sends-much
  title: the message has an id
  covers: [TASK2-HDR-004]
  role: producer
  thorough: true
  do:
    - send: {task: conf.add, args: [1, 2], as: sent}
  expect:
    - published: {of: sent, by: client}
"""


@pytest.fixture
def judged(
    celery_wire: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[dict[str, str], int]]:
    """The verdicts of a run over these cases, with a baseline that excuses one of them, and its exit code."""
    (tmp_path / "producer.yaml").write_text(_CASES)
    monkeypatch.setattr(run_command, "load_cases", lambda: case_files.load(tmp_path))

    def judged(excused: str, *words: str) -> tuple[dict[str, str], int]:
        folder = tmp_path / "adapter"
        shutil.copytree(ADAPTERS / "good", folder, dirs_exist_ok=True)
        (folder / "baseline.yaml").write_text(f"- {{id: '{excused}', reason: a defect, link: https://example.org}}\n")
        ran = celery_wire("run", folder, *words)
        return ran.verdicts, ran.code

    return judged


def test_more_values_are_judged_only_when_asked_for(judged: Callable[..., tuple[dict[str, str], int]]) -> None:
    """A plain run has the values that vary, a thorough one those and more, and the cases that are thorough."""
    assert judged("none", "--no-baseline") == ({"sends-under-an-id[id=given-1]": "pass"}, FINE)
    everything = [f"sends-under-an-id[id=given-{number}]" for number in (1, 2, 3)] + ["sends-much"]
    assert judged("none", "--no-baseline", "--thorough") == (dict.fromkeys(everything, "pass"), FINE)


@pytest.mark.parametrize("excused", ["sends-under-an-id[id=given-3]", "sends-much"])
def test_an_entry_for_what_was_not_judged_is_not_stale(
    judged: Callable[..., tuple[dict[str, str], int]], excused: str
) -> None:
    """A baseline may excuse what only a thorough run judges; only there it is stale."""
    assert judged(excused) == ({"sends-under-an-id[id=given-1]": "pass"}, FINE)
    verdicts, code = judged(excused, "--thorough")
    assert (verdicts[excused], code) == ("stale", STALE)


def test_an_entry_for_a_value_that_no_run_has_is_stale(judged: Callable[..., tuple[dict[str, str], int]]) -> None:
    """Nor is it forgiven that the case has more values: this is none of them."""
    verdicts, code = judged("sends-under-an-id[id=given-4]")
    assert (verdicts["sends-under-an-id[id=given-4]"], code) == ("stale", STALE)
