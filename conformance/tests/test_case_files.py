"""Case files are restricted YAML: what is malformed is told with its place, and what is committed loads."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery_conformance.cases.load import load, read_file
from celery_conformance.engine.expect import known_kinds
from celery_conformance.engine.steps import STEPS
from celery_conformance.errors import CaseFileError
from celery_conformance.schemas import documents

GOOD = """\
- id: a-case
  title: what it claims
  covers: [TASK2-HDR-004]
  role: worker
  do:
    - publish: {task: conf.add, args: [1, 2], as: sent}
  expect:
    - result-stored: {of: sent}
"""


def _write(folder: Path, text: str, name: str = "topic.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _said(folder: Path, text: str) -> str:
    with pytest.raises(CaseFileError) as told:
        read_file(_write(folder, text))
    assert told.value.exit_code == 4
    assert told.value.hint
    return told.value.cause


def test_a_case_is_read_as_it_stands(tmp_path: Path) -> None:
    """Each field of a case comes out of its file, with the line it begins at."""
    first, second = read_file(_write(tmp_path, GOOD + GOOD.replace("a-case", "b-case")))
    assert (first.id, first.source, second.source) == ("a-case", "topic.yaml:1", "topic.yaml:9")
    assert first.covers == ("TASK2-HDR-004",)
    assert first.do == ({"publish": {"task": "conf.add", "args": [1, 2], "as": "sent"}},)
    assert first.expect == ({"result-stored": {"of": "sent"}},)
    assert (first.topic, first.role, first.isolation, first.hazard) == ("topic", "worker", "shared", False)


@pytest.mark.parametrize("text", ["", "[]\n", "# nothing yet\n"])
def test_an_empty_file_has_no_cases(tmp_path: Path, text: str) -> None:
    """An empty file holds no case, and is no mistake."""
    assert read_file(_write(tmp_path, text)) == []


def test_a_date_is_a_text(tmp_path: Path) -> None:
    """What looks like a date is the text it is on the wire."""
    (case,) = read_file(_write(tmp_path, GOOD.replace("[1, 2]", "[2026-01-02, 1]")))
    assert case.do[0]["publish"]["args"] == ["2026-01-02", 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(GOOD.replace("]\n  role", "\n  role"), "topic.yaml:4: expected YAML, came ", id="malformed"),
        pytest.param(GOOD[:70] + "\t[", ": expected YAML, came ", id="cut off"),
        pytest.param("- id: \x07", "topic.yaml: expected YAML, came ", id="unprintable"),
        pytest.param(
            GOOD.replace("[1, 2]", "&x [1, 2]"), "topic.yaml:6: expected YAML, came anchors are not", id="anchor"
        ),
        pytest.param(
            GOOD.replace("[1, 2]", "&x [1]").replace("{of: sent}", "*x"), "came anchors are not allowed", id="alias"
        ),
        pytest.param(
            GOOD + "  role: reader\n", "topic.yaml:1: expected YAML, came the key 'role' stands twice", id="twice"
        ),
        pytest.param(
            GOOD.replace("[1, 2]", "!!python/name:os.system x"), "topic.yaml:6: expected YAML, came ", id="tag"
        ),
        pytest.param("id: a-case\n", "topic.yaml: /: {'id': 'a-case'} is not of type 'array'", id="no list"),
        pytest.param("just text\n", "topic.yaml: /: 'just text' is not of type 'array'", id="text"),
        pytest.param("- just text\n", "topic.yaml: /0: 'just text' is not of type 'object'", id="no case"),
        pytest.param(GOOD.replace("  role: worker\n", ""), "a-case at /: 'role' is a required property", id="no role"),
        pytest.param(GOOD.replace("role: worker", "role: cook"), "a-case at /role: 'cook' is not one of [", id="role"),
        pytest.param(GOOD + "  wait: 5\n", "a-case at /: Additional properties are not allowed ('wait'", id="field"),
        pytest.param(GOOD.replace("a-case", "A case"), "A case at /id: 'A case' does not match '", id="id"),
        pytest.param(GOOD.replace("publish:", "pubish:"), "a-case at /do/0: ", id="unknown verb"),
        pytest.param(GOOD.replace("result-stored", "result-kept"), "a-case at /expect/0", id="unknown kind"),
        pytest.param(
            GOOD.replace("{of: sent}", "{of: sent}\n      at: {status: SUCCESS}"), "a-case at /expect/0", id="at"
        ),
        pytest.param(
            GOOD.replace("TASK2-HDR-004", "TASK2-4"), "a-case at /covers/0: 'TASK2-4' does not match", id="covers"
        ),
        pytest.param(
            GOOD.replace("result-stored: {of: sent}", "never: {result-stored: {of: sent}}"),
            "topic.yaml:1: a-case: expects only absences; a case that expects an absence also expects a presence",
            id="an absence alone",
        ),
        pytest.param(
            GOOD + "  more: {number: [1]}\n",
            "topic.yaml:1: a-case: has more values for the axis 'number', which it does not vary",
            id="more of nothing",
        ),
        pytest.param(
            GOOD + "  vary: {broker: [redis]}\n  more: {broker: [amqp]}\n",
            "topic.yaml:1: a-case: has more values for the axis 'broker', which belongs to the run",
            id="more brokers",
        ),
        pytest.param(
            GOOD + "      as: stored\n    - order: [stored, ended]\n",
            "topic.yaml:1: a-case: orders 'ended', which no step and no expectation binds",
            id="unknown binding in order",
        ),
        pytest.param(
            GOOD + "    - reply: got\n", "topic.yaml:1: a-case: looks at 'got', which no step binds", id="unknown reply"
        ),
        pytest.param(
            GOOD + "    - value: seen\n",
            "topic.yaml:1: a-case: looks at 'seen', which no step binds",
            id="unknown value",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """A malformed file ends in one message with file, line or case, place, what was expected and what came."""
    cause = _said(tmp_path, text)
    assert said in cause
    assert cause.startswith("topic.yaml:")


def test_an_unknown_word_is_named(tmp_path: Path) -> None:
    """A misspelt verb or kind of fact is quoted in the message."""
    assert "'pubish'" in _said(tmp_path, GOOD.replace("publish:", "pubish:"))
    assert "result-kept" in _said(tmp_path, GOOD.replace("result-stored", "result-kept"))


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("{of: sent}", "{of: sendt}"),
        GOOD.replace("[1, 2]", "[1, {ref: sendt.task_id}]"),
        GOOD.replace("{of: sent}", "{of: sent}\n      at: {/document/result: {near: {to: {ref: sendt}, within: 1}}}"),
        GOOD.replace("  expect", "    - answer: {to: sendt}\n  expect"),
    ],
    ids=["of", "ref", "ref in a matcher", "to"],
)
def test_a_reference_to_an_unknown_name_is_told(tmp_path: Path, text: str) -> None:
    """A name that no step makes is a mistake of the file, told before anything runs."""
    assert _said(tmp_path, text) == "topic.yaml:1: a-case: refers to 'sendt', which no step binds"


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """A file that is no UTF-8 is told like any other that is no YAML."""
    (tmp_path / "topic.yaml").write_bytes(b"- id: \xff\xfe\n")
    with pytest.raises(CaseFileError, match=r"topic\.yaml: expected YAML"):
        read_file(tmp_path / "topic.yaml")


def test_two_cases_never_share_an_id(tmp_path: Path) -> None:
    """An id that stands in two files is refused."""
    _write(tmp_path, GOOD, "one.yaml")
    _write(tmp_path, GOOD, "two.yaml")
    with pytest.raises(CaseFileError, match="two cases have the id 'a-case'"):
        load(tmp_path)


def test_every_committed_case_loads() -> None:
    """The suite's own cases are well-formed, with an id each."""
    cases = load()
    assert len(cases) > 20
    assert len({case.id for case in cases}) == len(cases)


def test_the_schema_knows_the_verbs_of_the_engine() -> None:
    """The verbs of the schema are those the engine can do, and its kinds are kinds of fact."""
    definitions = documents()["case"]["$defs"]
    assert set(definitions["step"]["properties"]) == set(STEPS)
    kinds = set(definitions["wanted"]["properties"]) - {"as", "at", "count", "each"}
    assert kinds <= known_kinds()
