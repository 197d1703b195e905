"""A change is narrowed down to the release that brought it, from captures alone, and blamed on the package that did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from celery_conformance.versions import captures, changes, lines, pairs, questions, table, view
from celery_conformance.versions.captures import Capture
from celery_conformance.versions.changes import Change, Need
from celery_conformance.versions.lines import Line
from celery_conformance.versions.pairs import Pair
from celery_conformance.versions.questions import Row
from celery_conformance.versions.stages.pairs import partners
from celery_conformance.versions.stages.run import SETTLED, Job
from celery_conformance.versions.variants import Variant

ROW = Row("id", "the id", "task-v2", "messages", "plain", "/messages/0/message/headers/id", brokers=("redis",))
OLDER, NEWER = Line("5.1", "5.1.2", "3.11", ()), Line("5.2", "5.2.7", "3.11", ())
KOMBU = {"5.1.2": "5.1.0", "5.2.7": "5.2.4"}


def seen(root: Path, answers: dict[str, str]) -> None:
    """Captures of releases and variants, each with one message of this id."""
    for label, task_id in answers.items():
        named = {"content-type": "application/json", "content-encoding": "utf-8", "headers": {"id": task_id}}
        item = json.dumps({"body": "W10=", "properties": {}, **named})
        versions = {"celery": label, "kombu": KOMBU.get(label, "")}
        entries = {"plain": {"messages": [{"key": "celery", "item": item}]}}
        captures.write(Capture(label, "redis", "messages", versions, entries), root)
    captures.read.cache_clear()


def found(root: Path, **answers: str) -> Change | Need:
    """What the captures say of the step from 5.1.2, which answers old, to 5.2.7, which answers new."""
    seen(root, {"5.1.2": "old", "5.2.7": "new", **{name.replace("_", "."): text for name, text in answers.items()}})
    observed = [OLDER, NEWER]
    answered = table.fill([ROW], observed, root)
    both = [*changes.derive(answered, observed, root), *changes.needs(answered, observed, root)]
    assert len(both) == 1
    return both[0]


def need(package: str, release: str) -> Need:
    """That this release of the package is run in the environment of 5.2.7."""
    return Need(Variant("5.2.7", package, release), "redis", "messages", "plain")


def change(package: str, before: str, release: str) -> Change:
    """That the answer changed between these releases."""
    return Change("id", "redis", package, before, release, "old", "new")


CONTROL = "5.1.2-with-packages-of-5.2.7"


def test_the_first_release_of_the_new_line_is_looked_at_first(tmp_path: Path) -> None:
    """Nothing is said as long as it was not run."""
    assert found(tmp_path) == need("celery", "5.2.0")


def test_the_new_answer_there_asks_for_the_old_release_among_the_new_packages(tmp_path: Path) -> None:
    """Celery is blamed for nothing that a package may have brought."""
    assert found(tmp_path, **{"5_2_0": "new"}) == need("celery", "5.1.2")


def test_celery_has_changed_when_the_old_release_keeps_its_answer(tmp_path: Path) -> None:
    """The packages were the same on both sides."""
    assert found(tmp_path, **{"5_2_0": "new", CONTROL: "old"}) == change("celery", "5.1.2", "5.2.0")


def test_kombu_is_searched_when_the_old_release_changes_its_answer(tmp_path: Path) -> None:
    """The search halves the releases between those of the two lines, and ends at two neighbours."""
    common = {"5_2_0": "new", CONTROL: "new"}
    assert found(tmp_path, **common) == need("kombu", "5.1.0")
    older = {**common, "5.2.7-with-kombu-5.1.0": "old"}
    assert found(tmp_path, **older) == need("kombu", "5.2.1")
    half = {**older, "5.2.7-with-kombu-5.2.1": "old", "5.2.7-with-kombu-5.2.3": "new"}
    assert found(tmp_path, **half) == need("kombu", "5.2.2")
    assert found(tmp_path, **half, **{"5.2.7-with-kombu-5.2.2": "old"}) == change("kombu", "5.2.2", "5.2.3")


def test_another_package_is_named_when_kombu_has_not_changed_it(tmp_path: Path) -> None:
    """With the old kombu the answer is the new one."""
    answers = {"5_2_0": "new", CONTROL: "new", "5.2.7-with-kombu-5.1.0": "new"}
    assert found(tmp_path, **answers) == change(changes.OTHER, "5.1.2", "5.2.7")


def test_a_change_inside_a_line_is_searched_among_its_releases(tmp_path: Path) -> None:
    """5.2.5 was never released, so the search knows nothing of it."""
    assert found(tmp_path, **{"5_2_0": "old"}) == need("celery", "5.2.3")
    answers = {"5_2_0": "old", "5_2_3": "new", "5_2_1": "old", "5_2_2": "new"}
    assert found(tmp_path, **answers) == change("celery", "5.2.1", "5.2.2")


def test_a_release_that_does_not_start_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is looked at; what of the dead one was captured all the same counts."""
    monkeypatch.setattr(changes.lines, "cannot", lambda: {"5.2.0": "it does not start"})
    assert found(tmp_path) == need("celery", "5.2.1")
    assert found(tmp_path, **{"5_2_0": "new"}) == need("celery", "5.1.2")


