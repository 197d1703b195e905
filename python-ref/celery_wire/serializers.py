"""The serializers beside JSON: YAML and MessagePack.

Rules: nothing here builds an object or calls a function that a body names [SER-YML-001], and pickle is not read at all
[SER-ACC-003]. An alias of YAML is resolved [SER-YML-003], but the document may not grow by its aliases beyond a bound
[SEC-SIZ-004] nor contain itself. A body holds one value and nothing behind it [SER-MSG-003]. Errors are left to the
codec: every one that bytes can cause is among `UNREADABLE`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgpack
import yaml

YAML = "application/x-yaml"
MSGPACK = "application/x-msgpack"

NODES = 1_000_000
"""How many values a YAML document may hold once its aliases are resolved."""

UNREADABLE = (yaml.YAMLError, msgpack.exceptions.UnpackException, ValueError, TypeError, OverflowError)
"""What the readers raise for bytes that are not what they are said to be; msgpack raises ValueErrors as well."""


def read_yaml(body: bytes | str) -> Any:
    """The value of a YAML document of plain values; raises one of `UNREADABLE`, or RecursionError."""
    loader = yaml.SafeLoader(body)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _weigh(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def read_msgpack(body: bytes | str) -> Any:
    """The value of a MessagePack body; raises one of `UNREADABLE`, or RecursionError."""
    if isinstance(body, str):
        raise TypeError("expected bytes, got text")
    return msgpack.unpackb(body)


def write_yaml(value: object) -> str:
    """The YAML document of plain values; raises one of `UNWRITABLE`, or RecursionError."""
    return str(yaml.safe_dump(value))


def write_msgpack(value: object) -> bytes:
    """The MessagePack body of plain values; raises one of `UNWRITABLE`, or RecursionError."""
    return bytes(msgpack.packb(value))


UNWRITABLE = (yaml.YAMLError, TypeError, ValueError, OverflowError)
"""What the writers raise for values that have no form."""

READERS: Mapping[str, Callable[[bytes | str], Any]] = {YAML: read_yaml, MSGPACK: read_msgpack}
WRITERS: Mapping[str, Callable[[object], str | bytes]] = {YAML: write_yaml, MSGPACK: write_msgpack}


def _weigh(node: yaml.Node, weights: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for with its aliases resolved; raises ValueError beyond the bound."""
    name = id(node)
    if name in above:
        raise ValueError("expected a document that does not contain itself")
    if name in weights:
        return weights[name]
    above.add(name)
    weights[name] = 1 + sum(_weigh(inner, weights, above) for inner in _inside(node))
    above.remove(name)
    if weights[name] > NODES:
        raise ValueError(f"expected at most {NODES} values, its aliases resolved, got more")
    return weights[name]


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
