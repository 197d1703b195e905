"""Finds the sentence behind an error of a schema, by the ids in the schemas' own descriptions.

The rules, in order. An error belongs to the innermost place of the document that some description speaks of. There, a
definition goes before the place that refers to it. Of the ids named count those of sentences that say how to write and
bind who wrote the document, a MUST before a SHOULD, and otherwise the first. A missing key belongs to the sentence on
the whole object that names the key, else to the key's own description. An empty text belongs to the sentence that
forbids empty texts, where one is named. Where no such sentence is found at all, any sentence with a keyword counts.

So whoever writes a description decides, by naming first the sentence that a wrong value breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from celery_conformance import schemas
from celery_conformance.check.engine import SchemaError, Step
from celery_conformance.specification import Requirement

Schema = Mapping[str, Any]
Binding = Callable[[str], bool]
Level = list[Schema]
"""The schemas that judge one place of a document, the referring one before what it refers to."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The levels on the way to a keyword, outermost first, and the name of the schema in which the keyword stands."""

    levels: tuple[Level, ...]
    name: str

    @property
    def holder(self) -> Schema:
        """The schema that holds the keyword."""
        return self.levels[-1][-1] if self.levels[-1] else {}


_ID = re.compile(r"\[([A-Z0-9]+-[A-Z]+-[0-9]{3})\]")
_OF_INSIDE = {"properties": 2, "prefixItems": 2, "items": 1, "additionalProperties": 1, "patternProperties": 2}
_READING = re.compile(
    r"\b(MUST|SHOULD)( NOT)? (take|run|understand|read|accept|decode|show|find|keep|turn|go on|call)\b"
)
_EMPTY = re.compile(r"\bMUST NOT write an empty text\b")


def refer(reference: str, here: str) -> tuple[Schema, str]:
    """What a reference leads to, and the name of the schema it stands in."""
    target, _, place = reference.partition("#")
    name = target.removeprefix(schemas.PREFIX) or here
    found: Any = schemas.documents()[name]
    for step in place.split("/")[1:]:
        found = found[step]
    return found, name


def trail(name: str, way: Sequence[Step]) -> Trail:
    """The schemas along the way to a keyword, by the place of the document that they judge."""
    schema: Any = schemas.documents()[name]
    here, found, place = name, [[schema]], 0
    while place < len(way) - 1:
        step = way[place]
        if step == "$ref":
            schema, here = refer(schema["$ref"], here)
            found[-1].append(schema)
            place += 1
            continue
        length = _OF_INSIDE.get(str(step), 0)
        taken = length or (2 if isinstance(schema.get(step), list) else 1)
        for inner in way[place : place + taken]:
            schema = schema[inner]
        if length:
            found.append([])
        if isinstance(schema, Mapping):
            found[-1].append(schema)
        place += taken
    return Trail(tuple(found), here)


def ids(schema: Schema) -> list[str]:
    """The ids that a description names."""
    return _ID.findall(str(schema.get("description", "")))


class Attribution:
    """The sentences, and whom they bind; asked for one error at a time."""

    def __init__(self, requirements: Iterable[Requirement]) -> None:
        self.requirements = {requirement.id: requirement for requirement in requirements}

    def behind(self, name: str, error: SchemaError, writers: frozenset[str]) -> Requirement | None:
        """The sentence that an error breaks; None where no description speaks of one."""
        found = trail(name, error.way).levels
        binding: Binding = partial(self._binds, writers=writers)
        for counts in (binding, self._is_norm):
            at = error
            for level in reversed(found):
                best = self._best(level, at, counts)
                if best is not None:
                    return best
                at = SchemaError(error.instance, error.way, error.actual)
            if not error.instance:
                first = self._first_required(found[0], counts)
                if first is not None:
                    return first
        return None

    def first(self, names: Iterable[str], writers: frozenset[str]) -> Requirement | None:
        """The first of some sentences that binds the writer."""
        return next((self.requirements[name] for name in names if self._binds(name, writers)), None)

    def _best(self, level: Level, error: SchemaError, binds: Binding) -> Requirement | None:
        groups = [ids(schema) for schema in reversed(level)]
        if error.missing is not None:
            named = [name for group in groups for name in group if self._names(name, error.missing)]
            own = [ids(inner) for inner in _properties(level, error.missing)]
            groups = [named, *own, *groups]
        for group in groups:
            found = [self.requirements[name] for name in group if binds(name)]
            if found:
                return _strongest(found, error.actual)
        return None

    def _names(self, name: str, key: str) -> bool:
        found = self.requirements.get(name)
        return found is not None and f"`{key}`" in found.sentence

    def _binds(self, name: str, writers: frozenset[str]) -> bool:
        found = self.requirements.get(name)
        if found is None or not self._is_norm(name) or _READING.search(found.sentence):
            return False
        return not writers or bool(writers & set(found.roles))

    def _is_norm(self, name: str) -> bool:
        """What is left to name where no sentence on writing binds the writer."""
        found = self.requirements.get(name)
        return found is not None and not found.observation and found.level != "MAY"

    def _first_required(self, level: Level, binds: Binding) -> Requirement | None:
        """What is not even of the right type breaks the first sentence on a key that it has to have, or may."""
        for schema in level:
            for key in (*schema.get("required", ()), *schema.get("properties", ())):
                for inner in _properties([schema], key):
                    bound = [self.requirements[name] for name in ids(inner) if binds(name)]
                    if bound:
                        return _strongest(bound, None)
        return None


def _properties(level: Level, key: str) -> Iterator[Schema]:
    return (schema["properties"][key] for schema in level if key in schema.get("properties", {}))


def _strongest(found: Sequence[Requirement], actual: Any) -> Requirement:
    forbidding = [one for one in found if actual == "" and _EMPTY.search(one.sentence)]
    allowed = [one for one in found if not _EMPTY.search(one.sentence)] or list(found)
    musts = [one for one in forbidding + allowed if one.level.startswith("MUST")]
    return (musts or forbidding or allowed)[0]
