"""Pointers find what stands in a document, or nothing; references find what a case has named."""

from __future__ import annotations

from typing import Any

import pytest
from celery_conformance.pointer import ABSENT, lookup, parts, resolve

_DOCUMENT = {
    "headers": {"id": "t1", "a/b": 1, "m~n": 2, "": 3, "0": "zero"},
    "body": [[1, 2], {"x": None}, []],
    "pair": ("left", "right"),
    "text": "abc",
}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", _DOCUMENT),
        ("/headers/id", "t1"),
        ("/headers/a~1b", 1),
        ("/headers/m~0n", 2),
        ("/headers/", 3),
        ("/headers/0", "zero"),
        ("/body/0/1", 2),
        ("/body/-1", []),
        ("/body/1/x", None),
        ("/pair/1", "right"),
        ("/nothing", ABSENT),
        ("/headers/id/more", ABSENT),
        ("/body/3", ABSENT),
        ("/body/2/0", ABSENT),
        ("/body/2/-1", ABSENT),
        ("/body/-2", ABSENT),
        ("/body/01", ABSENT),
        ("/body/²", ABSENT),
        ("/body/x", ABSENT),
        ("/text/0", ABSENT),
    ],
)
def test_a_pointer_finds_a_value_or_nothing(pointer: str, found: Any) -> None:
    """A pointer gives what stands at its place; where nothing stands it gives nothing and raises nothing."""
    assert resolve(_DOCUMENT, pointer) is found or resolve(_DOCUMENT, pointer) == found


def test_null_is_not_nothing() -> None:
    """A value that is null is there."""
    assert resolve({"x": None}, "/x") is None
    assert resolve({"x": None}, "/y") is ABSENT


def test_a_pointer_starts_with_a_slash() -> None:
    """A pointer without its first slash is refused with the pointer in the message."""
    with pytest.raises(ValueError, match="a pointer starts with a slash: 'headers/id'"):
        parts("headers/id")


def test_a_reference_goes_by_dots() -> None:
    """A reference names a binding and steps into it, by name or by place."""
    names = {"sent": {"task_id": "t1", "args": [5, 6]}, "nonce": "n"}
    assert lookup(names, "nonce") == "n"
    assert lookup(names, "sent.task_id") == "t1"
    assert lookup(names, "sent.args.1") == 6


@pytest.mark.parametrize("path", ["other", "sent.other", "sent.task_id.more"])
def test_a_reference_to_nothing_is_an_error(path: str) -> None:
    """A reference never stands for nothing: what is not there raises, naming the reference."""
    with pytest.raises(KeyError, match=path.partition(".")[0]):
        lookup({"sent": {"task_id": "t1"}}, path)
