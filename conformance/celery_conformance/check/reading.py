"""Cuts a stream of bytes into inputs, and bytes into JSON: both within bounds, and whatever the bytes are.

A stream is one input, or one a line. It is the latter when its first line is a JSON value and more follows; a file
whose lines are no JSON, and which is none as a whole, is one unreadable input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from celery_conformance.check.model import UnreadableError

LONGEST = 32 * 1024 * 1024
"""Bytes of one input, and of a body once it is decompressed."""

DEEPEST = 100
"""How deep lists and objects may stand in each other."""

_DECODER = json.JSONDecoder()
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


@dataclass(frozen=True, slots=True)
class Input:
    """One input; ``line`` counts from 1 and is 0 for a whole file."""

    line: int
    data: bytes
    too_long: bool = False


def inputs(stream: BinaryIO) -> Iterator[Input]:
    """The inputs in a stream; lines are handed on as they come."""
    first = stream.readline(LONGEST + 1)
    while first and not first.strip():
        first = stream.readline(LONGEST + 1)
    if _is_json(first):
        yield from _lines(stream, first)
        return
    rest = stream.read(LONGEST + 1)
    whole = first + rest
    lines = whole.splitlines()
    if len(whole) > LONGEST:
        yield Input(0, b"", too_long=True)
    elif not _is_json(whole) and sum(_is_object(line) for line in lines) > 1:
        yield from (Input(number, line) for number, line in enumerate(lines, 1) if line.strip())
    else:
        yield Input(0, whole)


def _lines(stream: BinaryIO, first: bytes) -> Iterator[Input]:
    second = stream.readline(LONGEST + 1)
    if not second:
        yield Input(0, first)
        return
    number, line = 1, first
    while line:
        if line.strip():
            yield Input(number, line if len(line) <= LONGEST else b"", len(line) > LONGEST)
        while len(line) > LONGEST and not line.endswith(b"\n"):
            line = second
            second = stream.readline(LONGEST + 1)
        number, line = number + 1, second
        second = stream.readline(LONGEST + 1) if line else b""


def _is_json(data: bytes) -> bool:
    try:
        parse(data)
    except UnreadableError:
        return False
    return True


def _is_object(line: bytes) -> bool:
    return line.lstrip()[:1] in (b"{", b"[") and _is_json(line)


def parse(data: bytes | str) -> tuple[Any, bool]:
    """The value of a JSON text, and whether it holds numbers that JSON does not have.

    Those become ``{"$number": "NaN"}``, as in fixtures.

    Raises:
        UnreadableError: it is no JSON, no UTF-8, or nested too deeply.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise UnreadableError("it begins with a byte order mark")
        if len(text) > DEEPEST and text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
            raise UnreadableError(f"its lists and objects stand more than {DEEPEST} deep in each other")
        if "NaN" in text or "Infinity" in text:
            return _with_odd_numbers(text)
        return _DECODER.decode(text), False
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is no UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no JSON: {error}") from None


def _with_odd_numbers(text: str) -> tuple[Any, bool]:
    seen = False

    def constant(name: str) -> dict[str, str]:
        nonlocal seen
        seen = True
        return {"$number": name}

    return json.loads(text, parse_constant=constant), seen


def _depth(text: str) -> int:
    """How deep the brackets of a text stand, those in strings left out."""
    deepest = depth = 0
    inside = escaped = False
    for letter in text:
        if inside:
            inside = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            inside = True
        elif letter in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif letter in _CLOSING:
            depth -= 1
    return deepest
