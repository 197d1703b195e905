"""The project's own schemas: one registry, one validator a schema, and problems in words.

One rule holds beside JSON Schema 2020-12 itself: a pattern means what ECMA-262 says, so ``$`` is the very end, where
Python's would let a line feed pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry, Resource

from celery_conformance import resources

PREFIX = "urn:celery-wire:"


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Every schema by its short name."""
    folder = resources.folder("spec") / "schemas"
    ending = ".schema.json"
    return {path.name.removesuffix(ending): json.loads(path.read_text()) for path in sorted(folder.glob("*" + ending))}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


# jsonschema's extend() has no annotations; what it returns is a subclass of what it is given.
_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern}
)


def make_validator(name: str, schemas: Mapping[str, Any]) -> Draft202012Validator:
    """A validator for one of the given schemas, which may refer to each other."""
    known = [(f"{PREFIX}{other}", Resource.from_contents(schema)) for other, schema in schemas.items()]
    return _Validator(schemas[name], registry=Registry().with_resources(known))


def make_quick_validator(name: str, schemas: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """The same by jsonschema-rs, many times faster; where the two differ, the other is right."""
    registry = jsonschema_rs.Registry([(f"{PREFIX}{other}", schema) for other, schema in schemas.items()])
    return jsonschema_rs.Draft202012Validator(schemas[name], registry=registry)


@cache
def validator(name: str) -> Draft202012Validator:
    """The validator of a schema by its short name, such as ``task-v2-emitted``.

    Raises:
        KeyError: there is no schema of that name.
    """
    if name not in documents():
        raise KeyError(f"expected one of the schemas {', '.join(documents())}; got {name!r}")
    return make_validator(name, documents())


def problems(name: str, instance: Any) -> Iterator[tuple[str, str]]:
    """Each place where an instance breaks a schema, with what was expected and what came."""
    for error in validator(name).iter_errors(instance):
        worst: ValidationError = best_match([error]) or error
        place = "/" + "/".join(str(step) for step in worst.absolute_path)
        yield place, worst.message if len(worst.message) < 300 else worst.message[:300] + "…"
