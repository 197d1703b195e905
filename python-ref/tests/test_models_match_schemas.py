"""The models take what the specification's schemas accept, and refuse what they refuse."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from celery_wire import models
from hypothesis import HealthCheck, given, settings, strategies
from pydantic import TypeAdapter, ValidationError

from . import schemas

MODELS: dict[str, Any] = {
    "task-v2-accepted": models.AcceptedTask,
    "task-v2-emitted": models.EmittedTask,
    "redis-envelope-accepted": models.AcceptedEnvelope,
    "redis-envelope-emitted": models.EmittedEnvelope,
    "redis-unacked": models.UnackedEntry,
    "result-accepted": models.AcceptedResult,
    "result-emitted": models.EmittedResult,
    "rpc-result-emitted": models.EmittedRpcResult,
}

#: What every part of a valid instance is replaced by, one at a time.
REPLACEMENTS: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, -1, 256, 1.0, 1.5, "", "1", "a/b", "application/json\n", "2026-01-02", "2026-01-02\n",
    "2026-13-02", "FAILURE", [], [1], [None, None], [1, "x"], ["s"], [[], {}, None], {}, {"a": 1}, {"exc_type": 1},
    {"task": "t", "args": [], "options": {}}, [[["i", None], None]],
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*path, key))


def _mutants(value: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """The value with the part at the path removed, or replaced by one thing after another."""
    if not path:
        yield from REPLACEMENTS
        return
    for replacement in (*REPLACEMENTS, KeyError):
        mutant = copy.deepcopy(value)
        parent = mutant
        for key in path[:-1]:
            parent = parent[key]
        if replacement is KeyError:
            del parent[path[-1]]
        else:
            parent[path[-1]] = replacement
        yield mutant


def _takes(adapter: TypeAdapter[Any], value: Any) -> bool:
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


def _known_keys(schema: dict[str, Any]) -> set[str]:
    """The names of all properties in a schema, below its own references."""
    found = set(schema.get("properties", {}))
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("prefixItems", [])]
    return found.union(*(_known_keys(child) for child in below))


@pytest.mark.parametrize("name", MODELS)
def test_verdicts_agree(name: str) -> None:
    """Schema and model agree on generated instances, and on each of them broken at one place."""
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS[name])
    valid = schemas.judge(name).is_valid
    refused = 0

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(schemas.instances(name), strategies.data())
    def check(value: Any, data: strategies.DataObject) -> None:
        nonlocal refused
        assert _takes(adapter, value), value
        path = data.draw(strategies.sampled_from(list(_places(value))))
        for mutant in _mutants(value, path):
            verdict = valid(mutant)
            refused += not verdict
            assert _takes(adapter, mutant) == verdict, (verdict, mutant)

    check()
    assert refused > 100


@pytest.mark.parametrize("name", MODELS)
def test_every_named_field_is_mutated(name: str) -> None:
    """Each field that a schema names, set to anything, is judged alike; no field is left to chance."""
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS[name])
    valid = schemas.judge(name).is_valid
    value = FULL[name]
    assert valid(value)
    missing = _known_keys(schemas.load(name)) - {key for path in _places(value) for key in path}
    assert not missing
    for path in _places(value):
        for mutant in _mutants(value, path):
            assert _takes(adapter, mutant) == valid(mutant), (path, mutant)


_SIGNATURE = {
    "task": "t", "args": [1], "kwargs": {"a": 1}, "options": {"task_id": "i"}, "subtask_type": None, "immutable": False,
}  # fmt: skip
_BODY = [[1], {"a": 1}, {key: [_SIGNATURE] for key in ("callbacks", "errbacks", "chain")} | {"chord": _SIGNATURE}]
_HEADERS = {
    "lang": "py", "task": "t", "id": "i", "shadow": None, "eta": "2026-01-02T03:04:05.000006+00:00",
    "expires": "2026-01-02", "group": "g", "group_index": 0, "retries": 0, "timelimit": [1, 1.5], "root_id": "i",
    "parent_id": None, "argsrepr": "", "kwargsrepr": "", "origin": "gen1@h", "ignore_result": None,
    "replaced_task_nesting": 0, "stamped_headers": ["s"], "stamps": {"s": 1}, "compression": "application/x-gzip",
}  # fmt: skip
_PROPERTIES = {"correlation_id": "i", "reply_to": "", "priority": 0, "delivery_mode": 2, "expiration": "1"}
_TASK = {
    "content_type": "application/json", "content_encoding": "utf-8", "headers": _HEADERS, "properties": _PROPERTIES,
    "body": _BODY,
}  # fmt: skip
_ENVELOPE = {
    "body": "W10=", "content-type": "application/json", "content-encoding": "utf-8", "headers": {"task": "t"},
    "properties": {
        "delivery_tag": "d", "delivery_info": {"exchange": "", "routing_key": "q", "redelivered": True},
        "body_encoding": "base64", "priority": 0,
    },
}  # fmt: skip
_RESULT = {
    "status": "FAILURE", "result": {"exc_type": "E", "exc_message": ["m"], "exc_module": None}, "traceback": "t",
    "children": [[["c", [["p", None], None]], [[["m", None], None]]]], "date_done": "2026-01-02T03:04:05Z",
    "task_id": "i", "group_id": "g", "parent_id": "p", "name": "n", "args": [], "kwargs": {}, "worker": "w",
    "retries": 0, "queue": "q",
}  # fmt: skip
#: A valid instance of each schema that has every field of it.
FULL: dict[str, Any] = {
    "task-v2-accepted": _TASK,
    "task-v2-emitted": _TASK,
    "redis-envelope-accepted": _ENVELOPE,
    "redis-envelope-emitted": _ENVELOPE,
    "redis-unacked": [_ENVELOPE, "", "q"],
    "result-accepted": _RESULT,
    "result-emitted": _RESULT,
    "rpc-result-emitted": {
        "content_type": "application/json", "content_encoding": "utf-8", "headers": {},
        "properties": {"correlation_id": "i", "delivery_mode": 1}, "body": _RESULT,
    },
}  # fmt: skip
