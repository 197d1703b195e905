"""Runs the schemas: jsonschema-rs, compiled once a schema; first only yes or no, and details where it is no.

``jsonschema`` stays the arbiter: a test holds both to the same verdict on every fixture, place by place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs

from celery_conformance import schemas

Step = str | int


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One place where a document breaks a schema.

    ``instance`` leads to the place in the document, and to the missing key where one is missing; ``way`` leads through
    the schemas, references included, to the keyword.
    """

    instance: tuple[Step, ...]
    way: tuple[Step, ...]
    actual: Any
    missing: str | None = None

    @property
    def keyword(self) -> str:
        return str(self.way[-1]) if self.way else ""


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(f"{schemas.PREFIX}{name}", one) for name, one in schemas.documents().items()])


@cache
def compiled(name: str) -> jsonschema_rs.Draft202012Validator:
    """The compiled validator of a schema by its short name."""
    return jsonschema_rs.Draft202012Validator(schemas.documents()[name], registry=_registry())


def compile_whole(name: str, more: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator for a schema and one more at once: the quick way past documents that break nothing."""
    whole = {"allOf": [{"$ref": f"{schemas.PREFIX}{name}"}, more]}
    return jsonschema_rs.Draft202012Validator(whole, registry=_registry())


def is_valid(name: str, document: Any) -> bool:
    """Whether a schema accepts a document."""
    try:
        return compiled(name).is_valid(document)
    except UnicodeEncodeError:
        return compiled(name).is_valid(whole_letters(document))


def errors(name: str, document: Any) -> Iterator[SchemaError]:
    """Every place where a document breaks a schema, as deep inside as its alternatives tell."""
    try:
        found = list(compiled(name).iter_errors(document))
    except UnicodeEncodeError:
        found = list(compiled(name).iter_errors(whole_letters(document)))
    for error in found:
        yield from _deepest(error)


def whole_letters(value: Any) -> Any:
    """A value without halves of surrogate pairs, which JSON can escape and UTF-8 cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {whole_letters(key): whole_letters(inner) for key, inner in value.items()}
    return [whole_letters(inner) for inner in value] if isinstance(value, list) else value


def _deepest(error: Any) -> Iterator[SchemaError]:
    """An error as it stands, or, within a list or an object, those of the only alternative of the right type."""
    details = error.kind.as_dict()
    if error.kind.name in ("anyOf", "oneOf") and isinstance(error.instance, dict | list):
        near = [arm for arm in details.get("context", ()) if arm and not _of_other_type(error, arm)]
        if len(near) == 1:
            for inner in near[0]:
                yield from _deepest(inner)
            return
    place = tuple(error.instance_path)
    missing = details.get("property") if error.kind.name == "required" else None
    if missing is not None:
        place = (*place, missing)
    yield SchemaError(place, tuple(error.evaluation_path), error.instance, missing)


def _of_other_type(error: Any, arm: list[Any]) -> bool:
    here = list(error.instance_path)
    return any(inner.kind.name in ("type", "const", "enum") and list(inner.instance_path) == here for inner in arm)
