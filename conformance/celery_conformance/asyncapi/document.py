"""Puts the document together: the parts, with every schema they and the specification name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from celery_wire.version import EDITION  # the edition of the specification is stated once, beside the version

from celery_conformance import resources, schemas
from celery_conformance.asyncapi import draft7
from celery_conformance.fixtures import model

PARTS = Path(__file__).parent / "parts"
_SECTIONS = ("servers", "channels", "operations")

#: Schemas of the project's own files: they describe no message and no document of the protocol.
TOOLS = frozenset({"adapter", "case", "door2", "fixture", "report", "requirements"})


def build() -> dict[str, Any]:
    """The whole document.

    Raises:
        ValueError: two parts say something about the same name, or a schema cannot be translated.
        KeyError: a part names a schema that does not exist.
        FileNotFoundError: a part names a fixture that does not exist.
    """
    parts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(PARTS.glob("*.yaml"))]
    made: dict[str, Any] = {"asyncapi": "3.0.0", "info": {}, "defaultContentType": "application/json"}
    made["info"] = _merged(parts, "info") | {"version": EDITION}
    made |= {section: _pointing(_merged(parts, section)) for section in _SECTIONS}
    known = {name: schema for name, schema in schemas.documents().items() if name not in TOOLS}
    made["components"] = {
        "messages": {name: _message(name, one) for name, one in _merged(parts, "messages").items()},
        "schemas": draft7.components(known),
    }
    _refuse_dangling(made)
    return made


def _merged(parts: list[Mapping[str, Any]], section: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for part in parts:
        twice = set(made) & set(part.get(section, {}))
        if twice:
            raise ValueError(f"expected each name in one part; {section} has {', '.join(sorted(twice))} in two")
        made |= part.get(section, {})
    return made


def _message(name: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its examples taken out of the fixtures that it names."""
    examples = [_example(one) for one in message.get("examples", ())]
    return {"name": name, **_pointing(message), **({"examples": examples} if examples else {})}


def _example(named: Mapping[str, str]) -> dict[str, Any]:
    """A fixture as an example; ``form`` says whether all of it is the payload or only its body."""
    fixture = model.read(resources.folder("fixtures") / f"{named['fixture']}.json")
    made: dict[str, Any] = {"name": fixture.name.replace("/", "."), "summary": fixture.title}
    if named["form"] == "document":
        return made | {"payload": fixture.decoded}
    headers = {"headers": fixture.decoded["headers"]} if named["form"] == "message" else {}
    return made | headers | {"payload": fixture.decoded["body"]}


def _pointing(value: Any) -> Any:
    """References to schemas of the specification as references into the document."""
    if isinstance(value, list):
        return [_pointing(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    target = value.get("$ref")
    if isinstance(target, str) and target.startswith(draft7.PREFIX):
        return {"$ref": draft7.reference(target, "")}
    return {key: _pointing(one) for key, one in value.items()}


def references(value: Any) -> Iterator[str]:
    """Every reference in a document."""
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def _refuse_dangling(document: Mapping[str, Any]) -> None:
    for target in references(document):
        found: Any = document
        for step in target.removeprefix("#/").split("/"):
            if not isinstance(found, Mapping) or step not in found:
                raise KeyError(f"expected {target} in the document; there is none")
            found = found[step]


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice: anchors are no part of AsyncAPI."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the name is PyYAML's
        return True


def dump(document: Mapping[str, Any]) -> str:
    """The document as it is committed."""
    head = "# Written by `python -m celery_conformance.asyncapi` from spec/schemas and its parts: do not edit.\n"
    return head + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=118)
