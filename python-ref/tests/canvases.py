"""Workflows in two makings, Celery's and this package's, and a form in which their messages can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import celery
import celery_wire

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: What Celery leaves behind in the options of a signature, and nobody reads.
_LEFT_BEHIND = frozenset({"add_to_parent"})
#: Where results are waited for, which is nowhere when they are in a store; Celery names a queue all the same.
_FREE = frozenset({"reply_to"})


@dataclass(frozen=True, slots=True)
class Makers:
    """The four makers of one of the two: a task's signature from name, arguments and options, and the canvases."""

    task: Callable[..., Any]
    chain: Callable[..., Any]
    group: Callable[..., Any]
    chord: Callable[..., Any]


def celerys(app: Any) -> Makers:
    def task(name: str, *args: Any, immutable: bool = False, **options: Any) -> Any:
        return app.signature(name, args, {}, options=options, immutable=immutable)

    def chain(*steps: Any) -> Any:
        return celery.chain(*steps, app=app) if len(steps) == 1 else celery.chain(*steps)

    def group(*members: Any) -> Any:
        return celery.group(list(members), app=app)

    return Makers(task, chain, group, lambda header, body: celery.chord(header, body, app=app))


def own() -> Makers:
    def task(name: str, *args: Any, immutable: bool = False, **options: Any) -> Any:
        return celery_wire.signature(name, args, immutable=immutable, **options)

    return Makers(task, celery_wire.chain, celery_wire.group, celery_wire.chord)


def _task(make: Makers, name: str, *args: Any, **options: Any) -> Any:
    """A task whose id is its name."""
    return make.task("conf.add", *args, task_id=name, **options)


Shape = Callable[[Makers], Any]

#: Workflows in which every task has an id, so that only the ids of groups are chosen by whoever sends them.
SHAPES: dict[str, Shape] = {
    "chain": lambda m: m.chain(_task(m, "a", 1, 2), _task(m, "b", 3), _task(m, "c", 4)),
    "chain of immutable steps": lambda m: m.chain(_task(m, "a", 1, 2), _task(m, "b", 3, 4, immutable=True)),
    "group": lambda m: m.group(_task(m, "a", 1, 2), _task(m, "b", 3, 4)),
    "group with a chain": lambda m: m.group(_task(m, "a", 1, 2), m.chain(_task(m, "b", 3, 4), _task(m, "c", 5))),
    "chord": lambda m: m.chord([_task(m, "a", 1, 2), _task(m, "b", 3, 4)], _task(m, "body")),
    "chord of one": lambda m: m.chord([_task(m, "a", 1, 2)], _task(m, "body")),
    "chord without members": lambda m: m.chord([], _task(m, "body")),
    "chord with a chain": lambda m: m.chord(
        [_task(m, "a", 1, 2), m.chain(_task(m, "b", 3, 4), _task(m, "c", 5))], _task(m, "body")
    ),
    "chord in a chord": lambda m: m.chord(
        [_task(m, "a", 1, 2), m.chord([_task(m, "b", 3, 4), _task(m, "c", 5, 6)], _task(m, "inner"))], _task(m, "body")
    ),
    "chord with a chain that ends in a group": lambda m: m.chord(
        [_task(m, "a", 1, 2), m.chain(_task(m, "b", 3, 4), m.group(_task(m, "c", 5), _task(m, "d", 6)))],
        _task(m, "body"),
    ),
    "chord with a group as body": lambda m: m.chord([_task(m, "a", 1, 2)], m.group(_task(m, "b", 3), _task(m, "c", 4))),
    "chord with a chain as body": lambda m: m.chord([_task(m, "a", 1, 2)], m.chain(_task(m, "b", 3), _task(m, "c", 4))),
    "chain of a task, a group and a task": lambda m: m.chain(
        _task(m, "a", 1, 2), m.group(_task(m, "b", 3), _task(m, "c", 4)), _task(m, "d")
    ),
    "chain of a task, a group and two tasks": lambda m: m.chain(
        _task(m, "a", 1, 2), m.group(_task(m, "b", 3), _task(m, "c", 4)), _task(m, "d"), _task(m, "e")
    ),
    "chain of a group and a task": lambda m: m.chain(m.group(_task(m, "b", 3, 3), _task(m, "c", 4, 4)), _task(m, "d")),
    "chain that ends in a group": lambda m: m.chain(_task(m, "a", 1, 2), m.group(_task(m, "b", 3), _task(m, "c", 4))),
    "chain with a group of one": lambda m: m.chain(_task(m, "a", 1, 2), m.group(_task(m, "b", 3)), _task(m, "c")),
    "chain with a chord": lambda m: m.chain(
        _task(m, "a", 1, 2), m.chord([_task(m, "b", 3), _task(m, "c", 4)], _task(m, "d")), _task(m, "e")
    ),
    "chain in a chain": lambda m: m.chain(
        _task(m, "a", 1, 2), m.chain(_task(m, "b", 3), _task(m, "c", 4)), _task(m, "d")
    ),
    "callbacks and errbacks": lambda m: _task(
        m, "a", 1, 2, link=[_task(m, "l", 3)], link_error=[_task(m, "e", immutable=True)]
    ),
    "a group as callback": lambda m: _task(m, "a", 1, 2, link=[m.group(_task(m, "b", 3), _task(m, "c", 4))]),
    "options of tasks": lambda m: m.chain(
        _task(m, "a", 1, 2, priority=3), _task(m, "b", 3, queue="other", time_limit=5, shadow="shown")
    ),
    "stamps": lambda m: m.chain(
        _task(m, "a", 1, 2, stamped_headers=["tenant"], tenant="x"),
        _task(m, "b", 3, stamped_headers=["tenant"], tenant="y"),
    ),
}


def plain(value: Any) -> Any:
    """A value without what says nothing: options that are null, and those that Celery leaves behind."""
    if isinstance(value, dict):
        kept = {key: plain(entry) for key, entry in value.items()}
        if "options" in kept and "task" in kept:
            said = {k: v for k, v in kept["options"].items() if v is not None and k not in _LEFT_BEHIND | _FREE}
            kept["options"] = said
        return kept
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def renamed(value: Any) -> Any:
    """A value with the ids that were chosen at random named in the order in which they appear."""
    names: dict[str, str] = {}
    text = UUID.sub(lambda match: names.setdefault(match[0], f"id-{len(names)}"), json.dumps(value, sort_keys=True))
    return json.loads(text)
