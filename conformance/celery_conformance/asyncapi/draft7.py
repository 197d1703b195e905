"""JSON Schema 2020-12, as far as the specification uses it, in the dialect of AsyncAPI: a superset of draft 7.

Four things differ. ``prefixItems`` is a list in ``items`` there, and ``items`` behind it is ``additionalItems``. What
stands beside a ``$ref`` is not looked at, so the reference moves into ``allOf``. Definitions become components of the
document. ``$id`` and ``$schema`` are left out. A keyword that is not listed here is refused, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PREFIX = "urn:celery-wire:"

_KEPT = frozenset({
    "title", "description", "type", "const", "enum", "pattern", "format", "required", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "default", "examples", "contentEncoding", "contentMediaType",
})  # fmt: skip
_DROPPED = frozenset({"$id", "$schema", "$defs", "$comment"})
_ONE = frozenset({"not", "if", "then", "else", "additionalProperties", "propertyNames", "contains"})
_LIST = frozenset({"anyOf", "oneOf", "allOf"})
_MAP = frozenset({"properties", "patternProperties"})


class UnknownKeyword(ValueError):
    """A schema uses a keyword that this translation does not know."""


def reference(target: str, own: str) -> str:
    """Where a reference points to in the document: ``common#/$defs/embed`` is the component ``common.embed``."""
    document, _, pointer = target.partition("#")
    name = document.removeprefix(PREFIX) or own
    steps = [step for step in pointer.split("/") if step]
    if steps[:1] == ["$defs"]:
        name, steps = f"{name}.{steps[1]}", steps[2:]
    return "/".join(["#/components/schemas", name, *steps])


def components(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Every schema and every definition in one, by its component's name."""
    made: dict[str, Any] = {}
    for name, schema in schemas.items():
        made[name] = translate(schema, name)
        for inner, definition in schema.get("$defs", {}).items():
            made[f"{name}.{inner}"] = translate(definition, name)
    return made


def translate(schema: Any, own: str) -> Any:
    """One schema in the other dialect; ``own`` is the name of the schema it stands in.

    Raises:
        UnknownKeyword: it uses a keyword that is not listed above.
    """
    if isinstance(schema, bool):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _KEPT:
            made[key] = value
        elif key in _ONE:
            made[key] = translate(value, own)
        elif key in _LIST:
            made[key] = [translate(one, own) for one in value]
        elif key in _MAP:
            made[key] = {name: translate(one, own) for name, one in value.items()}
        elif key not in _DROPPED | {"$ref", "items", "prefixItems", "dependentRequired"}:
            raise UnknownKeyword(f"{own}: expected a keyword that draft 7 knows; came {key!r}")
    made |= _items(schema, own)
    if "dependentRequired" in schema:
        made["dependencies"] = schema["dependentRequired"]
    return _with_reference(made, schema, own)


def _items(schema: Mapping[str, Any], own: str) -> dict[str, Any]:
    if "prefixItems" in schema:
        first = {"items": [translate(one, own) for one in schema["prefixItems"]]}
        return first | ({"additionalItems": translate(schema["items"], own)} if "items" in schema else {})
    return {"items": translate(schema["items"], own)} if "items" in schema else {}


def _with_reference(made: dict[str, Any], schema: Mapping[str, Any], own: str) -> dict[str, Any]:
    if "$ref" not in schema:
        return made
    pointing = {"$ref": reference(schema["$ref"], own)}
    return made | {"allOf": [pointing, *made.get("allOf", [])]} if made else pointing
