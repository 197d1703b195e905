"""Matchers hold exactly where they say, and say what they expected where they do not."""

from __future__ import annotations

from typing import Any

import pytest
from celery_conformance.matchers import WORDS, Scope, instant, mismatch, same, show
from celery_conformance.pointer import ABSENT

NOWHERE = Scope({})

#: Matcher → values it holds for, values it does not hold for.
_TABLE: list[tuple[dict[str, Any], list[Any], list[Any]]] = [
    ({"equals": 1}, [1, 1.0], [True, "1", 2, None, ABSENT]),
    ({"equals": None}, [None], [0, "", False, ABSENT]),
    ({"equals": {"a": [1, True]}}, [{"a": [1.0, True]}], [{"a": [1, 1]}, {"a": [1]}, {"a": [1, True], "b": 0}, []]),
    ({"is": "text"}, ["", "x"], [1, None, [], ABSENT]),
    ({"is": "integer"}, [1, 1.0, -5], [True, 1.5, "1", float("inf"), float("nan"), ABSENT]),
    ({"is": "number"}, [1, 1.5], [True, "1", ABSENT]),
    ({"is": "boolean"}, [True, False], [0, 1, "true", ABSENT]),
    ({"is": "null"}, [None], [0, "", ABSENT]),
    ({"is": "list"}, [[], [1]], [{}, "x", ABSENT]),
    ({"is": "object"}, [{}, {"a": 1}], [[], "x", ABSENT]),
    ({"is": "time"}, ["2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z", "2026-01-02"], ["soon", 5, "", ABSENT]),
    ({"is": ["text", "null"]}, ["x", None], [1, ABSENT]),
    ({"matches": "^a.c$"}, ["abc"], ["abcd", 5, None, ABSENT]),
    ({"matches": "b"}, ["abc"], ["ac"]),
    ({"one_of": [1, "a", None]}, [1.0, "a", None], [True, "b", ABSENT]),
    ({"one_of_or_absent": [1, None]}, [1, None, ABSENT], [2, True]),
    ({"contains": "b"}, ["abc", ["a", "b"]], ["ac", ["a"], {"b": 1}, 5, ABSENT]),
    ({"contains": {"a": 1}}, [{"a": 1, "b": 2}, [{"a": 1}]], [{"a": 2}, {"b": 1}, "a", ABSENT]),
    ({"length": 2}, ["ab", [1, 2], {"a": 1, "b": 2}], ["a", [], 2, None, ABSENT]),
    ({"absent": True}, [ABSENT], [None, "", 0]),
    ({"absent": False}, [None, "", 0], [ABSENT]),
    ({"present": True}, [None, "", 0], [ABSENT]),
    ({"present": False}, [ABSENT], [None]),
    ({"at_least": 3}, [3, 3.5], [2, "3", True, None, ABSENT]),
    ({"at_most": 3}, [3, -1], [4, "x", ABSENT]),
    (
        {"at_least": "2026-01-01T00:00:00Z"},
        ["2026-01-01T09:00:00+09:00", "2026-01-02", 1767225600],
        ["2025-12-31", "x"],
    ),
    ({"near": {"to": 10, "within": 2}}, [8, 12, 10.5], [7.9, 12.1, "10", ABSENT]),
    ({"near": {"to": 10, "within": 1, "plus": 5}}, [15, 14], [10, 16.5]),
    (
        {"near": {"to": "2026-01-01T00:00:00Z", "within": 1}},
        ["2025-12-31T23:59:59.500+00:00"],
        ["2026-01-01T01:00:00Z"],
    ),
    ({"is": "whole"}, [1, -5], [1.0, True, "1", ABSENT]),
    ({"is": "any"}, [None, 1, "x", []], []),
    ({"shape_or_absent": ["text", ["integer"]]}, [["a", [1]], ABSENT], [["a", 1], ["a", [1], 2], [1, [1]], "a", None]),
    ({"schema": "redis-unacked"}, [], [None, {}, ABSENT]),
    ({"not": {"equals": 1}}, [2, True, ABSENT], [1, 1.0]),
    ({"not": 1}, [2], [1]),
    ({"not": {"is": "text", "length": 2}}, ["abc", [1, 2]], ["ab"]),
    ({"is": "text", "length": 2}, ["ab"], ["abc", [1, 2]]),
]


def _cases(which: int) -> list[Any]:
    return [
        pytest.param(entry[0], value, id=f"{show(entry[0])}-{show(value, 40)}")
        for entry in _TABLE
        for value in entry[which]
    ]