def test_the_package_stays_open_when_the_old_release_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release is known all the same; an answer of the control that was captured goes before."""
    monkeypatch.setattr(changes.lines, "cannot", lambda: {CONTROL: "it does not start"})
    assert found(tmp_path, **{"5_2_0": "new"}) == change(changes.EITHER, "5.1.2", "5.2.0")
    assert changes.named(change(changes.EITHER, "5.1.2", "5.2.0")) == "celery 5.2.0 or a package beside it"
    seen(tmp_path, {CONTROL: "old"})
    assert found(tmp_path, **{"5_2_0": "new"}) == change("celery", "5.1.2", "5.2.0")


def test_every_change_is_narrowed_down() -> None:
    """Each step between two lines that answer otherwise names a release, and nothing more has to be run."""
    observed = lines.load()
    answered = table.fill(questions.load(), observed)
    assert changes.needs(answered, observed) == []
    assert {one.row.id for one in answered if one.differs} == {one.row for one in changes.derive(answered, observed)}


def test_variants_have_names_of_their_own() -> None:
    """A release among the packages of its own line is called after itself; nothing else is."""
    assert Variant("5.2.7", "celery", "5.2.1").label == "5.2.1"
    assert Variant("5.2.7", "celery", "5.1.2").label == CONTROL
    assert Variant("5.2.7", "kombu", "5.2.1").label == "5.2.7-with-kombu-5.2.1"


@pytest.mark.parametrize(
    ("entry", "until", "expected"),
    [
        ({"raised": "AttributeError"}, ("a",), "the producer raises AttributeError"),
        ({"results": "not final", "stored": []}, ("a",), "never complete"),
        (
            {
                "results": "final",
                "stored": [{"key": "k", "document": '{"task_id": "a", "status": "SUCCESS", "result": 3}'}],
            },
            ("a", "b"),
            "SUCCESS 3; stored by nobody",
        ),
        (
            {
                "results": "not final",
                "trace": [["ran", "x"], ["acked", "x"]],
                "stored": [{"key": "k", "document": '{"task_id": "x", "status": "SUCCESS", "result": [1]}'}],
            },
            SETTLED,
            "acked, ran; stored [[1]]",
        ),
    ],
)
def test_a_pair_answers_with_the_results_that_end_the_shape(
    entry: dict[str, Any], until: tuple[str, ...], expected: str
) -> None:
    """Or, where nothing is awaited, with what happened."""
    assert pairs.answer(view.of_entry(entry), Job("shape", until=until)) == expected


def test_every_release_meets_the_newest_in_both_directions_and_its_neighbours() -> None:
    """The newest worker is given every other producer."""

    class Known:
        def __init__(self, release: str) -> None:
            self.line = Line("", release, "", ())

    known: Any = [Known(release) for release in ("4.0", "4.1", "4.2", "4.3", "4.4")]
    met = {one.line.release: [other.line.release for other in partners(one.line.release, known)] for one in known}
    assert met == {
        "4.0": ["4.1", "4.4"],
        "4.1": ["4.0", "4.2", "4.4"],
        "4.2": ["4.1", "4.3", "4.4"],
        "4.3": ["4.2", "4.4"],
        "4.4": ["4.0", "4.1", "4.2", "4.3"],
    }


def test_the_most_frequent_answer_of_a_shape_stands_first() -> None:
    """What few pairs answer is named after it."""
    made = [Pair("chain", "redis", f"5.{n}", "5.7", "a" if n else "b", "") for n in range(3)]
    assert [(shape, text, len(members)) for shape, text, members in pairs.grouped(made)] == [
        ("chain", "a", 2),
        ("chain", "b", 1),
    ]
