"""Values as text for people: the `argsrepr` and `kwargsrepr` headers, and values quoted in errors.

Rules: the text is for display only and is never parsed back; it never raises, whatever a value's own `__repr__`
does; it shows at most three levels of nesting and ends in `...` beyond the limit of characters. `display` writes
what Celery's producer writes for the same value, so that a monitor shows the same line for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number
from typing import Any

#: Most characters of `argsrepr` and of `kwargsrepr`.
LIMIT = 1024
#: Deepest containers shown.
LEVELS = 3

_Ancestors = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the text; `close` is what ends the container that this piece opens."""

    value: Any
    kind: str = "fixed"
    close: str = ""


def display(value: Any, limit: int | None = LIMIT, levels: int = LEVELS) -> str:
    """The value as text; `limit` counts characters, closing brackets apart."""
    shown: list[str] = []
    closers: list[str] = []
    left = limit
    for piece in _pieces(value, levels, ()):
        if left is not None and left <= 0 and piece.kind != "close":
            shown += [", ...", *reversed(closers)]
            break
        text = _text(piece, left, levels)
        if left is not None and left > 0:
            left -= len(text)
        _track(piece, closers)
        shown.append(text)
    return "".join(shown)


def shorten(value: object, limit: int = 80) -> str:
    """The value for an error message: its type when it is unusual, at most `limit` characters."""
    text = _repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _track(piece: _Piece, closers: list[str]) -> None:
    if piece.kind == "open":
        closers.append(piece.close)
    elif piece.kind == "close":
        closers.pop()


def _pieces(value: Any, levels: int, ancestors: _Ancestors) -> Iterator[_Piece]:
    """The pieces of a value. A `shut` piece is a container too deep to show."""
    if isinstance(value, str | bytes):
        yield _Piece(value, "quoted")
    elif isinstance(value, Number) and not isinstance(value, Decimal):
        yield _Piece(str(value), "plain")
    elif not isinstance(value, list | tuple | dict | set | frozenset):
        yield _Piece(_repr(value), "plain")
    elif isinstance(value, set | frozenset) and not value:
        yield _Piece(f"{type(value).__name__}()", "plain")
    else:
        yield from _container(value, levels, ancestors)


def _container(value: Any, levels: int, ancestors: _Ancestors) -> Iterator[_Piece]:
    start, end = _brackets(value)
    if len(ancestors) >= levels:
        yield _Piece(f"{start}...{end}")
    elif id(value) in ancestors:
        yield _Piece(f"<Recursion on {type(value).__name__} with id={id(value)}>", "plain")
    else:
        yield _Piece(start, "open", end)
        for index, item in enumerate(value):
            if index:
                yield _Piece(", ")
            yield from _item(value, item, levels, (*ancestors, id(value)))
        yield _Piece(end, "close")


def _item(container: Any, item: Any, levels: int, ancestors: _Ancestors) -> Iterator[_Piece]:
    if isinstance(container, dict):
        yield _Piece(item, "key")
        yield _Piece(": ")
        yield from _pieces(container[item], levels, ancestors)
    else:
        yield from _pieces(item, levels, ancestors)


def _brackets(value: Any) -> tuple[str, str]:
    """How the container starts and ends; a subclass is shown by name, a tuple's excepted."""
    if isinstance(value, tuple):
        return "(", ",)" if len(value) == 1 else ")"
    base, start, end = next(
        row for row in ((list, "[", "]"), (dict, "{", "}"), (object, "{", "}")) if isinstance(value, row[0])
    )
    if base is dict or type(value) in {list, set}:
        return start, end
    return f"{type(value).__name__}({start}", f"{end})"


def _text(piece: _Piece, left: int | None, levels: int) -> str:
    if piece.kind == "quoted":
        return _quoted(piece.value, left)
    if piece.kind == "key":
        return display(piece.value, left, levels)
    if piece.kind == "plain":
        return _truncated(piece.value, left)
    return str(piece.value)


def _quoted(value: str | bytes, left: int | None) -> str:
    if isinstance(value, str):
        return "'{}'".format(_truncated(value, left).replace("'", "\\'"))
    cut = left is not None and len(value) > left
    shown = value[:left] if cut else value
    try:
        text = shown.decode()
    except UnicodeDecodeError:
        text = shown.hex()
    return f"b'{text}{'...' if cut else ''}'"


def _truncated(text: str, left: int | None) -> str:
    """The text, cut at the last blank before the limit."""
    if not left or len(text) < left:
        return text
    return f"{text[:left].rsplit(' ', 1)[0]}..."


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<Unrepresentable {type(value).__name__}: {type(error).__name__}>"
