"""The catalogue of ``conf.*`` tasks a worker behind door 1 registers, each with a call that shows it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CatalogueTask:
    """A task: what it is for, a harmless call, and the result of that call (``ANY`` where it may be anything)."""

    name: str
    arguments: str
    does: str
    call: tuple[Any, ...] = ()
    returns: Any = None


ANY = object()

_PING: dict[str, Any] = {
    "task": "conf.ping",
    "args": [],
    "kwargs": {},
    "options": {},
    "subtask_type": None,
    "immutable": False,
}

#: ``$nonce`` in a call stands for a fresh text.
CATALOGUE: tuple[CatalogueTask, ...] = (
    CatalogueTask("conf.ping", "", "returns pong", (), "pong"),
    CatalogueTask("conf.echo", "value", "returns its argument", ("é",), "é"),
    CatalogueTask("conf.add", "x, y", "returns their sum", (2, 3), 5),
    CatalogueTask("conf.arguments", "any", "returns [[positional], {keyword}]", (1, "a"), [[1, "a"], {}]),
    CatalogueTask("conf.fail", "message", "raises the language's ordinary error", ("x",), ANY),
    CatalogueTask("conf.sleep", "seconds", "waits, returns seconds", (0,), 0),
    CatalogueTask("conf.mark", "nonce, seconds=0", "writes start and end into the trace file", ("$nonce", 0), ANY),
    CatalogueTask("conf.retry", "nonce, times, countdown=0, limit=null", "retries itself", ("$nonce", 0), 0),
    CatalogueTask("conf.reject", "nonce, requeue", "rejects its message", ("$nonce", False), ANY),
    CatalogueTask("conf.ignore", "nonce", "ends without a result", ("$nonce",), ANY),
    CatalogueTask("conf.request", "", "returns what it knows of its message", (), ANY),
    CatalogueTask("conf.progress", "state, meta", "stores a custom state", ("HALFWAY", {"done": 1}), {"done": 1}),
    CatalogueTask("conf.spawn", "task, args, queue=null", "sends another task", ("conf.ping", []), ANY),
    CatalogueTask("conf.replace", "signature", "replaces itself by another task", (_PING,), "pong"),
    CatalogueTask("conf.exit", "nonce, code", "ends its process at once"),
)
#: What a worker is not asked to show: its call would end the process.
DEADLY = frozenset({"conf.exit"})