@pytest.mark.parametrize(("matcher", "value"), _cases(1))
def test_it_holds(matcher: dict[str, Any], value: Any) -> None:
    """Each word holds for the values that are meant."""
    assert mismatch(value, matcher, NOWHERE) is None


@pytest.mark.parametrize(("matcher", "value"), _cases(2))
def test_it_does_not_hold(matcher: dict[str, Any], value: Any) -> None:
    """No word holds for a value that is not meant, whatever its type, nor for nothing."""
    assert mismatch(value, matcher, NOWHERE) is not None


def test_every_word_is_in_the_table() -> None:
    """The table above has every word there is, so that a new word cannot go without its values."""
    assert {word for matcher, _, _ in _TABLE for word in matcher} == set(WORDS)


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_a_number_beyond_all_floats_is_no_moment(value: int) -> None:
    """A number that no float can hold is compared with nothing, and raises nothing."""
    assert instant(value) is None
    assert mismatch(value, {"at_least": 3}, NOWHERE) is not None


@pytest.mark.parametrize(
    ("matcher", "said"),
    [
        (5, "5"),
        ({}, "{}"),
        ({"equals": "a"}, '"a"'),
        ({"is": ["list", "null"]}, 'of type ["list", "null"]'),
        ({"matches": "^x$"}, 'text that matches "^x$"'),
        ({"one_of": [1, 2]}, "one of [1, 2]"),
        ({"length": 4}, "of length 4"),
        ({"present": True, "is": "integer"}, 'of type "integer"'),
        ({"is": "integer", "at_least": 9}, 'of type "integer" and at least 9'),
        ({"not": {"equals": "abc"}}, 'not {"equals": "abc"}'),
        ({"absent": True}, "nothing there: true"),
        ({"near": {"to": 10, "within": 2}}, 'near {"to": 10, "within": 2} (seconds)'),
    ],
)
def test_a_mismatch_says_what_was_expected(matcher: Any, said: str) -> None:
    """What does not hold is told in words that can be read without the case file."""
    assert mismatch("abc", matcher, NOWHERE) == said


def test_a_schema_mismatch_says_where() -> None:
    """What breaks a schema is told with the place and the rule that broke."""
    said = mismatch(["x"], {"schema": "redis-unacked"}, NOWHERE)
    assert said is not None
    assert said.startswith('what the schema "redis-unacked" describes (at /')


def test_references_stand_for_what_the_case_named() -> None:
    """`ref` stands for a named value and `at` for another place of the same document, at any depth."""
    scope = Scope({"sent": {"task_id": "t1"}}, {"headers": {"id": "t1"}, "list": [["t1"]]})
    assert mismatch("t1", {"ref": "sent.task_id"}, scope) is None
    assert mismatch("t1", {"equals": {"at": "/headers/id"}}, scope) is None
    assert mismatch({"ids": ["t1", "t1"]}, {"ids": [{"ref": "sent.task_id"}, {"at": "/list/0/0"}]}, scope) is None
    assert mismatch("t2", {"equals": {"at": "/headers/id"}}, scope) == '"t1"'
    assert mismatch("t2", {"one_of": [{"ref": "sent.task_id"}, "t3"]}, scope) == 'one of ["t1", "t3"]'
    assert mismatch("t1", {"not": {"equals": {"ref": "sent.task_id"}}}, scope) is not None


def test_nothing_equals_nothing() -> None:
    """Two places where nothing stands are not equal: such a case would pass on an empty message."""
    scope = Scope({}, {"headers": {}})
    assert mismatch(ABSENT, {"equals": {"at": "/headers/id"}}, scope) == "nothing"
    assert mismatch(ABSENT, {"at": "/headers/id"}, scope) == "nothing"
    assert not same(ABSENT, ABSENT)


@pytest.mark.parametrize(
    "wanted", [{"is": "text", "equal": 3}, {"not": {"equal": 3}}, {"not": {"is": "text", "sized": 1}}]
)
def test_an_unknown_word_is_an_error(wanted: dict[str, Any]) -> None:
    """A misspelt word is an error, not a literal: under `not` it would hold for everything."""
    with pytest.raises(ValueError, match=r"expected .*equals"):
        mismatch("abc", wanted, NOWHERE)


def test_values_are_shown_as_json_and_cut() -> None:
    """A value is shown as JSON, nothing as the word, a long one cut; what is no text is escaped."""
    assert show({"a": "é", "b": None}) == '{"a": "é", "b": null}'
    assert show(ABSENT) == "nothing"
    assert show("x" * 500, 10) == '"xxxxxxxxx…'
    assert show("\ud800") == '"\\ud800"'
    assert show(b"\xff") == "\"b'\\\\xff'\""
