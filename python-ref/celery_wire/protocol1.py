"""Messages of protocol version 1, and the 4.x transitional ones, made into version 2.

Rules, those of Celery's worker: the body is an object with `task` and `id`; args and kwargs default to nothing. With
an `args` key, what the worker needs is picked from the body and overridden by the message's headers, and a
`taskset` counts for nothing; without one, the whole body serves as headers and `taskset` is the group. `utc` has no
effect and `chain` is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery_wire.display import display

_PICKED = (
    *("lang", "task", "id", "root_id", "parent_id", "group", "shadow", "eta", "expires", "retries", "timelimit"),
    *("argsrepr", "kwargsrepr", "origin"),
)


def headers_of(body: Mapping[str, Any], message_headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers of version 2 that a body of version 1 stands for."""
    if "args" in body:
        picked = {key: body[key] for key in _PICKED if key in body}
        return {**picked, **message_headers}
    args, kwargs = body.get("args", ()), body.get("kwargs", {})
    group = body.get("taskset", body.get("group"))
    return {**body, "argsrepr": display(args), "kwargsrepr": display(kwargs), "group": group}


def body_of(body: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """The body of version 2 that a body of version 1 stands for."""
    embed = {key: body.get(key) for key in ("callbacks", "errbacks", "chord")}
    return body.get("args", ()), body.get("kwargs", {}), embed
