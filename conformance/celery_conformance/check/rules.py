"""What the schemas cannot say of one message: sentences that compare two places, and the sentences with SHOULD.

The latter are rows of ``recommendations.yaml``. A rule tells where, what was expected and what came; the sentence, its
level and its harm come from the specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from celery_conformance import pointer
from celery_conformance.check.engine import whole_letters
from celery_conformance.check.model import Carried, Layer

ABSENT = pointer.ABSENT
_TAGS = frozenset({"datetime", "date", "time", "decimal", "uuid", "bytes", "base64"})
_TAGGED = {"__type__", "__value__"}


@dataclass(frozen=True, slots=True)
class Told:
    """One broken sentence, as a rule tells it."""

    requirement: str
    pointer: str
    expected: str
    actual: Any


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One row of the table."""

    requirement: str
    at: tuple[str, ...]
    fits: Callable[[Any], bool]
    expected: str
    absent: bool
    when: tuple[tuple[tuple[str, ...], Callable[[Any], bool]], ...] = field(default=())

    def broken(self, document: Any) -> Iterator[Told]:
        """Where the document does not do as it should."""
        if all(fits(found) for steps, fits in self.when for _, found in places(document, steps)):
            for where, found in places(document, self.at):
                if (not self.absent) if found is ABSENT else not self.fits(found):
                    yield Told(self.requirement, where, self.expected, found)


def places(document: Any, steps: tuple[str, ...], where: str = "") -> Iterator[tuple[str, Any]]:
    """What stands at the end of the steps, or ABSENT; a ``*`` in them is each entry of a list."""
    value = document
    for place, step in enumerate(steps):
        if step == "*":
            for number, inner in enumerate(value if isinstance(value, list) else ()):
                yield from places(inner, steps[place + 1 :], f"{where}/{number}")
            return
        value = pointer.step_into(value, step)
        where = f"{where}/{step}"
        if value is ABSENT:
            if "*" not in steps[place:]:
                yield "/".join((where, *steps[place + 1 :])), ABSENT
            return
    yield where, value


def _fitting(schema: Any) -> Callable[[Any], bool]:
    validator = jsonschema_rs.Draft202012Validator(schema)

    def fits(value: Any) -> bool:
        if value is ABSENT:
            return False
        try:
            return validator.is_valid(value)
        except UnicodeEncodeError:
            return validator.is_valid(whole_letters(value))

    return fits


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    return tuple(yaml.safe_load((Path(__file__).parent / "recommendations.yaml").read_text(encoding="utf-8")))


@cache
def recommendations() -> Mapping[str, tuple[Recommendation, ...]]:
    """The rows of the table by the stem of the schema that they go with."""
    found: dict[str, list[Recommendation]] = {}
    for row in _rows():
        when = tuple((_steps(place), _fitting(schema)) for place, schema in row.get("when", {}).items())
        made = Recommendation(row["requirement"], _steps(row["at"]), _fitting(row["is"]), str(row["expected"]),
                              row.get("absent") == "fine", when)  # fmt: skip
        found.setdefault(row["of"], []).append(made)
    return {stem: tuple(rows) for stem, rows in found.items()}


@cache
def table(stem: str) -> dict[str, Any]:
    """All rows of a stem as one schema, for the many documents that break none of them."""
    rows = [_row_schema(row) for row in _rows() if row["of"] == stem]
    return {"allOf": rows} if rows else {}


def _row_schema(row: Mapping[str, Any]) -> dict[str, Any]:
    at = _nested(_steps(row["at"]), row["is"], strict=row.get("absent") != "fine")
    when = [_nested(_steps(place), schema, strict=True) for place, schema in row.get("when", {}).items()]
    return {"if": {"allOf": when}, "then": at} if when else at


