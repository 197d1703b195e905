"""The schemas as pages: each property with its type and meaning, examples and refusals out of the fixtures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from celery_conformance.fixtures.model import Fixture

from wire_site import links, prose, render
from wire_site.material import Material
from wire_site.pretty import pretty

Schema = Mapping[str, Any]

_LIMITS = {
    "minimum": "at least {}", "maximum": "at most {}", "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}", "minLength": "{} characters or more", "maxLength": "{} characters or fewer",
    "minItems": "{} items or more", "maxItems": "{} items or fewer", "minProperties": "{} keys or more",
    "maxProperties": "{} keys or fewer", "format": "format {}",
}  # fmt: skip
_EXAMPLES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One property, or one alternative for it."""

    path: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Section:
    """A schema, or one of its definitions."""

    anchor: str
    description: str
    type: str
    rows: tuple[Row, ...]


def page(name: str, material: Material) -> str:
    """The page of one schema."""
    schema = material.schemas[name]
    judged = [one for one in material.fixtures.values() if name in one.judged]
    return render.page(
        "schema.md.jinja",
        links.schema(name),
        material,
        name=name,
        schema=schema,
        sections=list(_sections(name, schema)),
        examples=_examples(name, judged),
        accepted=[one for one in judged if one.judged[name]],
        refused=[one for one in judged if not one.judged[name]],
        users=sorted(other for other, text in _texts(material) if f"urn:celery-wire:{name}" in text and other != name),
    )


def _texts(material: Material) -> Iterator[tuple[str, str]]:
    for other, schema in material.schemas.items():
        yield other, str(schema)


def _examples(name: str, judged: list[Fixture]) -> list[Fixture]:
    """The shortest captured fixtures that the schema accepts, else the shortest made ones."""
    good = [one for one in judged if one.judged[name] and one.valid and one.decodable]
    good.sort(key=lambda one: (one.origin["kind"] != "captured", len(str(one.decoded)), one.name))
    return good[:_EXAMPLES]


def _sections(name: str, schema: Schema) -> Iterator[Section]:
    here = _Here(name)
    yield Section("", "", here.type(schema), tuple(here.rows(schema, "")))
    for anchor, definition in schema.get("$defs", {}).items():
        rows = tuple(here.rows(definition, ""))
        yield Section(anchor, definition.get("description", ""), here.type(definition), rows)


@dataclass(frozen=True, slots=True)
class _Here:
    """Describes schemas from the page of one of them."""

    name: str

    def rows(self, schema: Schema, path: str) -> Iterator[Row]:
        """Each property below a schema; a path is dotted, ``[]`` stands for every item and ``[0]`` for the first."""
        required = schema.get("required", ())
        for key, inner in schema.get("properties", {}).items():
            yield from self._row(inner, f"{path}.{key}" if path else key, required=key in required)
        for index, inner in enumerate(schema.get("prefixItems", ())):
            yield from self._row(inner, f"{path}[{index}]", required=True)
        for key, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", " (each key)")):
            inner = schema.get(key)
            if isinstance(inner, Mapping) and inner:
                yield from self._row(inner, f"{path}{suffix}", required=False)
        for key in ("anyOf", "oneOf", "allOf"):
            for inner in schema.get(key, ()):
                yield from self.rows(inner, path)

    def _row(self, schema: Schema | bool, path: str, *, required: bool) -> Iterator[Row]:
        if isinstance(schema, bool):
            yield Row(path, "anything" if schema else "never", required, "")
            return
        yield Row(path, self.type(schema), required, str(schema.get("description", "")))
        yield from self.rows(schema, path)

    def type(self, schema: Schema) -> str:
        """A schema's own demands in a few words of Markdown."""
        words = list(self._words(schema))
        return "; ".join(words) if words else "anything"

    def _words(self, schema: Schema) -> Iterator[str]:
        if "$ref" in schema:
            target = links.schema_reference(schema["$ref"], self.name)
            label = target.partition("#")[2] or target.rpartition("/")[2].removesuffix(".md")
            yield f"[{prose.plain(label)}]({links.relative(links.schema(self.name), target)})"
        kinds = schema.get("type", [])
        if kinds:
            yield " or ".join([kinds] if isinstance(kinds, str) else kinds)
        if "const" in schema:
            yield prose.code(pretty(schema["const"]))
        if "enum" in schema:
            yield "one of " + ", ".join(prose.code(pretty(value)) for value in schema["enum"])
        for key, words in _LIMITS.items():
            if key in schema:
                yield words.format(schema[key])
        if "pattern" in schema:
            yield f"matches {prose.code(schema['pattern'])}"
        yield from self._combined(schema)

    def _combined(self, schema: Schema) -> Iterator[str]:
        for key, word in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
            parts = [self.type(part) for part in schema.get(key, ()) if _says_a_type(part)]
            if parts:
                yield word.join(dict.fromkeys(parts))
        if schema.get("additionalProperties") is False:
            yield "no other keys"


def _says_a_type(schema: Schema) -> bool:
    """Whether an alternative says what a value is; conditions between properties are left to the schema itself."""
    return bool({"$ref", "type", "const", "enum", "pattern", "anyOf", "oneOf"} & set(schema))
