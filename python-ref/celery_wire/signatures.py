"""Signatures: tasks to be called later, alone or as a chain, a group or a chord, as data.

Rules: a signature is an object of six keys, ready for the wire [TASK2-BDY-009, TASK2-BDY-010]; nothing here sends
anything. What makes one copies what it is given, so a signature may stand in several others. Whoever reads one takes
it as it came: a key may be missing, an option that is null was not given [CANV-SIG-012], and what is no signature at
all is an error that names the place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from celery_wire.errors import FieldInvalidError

Signature = dict[str, Any]

CHAIN, GROUP, CHORD, CHUNKS = "chain", "group", "chord", "chunks"
#: Kinds that are one task under a name of their own.
MAPS = {"xmap": "celery.map", "xstarmap": "celery.starmap"}
_KINDS = {None, CHAIN, GROUP, CHORD, CHUNKS, *MAPS}


def signature(
    task: str, args: Iterable[Any] = (), kwargs: Any = None, *, immutable: bool = False, **options: Any
) -> Signature:
    """A call of one task; an immutable one is called without the value of the task before it."""
    return _made(task, None, dict(kwargs or {}), options, list(args), immutable)


def chain(*steps: Signature, **options: Any) -> Signature:
    """Calls one after another, each with the value of the one before; the options are those of the first."""
    return _made("celery.chain", CHAIN, {"tasks": list(steps)}, options)


def group(*members: Signature, **options: Any) -> Signature:
    """Calls at the same time; the options are those of each member."""
    return _made("celery.group", GROUP, {"tasks": list(members)}, options)


def chord(header: Iterable[Signature] | Signature, body: Signature, **options: Any) -> Signature:
    """Calls at the same time, a list or a group, and one more with the list of their values when all have succeeded."""
    calls = header if isinstance(header, Mapping) else list(header)
    return _made("celery.chord", CHORD, {"kwargs": {}, "header": calls, "body": body}, options)


def _made(
    task: str,
    kind: str | None,
    kwargs: dict[str, Any],
    options: dict[str, Any],
    args: Any = (),
    immutable: bool = False,
) -> Signature:
    return {
        "task": task,
        "args": list(args),
        "kwargs": kwargs,
        "options": options,
        "subtask_type": kind,
        "immutable": immutable,
    }


def read(value: Any) -> Signature:
    """A signature as it came, with all its keys and without the options that are null.

    Raises FieldInvalidError for what no worker can call.
    """
    if not isinstance(value, Mapping):
        raise FieldInvalidError("signature", "an object", value)
    kind, options, args = value.get("subtask_type"), value.get("options"), value.get("args")
    if not isinstance(kind, str | None) or kind not in _KINDS:
        raise FieldInvalidError("subtask_type", "null or a kind of canvas", kind)
    if not isinstance(options, Mapping):
        raise FieldInvalidError("options", "an object", options)
    if not isinstance(args, list | tuple):
        raise FieldInvalidError("args", "a list", args)
    kwargs = value.get("kwargs") or {}
    if not isinstance(kwargs, Mapping):
        raise FieldInvalidError("kwargs", "an object", kwargs)
    given = {name: option for name, option in options.items() if option is not None}
    task = MAPS.get(kind or "", value.get("task"))
    return _made(task or "", kind, dict(kwargs), given, args, bool(value.get("immutable")))


def with_options(value: Signature, **options: Any) -> Signature:
    """The signature with options set, whatever it had; None takes one away."""
    changed = {**value["options"], **options}
    return {**value, "options": {name: option for name, option in changed.items() if option is not None}}


def tasks_of(value: Signature) -> list[Any]:
    """The steps of a chain or the members of a group, unread; raises FieldInvalidError."""
    tasks = value["kwargs"].get("tasks")
    if not isinstance(tasks, list | tuple):
        raise FieldInvalidError("kwargs", "tasks, a list of signatures", value["kwargs"])
    return list(tasks)


def header_of(value: Signature) -> Signature:
    """The header of a chord as a group; a header that is another signature is its only member."""
    header = value["kwargs"].get("header")
    if isinstance(header, list | tuple):
        return group(*header)
    one = read(header)
    return one if one["subtask_type"] == GROUP else group(*(tasks_of(one) if one["subtask_type"] == CHAIN else [one]))


def body_of(value: Signature) -> Signature:
    """The body of a chord; raises FieldInvalidError when it has none."""
    return read(value["kwargs"].get("body"))