def _nested(steps: tuple[str, ...], inner: Any, *, strict: bool) -> dict[str, Any]:
    """A schema for what stands at the end of the steps; strict where nothing there is wrong as well."""
    schema, strict_here = inner, strict
    for place in range(len(steps) - 1, -1, -1):
        step, strict_here = steps[place], strict and "*" not in steps[place:]
        if step == "*":
            schema = {"if": {"type": "array"}, "then": {"items": schema}}
        elif step.isdigit():
            whole = {"type": "array", "minItems": int(step) + 1} if strict_here else {}
            schema = {**whole, "prefixItems": [{}] * int(step) + [schema]}
        else:
            whole = {"type": "object", "required": [step]} if strict_here else {}
            schema = {**whole, "properties": {step: schema}}
    return dict(schema)


def _steps(place: str) -> tuple[str, ...]:
    return tuple(pointer.parts(place))


def _same_identifier(layer: Layer, _: Carried) -> Iterator[Told]:
    headers, properties = layer.document.get("headers"), layer.document.get("properties")
    if isinstance(headers, dict) and isinstance(properties, dict):
        task_id, correlation_id = headers.get("id"), properties.get("correlation_id")
        both = isinstance(task_id, str) and isinstance(correlation_id, str) and task_id and correlation_id
        if both and task_id != correlation_id:
            yield Told(
                "TASK2-HDR-004", "/properties/correlation_id", f"{task_id!r}, as in the header id", correlation_id
            )


def _upper_case(layer: Layer, _: Carried) -> Iterator[Told]:
    status = layer.document.get("status") if isinstance(layer.document, dict) else None
    if isinstance(status, str) and status.lower() == status != status.upper():
        yield Told("RES-STA-001", "/status", f"{status.upper()!r}, in upper case", status)


def _numbers(layer: Layer, carried: Carried) -> Iterator[Told]:
    if carried.odd_numbers and carried.advised:
        where = "/body" if isinstance(layer.document, dict) and "body" in layer.document else ""
        yield Told("SER-JSN-003", where, "numbers that JSON has a form for", "NaN, Infinity or -Infinity")


def _tags(layer: Layer, carried: Carried) -> Iterator[Told]:
    document = layer.document
    if carried.tagged and isinstance(document, dict) and _is_json(document):
        inside = "body" if "body" in document else "result"
        yield from _tags_in(document.get(inside), f"/{inside}")


def _is_json(document: Mapping[str, Any]) -> bool:
    return document.get("content_type") in ("application/json", None)


def _tags_in(value: Any, where: str) -> Iterator[Told]:
    if isinstance(value, dict):
        if value.keys() == _TAGGED:
            yield from _tag(value, where)
        for key, inner in value.items():
            yield from _tags_in(inner, f"{where}/{pointer.escape(key)}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _tags_in(inner, f"{where}/{number}")


def _tag(value: Mapping[str, Any], where: str) -> Iterator[Told]:
    name, inside = value["__type__"], value["__value__"]
    if not isinstance(name, str) or name not in _TAGS:
        expected = f"one of {', '.join(sorted(_TAGS))}"
        yield Told("SER-TAG-002", f"{where}/__type__", expected, name)
    elif name == "uuid" and not (isinstance(inside, dict) and inside.keys() == {"hex"}):
        yield Told("SER-TAG-003", f"{where}/__value__", "an object whose only key is hex", inside)


Rule = Callable[[Layer, Carried], Iterator[Told]]
RULES: Mapping[str, tuple[Rule, ...]] = {
    "task-v2": (_same_identifier, _tags, _numbers),
    "result": (_upper_case, _tags, _numbers),
    "rpc-result": (_tags, _numbers),
}
"""Stem to the rules that go with it."""


def beside(layer: Layer, carried: Carried) -> Iterator[Told]:
    """Every sentence that a document breaks beside schema and table."""
    for rule in RULES.get(layer.stem, ()):
        yield from rule(layer, carried)


def told(layer: Layer, carried: Carried) -> Iterator[Told]:
    """Every sentence that a document breaks beside its schema; those of the table only where that is advised."""
    yield from beside(layer, carried)
    for row in recommendations().get(layer.stem, ()) if carried.advised else ():
        yield from row.broken(layer.document)
