"""The fields of a message or document in plain words, with what the schema says of each.

A value is put into words by what the schema refers to (a moment, time limits, a signature, an exception, a result
tuple), so that a new surface which refers to the same definitions needs no word here. Everything is cut where it is
long or deep: what a hostile message holds costs no more than an honest one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from celery_conformance import pointer, schemas
from celery_conformance.check import kinds
from celery_conformance.check.attribution import Schema, refer
from celery_conformance.check.model import Carried, Field, Layer

LONGEST, MOST_FIELDS, _DEEPEST = 160, 200, 6
_MOMENT = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:?\d{2}.*)?$")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def fields(carried: Carried) -> list[Field]:
    """The fields of all documents that an input carries, outermost first; what is told inside is not told before."""
    layers = [list(_of_layer(layer, carried)) for layer in carried.layers]
    found: list[Field] = []
    for number, rows in enumerate(layers):
        inside = {row.pointer: row for later in layers[number + 1 :] for row in later}
        found += list(_not_empty([row for row in rows if not (row.words and row.pointer in inside)]))
    return found[:MOST_FIELDS]


def _not_empty(rows: list[Field]) -> Iterator[Field]:
    """The rows without headings that nothing stands under."""
    for number, row in enumerate(rows):
        if row.words or any(after.depth > row.depth for after in rows[number + 1 : number + 2]):
            yield row


def _of_layer(layer: Layer, carried: Carried) -> Iterator[Field]:
    name = kinds.schema_of(layer, carried.side)
    if name is not None:
        yield from _inside(layer, layer.document, [(schemas.documents()[name], name)], "", 0)


def _inside(layer: Layer, value: Any, known: list[tuple[Schema, str]], where: str, depth: int) -> Iterator[Field]:
    """The entries of an object or list of which the schema names parts."""
    wide = list(_all(known))
    for step, inner, name in _entries_of(value):
        place = f"{where}/{pointer.escape(step)}"
        parts = [part for part in (_part(schema, step, here) for schema, here in wide) if part is not None]
        says = next((text for schema, _ in _all(parts) if (text := _description(schema))), "")
        if not says and where == "/properties":
            says = _of_messages().get(step, "")
        opened = isinstance(inner, dict | list) and depth < _DEEPEST and _names_parts(parts)
        yield Field(layer.outside(place), depth, name, _words(inner, parts) if not opened else "", says)
        if opened:
            yield from _inside(layer, inner, parts, place, depth + 1)


def _entries_of(value: Any) -> list[tuple[str, Any, str]]:
    """The entries of an object or a list, each with its step in a pointer and its name."""
    if isinstance(value, dict):
        return [(str(key), inner, str(key)) for key, inner in list(value.items())[:MOST_FIELDS]]
    if isinstance(value, list):
        return [(str(number), inner, f"[{number}]") for number, inner in enumerate(value[:MOST_FIELDS])]
    return []


def _all(known: list[tuple[Schema, str]], depth: int = 0) -> Iterator[tuple[Schema, str]]:
    """Each schema and those that it refers to or is made of, for the same place."""
    for schema, here in known:
        yield schema, here
        if depth > 12:
            continue
        parts: list[tuple[Any, str]] = [refer(schema["$ref"], here)] if "$ref" in schema else []
        parts += [(arm, here) for word in ("allOf", "anyOf", "oneOf") for arm in schema.get(word, ())]
        parts += [(schema[word], here) for word in ("then", "else") if word in schema]
        yield from _all([(part, name) for part, name in parts if isinstance(part, Mapping)], depth + 1)


def _part(schema: Schema, step: str, here: str) -> tuple[Schema, str] | None:
    """What a schema says of one entry."""
    part = schema.get("properties", {}).get(step)
    if part is None and step.isascii() and step.isdigit():
        listed = schema.get("prefixItems", ())
        part = listed[int(step)] if int(step) < len(listed) else schema.get("items")
    return (part, here) if isinstance(part, Mapping) else None


def _names_parts(known: list[tuple[Schema, str]]) -> bool:
    """Whether an entry is shown entry by entry: its schema names its parts, and no words are there for the whole."""
    wide = list(_all(known))
    if any(_worded(schema) for schema, _ in wide):
        return False
    return any("properties" in schema or "prefixItems" in schema for schema, _ in wide)


@cache
def _of_messages() -> Mapping[str, str]:
    """What the message properties of a task mean, whatever version or envelope it has."""
    whole = schemas.documents()["task-v2-emitted"]["properties"]["properties"]["properties"]
    return {name: _description(schema) for name, schema in whole.items()}


def _worded(schema: Schema) -> bool:
    return str(schema.get("$ref", "")).rpartition("/")[2] in WORDS


def _description(schema: Schema) -> str:
    return str(schema.get("description", "")).partition(" [")[0]


def _words(value: Any, known: list[tuple[Schema, str]]) -> str:
    for schema, _ in _all(known):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        items = schema.get("items")
        listed = str(items.get("$ref", "")).rpartition("/")[2] if isinstance(items, Mapping) else ""
        if name in WORDS and value is not None:
            return cut(WORDS[name](value))
        if listed in WORDS and isinstance(value, list):
            return cut("; ".join(WORDS[listed](inner) for inner in value[:20]) or "none")
    return plain(value)


def cut(text: str) -> str:
    """A text in one line, and cut where it is long."""
    text = text.replace("\n", " ⏎ ") if "\n" in text else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} letters)"


def plain(value: Any) -> str:
    """A value as a person reads it: text as it is, tagged values as what they are."""
    if isinstance(value, str):
        return cut(value) if value else '""'
    return cut(_json(value, 0))


def _json(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, list):
        inner = [_json(one, depth + 1) for one in value[:40]] + ["…"] * (len(value) > 40)
        return f"[{', '.join(inner)}]"
    if isinstance(value, str):
        return f'"{value[:LONGEST]}"'
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        return str(value)
    except ValueError:  # more digits than Python writes
        return "a number of very many digits"


def _object(value: Mapping[str, Any], depth: int) -> str:
    if value.keys() == {"__type__", "__value__"}:
        return _tagged(value["__type__"], value["__value__"])
    if value.keys() == {"$number"}:
        return str(value["$number"])
    inner = [f'"{key}": {_json(one, depth + 1)}' for key, one in list(value.items())[:40]]
    return f"{{{', '.join(inner + ['…'] * (len(value) > 40))}}}"


def _tagged(name: Any, inside: Any) -> str:
    if name == "datetime" and isinstance(inside, str):
        return f"the moment {moment(inside)}"
    if name == "uuid" and isinstance(inside, dict):
        return f"the UUID {inside.get('hex')}"
    if name in ("bytes", "base64"):
        return f"bytes ({name}) {_json(inside, _DEEPEST)}"
    return f"the {str(name)[:40]} {_json(inside, _DEEPEST)}"


def moment(value: Any) -> str:
    """A moment as it is written and as a date and a time in UTC."""
    text = str(value)
    read = _read(text) if _MOMENT.match(text) else None
    if read is None:
        return f"{cut(text)} (no moment)" if text else '"" (no moment)'
    utc = read.astimezone(dt.UTC) if read.tzinfo else read
    fraction = f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else ""
    zone = "UTC" if read.tzinfo else "without an offset, which means UTC"
    return f"{text} ({utc.day} {_MONTHS[utc.month - 1]} {utc.year}, {utc:%H:%M:%S}{fraction} {zone})"


def _read(text: str) -> dt.datetime | None:
    shortened = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        return dt.datetime.fromisoformat(shortened)
    except (ValueError, OverflowError):
        return None


def _time_limits(value: Any) -> str:
    if not isinstance(value, list) or len(value) != 2:
        return plain(value)
    hard, soft = ("none" if limit is None else f"{_json(limit, 0)} s" for limit in value)
    return f"hard limit {hard}, soft limit {soft}"


def _signature(value: Any) -> str:
    if not isinstance(value, dict):
        return plain(value)
    arguments = [_json(one, 2) for one in _entries(value.get("args"))]
    keywords = value.get("kwargs")
    arguments += [f"{key}={_json(one, 2)}" for key, one in keywords.items()] if isinstance(keywords, dict) else []
    kind = f"{value['subtask_type']}: " if value.get("subtask_type") else ""
    kept = ", without the result before it" if value.get("immutable") is True else ""
    return f"{kind}{value.get('task')}({', '.join(arguments)}){kept}"


def _entries(value: Any) -> list[Any]:
    return value[:10] if isinstance(value, list) else []


def _exception(value: Any) -> str:
    if not isinstance(value, dict):
        return plain(value)
    said = value.get("exc_message")
    arguments = ", ".join(_json(one, 2) for one in said[:10]) if isinstance(said, list) else _json(said, 2)
    module = value.get("exc_module")
    return f"{value.get('exc_type')}({arguments})" + (f" of the module {module}" if module else "")


def _result_tuple(value: Any) -> str:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], list) or not value[0]:
        return plain(value)
    members = f", a group of {len(value[1])}" if isinstance(value[1], list) else ""
    parent = value[0][1] if len(value[0]) > 1 else None
    before = parent[0] if isinstance(parent, list) and parent else None
    after = f", after {plain(before[0])}" if isinstance(before, list) and before else ""
    return f"{plain(value[0][0])}{members}{after}"


WORDS: Mapping[str, Callable[[Any], str]] = {
    "timestamp": moment,
    "time-limits": _time_limits,
    "signature": _signature,
    "exception": _exception,
    "result-tuple": _result_tuple,
}
"""Name of a definition to the words for a value of it."""
