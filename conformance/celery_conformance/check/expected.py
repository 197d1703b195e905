"""What a schema expects and what came, in a few plain words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from celery_conformance.check.attribution import Schema, Trail, refer
from celery_conformance.check.engine import SchemaError

_TYPES = {
    "string": "text",
    "object": "an object",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "text of at least {} letters",
    "maxLength": "text of at most {} letters",
    "minItems": "a list of at least {}",
    "maxItems": "a list of at most {}",
    "minProperties": "an object of at least {} keys",
    "maxProperties": "an object of at most {} keys",
    "multipleOf": "a multiple of {}",
    "pattern": "text of the form {}",
}
_LONGEST = 200


def actual(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    if value.__class__.__name__ == "_Absent":
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} letters)"


def expectation(error: SchemaError, found: Trail) -> str:
    """What was expected at the place of an error."""
    if error.missing is not None:
        return f"the key {error.missing}"
    said = _bound(error, found.holder)
    if said:
        return said
    only = {error.keyword: found.holder[error.keyword]} if error.keyword in found.holder else found.holder
    return in_words(only, found.name) or f"what the schema says at {error.keyword!r}"


def _bound(error: SchemaError, holder: Schema) -> str:
    """What a keyword that sets a bound expects; empty for other keywords."""
    least, most = holder.get("minItems"), holder.get("maxItems")
    if error.keyword in ("minItems", "maxItems") and least == most:
        return f"a list of exactly {least}"
    if error.keyword == "minLength" and holder["minLength"] == 1:
        return "text that is not empty"
    if error.keyword == "pattern" and error.way[-2:-1] == ("$ref",):
        return _first_clause(holder)  # a definition says in words what its pattern means
    return _BOUNDS[error.keyword].format(holder[error.keyword]) if error.keyword in _BOUNDS else ""


def in_words(schema: Any, here: str) -> str:
    """A schema in a few words; empty when there are none."""
    if not isinstance(schema, Mapping):
        return "nothing here" if schema is False else ""
    for keyword, words in _KEYWORDS.items():
        if keyword in schema:
            return words(schema, here)
    return _by_type(schema)


def _reference(schema: Schema, here: str) -> str:
    target, name = refer(schema["$ref"], here)
    return _first_clause(target) or in_words(target, name)


def _arms(keyword: str) -> Callable[[Schema, str], str]:
    def words(schema: Schema, here: str) -> str:
        arms = (in_words(arm, here) for arm in schema[keyword])
        return ", or ".join(dict.fromkeys(arm for arm in arms if arm))

    return words


def _choice(schema: Schema, _: str) -> str:
    values = [actual(value) for value in schema["enum"]]
    return values[0] if len(values) == 1 else f"one of {', '.join(values)}"


def _negation(schema: Schema, here: str) -> str:
    words = in_words(schema["not"], here)
    return f"not {words}" if words else ""


def _only_keys(schema: Schema, here: str) -> str:
    if schema["additionalProperties"] is not False:
        return in_words(schema["additionalProperties"], here)
    return f"no keys but {', '.join(schema['properties'])}" if "properties" in schema else "no further key"


_KEYWORDS: Mapping[str, Callable[[Schema, str], str]] = {
    "$ref": _reference,
    "anyOf": _arms("anyOf"),
    "oneOf": _arms("oneOf"),
    "const": lambda schema, _: actual(schema["const"]),
    "enum": _choice,
    "not": _negation,
    "additionalProperties": _only_keys,
}


def _by_type(schema: Schema) -> str:
    types = schema.get("type")
    if types is None:
        return f"text of the form {schema['pattern']}" if "pattern" in schema else ""
    names = [types] if isinstance(types, str) else list(types)
    return ", or ".join(_TYPES.get(name, name) for name in names)


def _first_clause(schema: Schema) -> str:
    """The beginning of a description, up to where it goes into detail."""
    text = str(schema.get("description", "")).partition(" [")[0]
    clause = text.partition(":")[0].partition(";")[0].rstrip(". ")
    return clause[:1].lower() + clause[1:] if clause else ""
