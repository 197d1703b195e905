"""The project's JSON Schemas for tests: a judge for instances, and a source of valid instances.

Only the keywords that the project's schemas use are known to the source; another one is an error, so that it cannot
be overlooked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).parents[2] / "spec" / "schemas"


def load(name: str) -> dict[str, Any]:
    """A schema by its short name, without the dialect, which would make the judge forget its own rules."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text())
    del schema["$schema"]
    return schema


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    # JSON Schema speaks ECMA's regular expressions, where $ is the end; Python's $ also stops before a line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def judge(name: str) -> Any:
    """A validator that knows all schemas of the folder."""
    names = [path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.schema.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], DRAFT202012.create_resource(schema)) for schema in map(load, names)
    )
    validator: Any = extend  # it has no types
    return validator(Draft202012Validator, {"pattern": _pattern})(load(name), registry=registry)


def instances(name: str) -> SearchStrategy[Any]:
    """Valid instances of a schema."""
    return _from(load(name), name).filter(judge(name).is_valid)


#: Texts on which the shape of something else depends.
STATES = ("FAILURE", "RETRY", "REVOKED", "SUCCESS")
JSON_VALUES = strategies.recursive(
    strategies.none()
    | strategies.just({"exc_type": "E", "exc_message": ["m"]})
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False)
    | strategies.text(max_size=5),
    lambda inner: strategies.lists(inner, max_size=2) | strategies.dictionaries(strategies.text(max_size=3), inner),
    max_leaves=4,
)

_KNOWN = {
    *("$id", "$ref", "$defs", "title", "description", "type", "required", "properties", "items", "prefixItems"),
    *("minItems", "maxItems", "minLength", "minimum", "maximum", "pattern", "enum", "const", "anyOf"),
    # Left to the judge, who throws away what they refuse.
    *("if", "then", "allOf"),
}


def _from(node: dict[str, Any], root: str) -> SearchStrategy[Any]:
    assert node.keys() <= _KNOWN, f"teach the source of instances {node.keys() - _KNOWN}"
    if "$ref" in node:
        document, _, pointer = node["$ref"].partition("#")
        more = {key: node[key] for key in ("required", "properties") if key in node}
        return _referred(document.rpartition(":")[2] or root, pointer, json.dumps(more))
    if "const" in node:
        return strategies.just(node["const"])
    if "enum" in node:
        return strategies.sampled_from(node["enum"])
    if "anyOf" in node:
        # The simple one first: references that lead back to themselves come to an end that way.
        return strategies.one_of(*(_from(option, root) for option in reversed(node["anyOf"])))
    types = [node["type"]] if isinstance(node.get("type"), str) else node.get("type")
    if types is None:
        return JSON_VALUES
    return strategies.one_of(*(_TYPES[name](node, root) for name in sorted(types, key=lambda name: name != "null")))


@cache
def _referred(root: str, pointer: str, more: str) -> SearchStrategy[Any]:
    """One strategy for one reference, however often it is met, so that references may lead back to themselves.

    `more` is what stands beside the reference, as JSON: further required keys, narrower properties.
    """
    target: Any = load(root)
    for key in filter(None, pointer.split("/")):
        target = target[key]
    extra = json.loads(more)
    merged = {**target}
    if "required" in extra:
        merged["required"] = [*target.get("required", []), *extra["required"]]
    if "properties" in extra:
        merged["properties"] = {**target["properties"], **extra["properties"]}
    return strategies.deferred(lambda: _from(merged, root))


def _objects(node: dict[str, Any], root: str) -> SearchStrategy[Any]:
    parts = {key: _from(part, root) for key, part in node.get("properties", {}).items()}
    required = {key: parts[key] for key in node.get("required", [])}
    known = strategies.fixed_dictionaries(required, optional={k: v for k, v in parts.items() if k not in required})
    unknown = strategies.dictionaries(strategies.text(max_size=3).map("x-{}".format), JSON_VALUES, max_size=2)
    return strategies.builds(lambda one, other: {**other, **one}, known, unknown)


def _arrays(node: dict[str, Any], root: str) -> SearchStrategy[Any]:
    if "prefixItems" in node:
        return strategies.tuples(*(_from(part, root) for part in node["prefixItems"])).map(list)
    item = _from(node["items"], root) if "items" in node else JSON_VALUES
    return strategies.lists(item, min_size=node.get("minItems", 0), max_size=node.get("maxItems", 2))


def _texts(node: dict[str, Any], _root: str) -> SearchStrategy[Any]:
    if "pattern" in node:
        return strategies.from_regex(re.sub(r"\$$", r"\\Z", node["pattern"]))
    return strategies.text(min_size=node.get("minLength", 0), max_size=8) | strategies.sampled_from(STATES)


def _integers(node: dict[str, Any], _root: str) -> SearchStrategy[Any]:
    whole = strategies.integers(node.get("minimum", -(2**70)), node.get("maximum", 2**70))
    return whole | whole.filter(lambda number: abs(number) < 2**53).map(float)


_TYPES: dict[str, Callable[[dict[str, Any], str], SearchStrategy[Any]]] = {
    "null": lambda _node, _root: strategies.none(),
    "boolean": lambda _node, _root: strategies.booleans(),
    "number": lambda _node, _root: strategies.integers() | strategies.floats(allow_nan=False, allow_infinity=False),
    "integer": _integers,
    "string": _texts,
    "array": _arrays,
    "object": _objects,
}
