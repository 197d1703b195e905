"""Bodies and their dialect: what kombu writes is read, and what is written is what kombu writes."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from celery.utils.saferepr import saferepr
from celery_wire.codec import JSON, Limits, decode, encode
from celery_wire.display import display
from celery_wire.errors import (
    BodyTooDeepError,
    BodyTooLargeError,
    BodyUndecodableError,
    ContentRefusedError,
    TagUndecodableError,
    ValueUnencodableError,
)
from hypothesis import given, settings, strategies
from kombu.utils import json as kombu_json

LEAVES = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False)
    | strategies.text()
    | strategies.binary()
    | strategies.datetimes(timezones=strategies.sampled_from([None, UTC, timezone(timedelta(hours=9))]))
    | strategies.dates()
    | strategies.times()
    | strategies.uuids()
    | strategies.decimals(allow_nan=False)
)
VALUES = strategies.recursive(
    LEAVES, lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner), max_leaves=10
)


@given(VALUES)
@settings(max_examples=200, deadline=None, database=None)
def test_same_as_kombu(value: Any) -> None:
    """The text of any value is kombu's, and reading it gives what kombu reads."""
    text = kombu_json.dumps(value)
    assert encode(value) == text
    assert decode(text.encode(), JSON) == decode(text, JSON) == kombu_json.loads(text)


def test_values_come_back() -> None:
    """Each tagged type comes back as itself."""
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    values = [moment, date(2026, 1, 2), time(3, 4), uuid.UUID(int=1), Decimal("1.50"), b"text", b"\xff\x00"]
    assert decode(encode(values), JSON) == values


def test_bare_tokens() -> None:
    """NaN and the infinities are bare tokens."""
    assert encode([math.inf, -math.inf]) == "[Infinity, -Infinity]"
    assert decode("[Infinity, -Infinity]", JSON) == [math.inf, -math.inf]
    assert math.isnan(decode("NaN", JSON))


def test_objects_with_more_than_a_tag_are_objects() -> None:
    """Only an object of exactly the two keys is a tagged value."""
    for fields in ({"__type__": "bytes"}, {"__type__": "bytes", "__value__": "a", "x": 1}):
        assert decode(encode(fields), JSON) == fields


@pytest.mark.parametrize("tag", ["set", "bytes", 5])
def test_data_that_looks_like_a_tag(tag: Any) -> None:
    """Data of exactly the two keys is refused, wherever it stands: a reader would take it for something else."""
    with pytest.raises(ValueUnencodableError, match=r"args\['a'\]\[0\]: expected .*__type__"):
        encode({"a": [{"__type__": tag, "__value__": "x"}]}, "args")


def test_own_form() -> None:
    """A value with a `__json__` method is written as what that returns."""

    class Money:
        def __json__(self) -> list[int]:
            return [1, 2]

    assert encode({"m": Money()}) == '{"m": [1, 2]}'


@pytest.mark.parametrize(
    "text",
    [
        '{"__type__": "set", "__value__": []}', '{"__type__": [], "__value__": 1}', '{"__type__": 1, "__value__": 1}',
        '{"__type__": "uuid", "__value__": "x"}', '{"__type__": "decimal", "__value__": "x"}',
        '{"__type__": "datetime", "__value__": 5}', '{"__type__": "bytes", "__value__": null}',
    ],
)  # fmt: skip
def test_tags_that_cannot_be_read(text: str) -> None:
    """An unknown tag, or a value that does not fit its tag, makes the whole body unreadable; the error says which."""
    with pytest.raises(TagUndecodableError, match="__type__="):
        decode(f"[1, {text}]", JSON)


@pytest.mark.parametrize("body", [b"\xff", b"", b"[1", b"[1]x", b"nul", b"1" * 5000, "\ufeff[]", None, 5, [1]])
def test_bodies_that_cannot_be_read(body: Any) -> None:
    """What is no JSON text in UTF-8 is refused."""
    with pytest.raises(BodyUndecodableError, match=r"^body: expected"):
        decode(body, JSON)


def test_refused_content() -> None:
    """A content type outside the accept list is refused before the body is looked at, pickle always."""
    pickle = "application/x-python-serialize"
    refused: tuple[Any, ...] = (pickle, "application/JSON", "application/json; charset=utf-8", "", None, 5, [])
    for content_type in refused:
        with pytest.raises(ContentRefusedError, match="expected one of application/json"):
            decode(b"\xff", content_type, accept=frozenset({JSON, pickle}))


def test_size() -> None:
    """A body may be as long as its bound and no longer."""
    assert decode(b"[1]", JSON, limits=Limits(size=3)) == [1]
    with pytest.raises(BodyTooLargeError, match="at most 2 bytes, got 3"):
        decode(b"[1]", JSON, limits=Limits(size=2))


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth(opening: str) -> None:
    """A body may nest as deep as its bound and no deeper, whatever it nests."""
    closing = "]" if opening == "[" else "}"
    for depth in (1, 5, 100):
        text = opening * depth + "1" + closing * depth
        decode(text, JSON, limits=Limits(depth=depth))
        with pytest.raises(BodyTooDeepError):
            decode(text, JSON, limits=Limits(depth=depth - 1))
    with pytest.raises(BodyTooDeepError):
        decode(opening * 10**6, JSON)


def test_brackets_in_text_do_not_count() -> None:
    """Brackets inside text, and many shallow lists, are no nesting."""
    text = encode(["[" * 100, [[]] * 100])
    decode(text, JSON, limits=Limits(depth=3))


@pytest.mark.parametrize(
    ("value", "where"),
    [({1}, "args"), ([0, {"a": [1j]}], r"args\[1\]\['a'\]\[0\]"), ({(1, 2): 3}, "args")],
)
def test_values_without_a_form(value: Any, where: str) -> None:
    """A value without a JSON form is refused, and the error says where it stands."""
    with pytest.raises(ValueUnencodableError, match=f"^{where}: expected"):
        encode(value, "args")


def test_values_that_contain_themselves() -> None:
    """A value that contains itself is refused."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueUnencodableError):
        encode(value)


SHOWN = strategies.recursive(
    LEAVES | strategies.sets(strategies.integers()) | strategies.frozensets(strategies.integers()),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.text(max_size=6), inner, max_size=4)
        | strategies.tuples(inner)
        | strategies.tuples(inner, inner)
    ),
    max_leaves=20,
)


@given(SHOWN, strategies.sampled_from([1, 2, 5, 10, 50, 1024]))
@settings(max_examples=300, deadline=None, database=None)
def test_display_is_celerys(value: Any, limit: int) -> None:
    """The text of arguments for display is Celery's, wherever it is cut."""
    assert display(value, limit) == saferepr(value, limit)


def test_display_never_raises() -> None:
    """A value whose repr raises is shown all the same."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert "Unrepresentable Broken" in display([Broken()])
