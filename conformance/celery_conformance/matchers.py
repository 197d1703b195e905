"""Matchers: what a case may demand of a value, each a row of a table.

A bare value is literal. A mapping is a matcher: all of its words must hold. ``{ref: name.path}`` stands for
something the case has named, ``{at: /pointer}`` for another place in the same fact. A matcher says in words what it
expected, so that a failure can be read without the case file.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery_conformance.pointer import ABSENT, lookup, resolve
from celery_conformance.schemas import problems


@dataclass(frozen=True, slots=True)
class Scope:
    """What a matcher may refer to: the names of the case and the document the value stands in."""

    names: Mapping[str, Any]
    document: Any = None

    def value(self, given: Any) -> Any:
        """A literal with its references filled in."""
        if isinstance(given, Mapping):
            if set(given) == {"ref"}:
                return lookup(self.names, given["ref"])
            if set(given) == {"at"}:
                return resolve(self.document, given["at"])
            return {name: self.value(entry) for name, entry in given.items()}
        if isinstance(given, list):
            return [self.value(entry) for entry in given]
        return given


def show(value: Any, limit: int = 300) -> str:
    """A value as a person reads it: JSON, cut to a bearable length."""
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    text = text.encode("utf-8", "backslashreplace").decode()  # half a surrogate pair is lawful JSON and no text
    return text if len(text) <= limit else text[:limit] + "…"


def instant(value: Any) -> float | None:
    """Unix time of an ISO 8601 text (naive is UTC) or of a number; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return float(value)
        moment = datetime.datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def is_integer(value: Any) -> bool:
    """Whether JSON Schema calls the value an integer: 1.0 is one, true is none."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


_TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "integer": is_integer,
    "whole": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "any": lambda _value: True,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "time": lambda value: isinstance(value, str) and instant(value) is not None,
}


def same(left: Any, right: Any) -> bool:
    """Equality as JSON has it: 1 and 1.0 are equal, 1 and true are not. What is absent equals nothing."""
    if left is ABSENT or right is ABSENT:
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(*pair) for pair in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(wanted, str) and wanted in actual
    if isinstance(actual, dict) and isinstance(wanted, dict):
        return all(name in actual and same(actual[name], value) for name, value in wanted.items())
    return isinstance(actual, list) and any(same(entry, wanted) for entry in actual)


def _compare(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def compare(actual: Any, bound: Any) -> bool:
        left, right = instant(actual), instant(bound)
        return left is not None and right is not None and test(left, right)

    return compare


def _near(actual: Any, wanted: Any) -> bool:
    left, right = instant(actual), instant(wanted["to"])
    if left is None or right is None:
        return False
    return abs(left - right - float(wanted.get("plus", 0))) <= float(wanted["within"])


def _has_shape(actual: Any, shape: Any) -> bool:
    """Whether a value is a list built like the shape, whose leaves are names of types."""
    if isinstance(shape, list):
        return isinstance(actual, list) and len(actual) == len(shape) and all(map(_has_shape, actual, shape))
    return _TYPES[shape](actual)


def _fits_schema(actual: Any, name: str) -> bool:
    return not any(True for _ in problems(name, actual))


@dataclass(frozen=True, slots=True)
class Word:
    """A word a matcher may hold: its test, and how a failure words what was expected."""

    test: Callable[[Any, Any], bool]
    says: str


WORDS: dict[str, Word] = {
    "equals": Word(same, "{0}"),
    "is": Word(
        lambda actual, kind: any(_TYPES[one](actual) for one in (kind if isinstance(kind, list) else [kind])),
        "of type {0}",
    ),
    "matches": Word(
        lambda actual, pattern: isinstance(actual, str) and re.search(pattern, actual) is not None,
        "text that matches {0}",
    ),
    "one_of_or_absent": Word(
        lambda actual, wanted: actual is ABSENT or any(same(actual, one) for one in wanted), "nothing, or one of {0}"
    ),
    "shape_or_absent": Word(lambda actual, shape: actual is ABSENT or _has_shape(actual, shape), "nothing, or {0}"),
    "schema": Word(_fits_schema, "what the schema {0} describes"),
    "one_of": Word(lambda actual, wanted: any(same(actual, one) for one in wanted), "one of {0}"),
    "contains": Word(_contains, "something that contains {0}"),
    "length": Word(lambda actual, size: isinstance(actual, str | list | dict) and len(actual) == size, "of length {0}"),
    "absent": Word(lambda actual, wanted: (actual is ABSENT) is wanted, "nothing there: {0}"),
    "present": Word(lambda actual, wanted: (actual is not ABSENT) is wanted, "something there: {0}"),
    "at_least": Word(_compare(lambda left, right: left >= right), "at least {0}"),
    "at_most": Word(_compare(lambda left, right: left <= right), "at most {0}"),
    "near": Word(_near, "near {0} (seconds)"),
    "not": Word(lambda actual, wanted: not _holds(actual, wanted), "not {0}"),
}


def _holds(actual: Any, wanted: Any) -> bool:
    if is_matcher(wanted):
        return all(WORDS[word].test(actual, given) for word, given in wanted.items())
    if isinstance(wanted, Mapping) and wanted:
        raise ValueError(f"expected a matcher ({', '.join(WORDS)}), came {show(wanted)}; a literal object needs equals")
    return same(actual, wanted)


def is_matcher(wanted: Any) -> bool:
    """Whether a mapping is a matcher (and not a reference or a literal object).

    Raises:
        ValueError: some of its words are known and some are not.
    """
    if not isinstance(wanted, Mapping) or not set(wanted) & set(WORDS):
        return False
    unknown = sorted(map(str, set(wanted) - set(WORDS)))
    if unknown:
        raise ValueError(f"a matcher has the unknown words {', '.join(unknown)}; expected {', '.join(WORDS)}")
    return True


def mismatch(actual: Any, wanted: Any, scope: Scope) -> str | None:
    """None when the value is what was wanted; otherwise what was expected, in words."""
    if not is_matcher(wanted):
        literal = scope.value(wanted)
        return None if same(actual, literal) else show(literal)
    failed = []
    for word, given in wanted.items():
        value = scope.value(given)
        if not WORDS[word].test(actual, value):
            failed.append(WORDS[word].says.format(show(value)) + _detail(word, actual, value))
    return " and ".join(failed) if failed else None


def _detail(word: str, actual: Any, value: Any) -> str:
    """Where a value breaks a schema; other words say enough."""
    if word != "schema":
        return ""
    place, message = next(problems(value, actual))
    return f" (at {place}: {message})"
