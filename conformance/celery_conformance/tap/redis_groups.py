"""What Redis commands on the keys of groups and chords mean: sizes, parts, saved groups, and their removal.

All keys of a group begin alike and end in the group's id, with a letter behind it for each thing a chord needs. What
a worker does inside of a script is told like what it does outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery_conformance.tap.message import as_text, decode_json
from celery_conformance.tap.redis_commands import VALUE_AT, Effect, was_set

GROUP_PREFIX = "celery-taskset-meta-"
SIZE, ADDED, PARTS, COUNTED, CLAIM = ".s", ".t", ".j", ".d", ".c"
_SUFFIXES = (SIZE, ADDED, PARTS, COUNTED, CLAIM)
_SETTING = frozenset({"SET", "SETEX", "PSETEX", "GETSET", "SETNX"})

Told = tuple[str, dict[str, Any]]


def group_of_key(key: str) -> tuple[str, str] | None:
    """The id of the group and what of it is under a key (an ending, or nothing); None for any other key."""
    _, found, rest = key.partition(GROUP_PREFIX)
    if not found:
        return None
    suffix = rest[-2:] if rest.endswith(_SUFFIXES) else ""
    return rest.removesuffix(suffix), suffix


def is_about_groups(effect: Effect) -> bool:
    """Whether a command is about a group: nobody else needs to look at it."""
    return bool(effect.words) and group_of_key(effect.words[0]) is not None


def facts_of(effect: Effect, expires: float | None) -> Iterator[Told]:
    """The facts that a command on the keys of groups makes: their kinds and their data."""
    group_id, suffix = group_of_key(effect.words[0]) or ("", "")
    about = {"key": effect.words[0], "group_id": group_id}
    if effect.name in _SETTING and was_set(effect):
        yield from _set(effect, about, suffix, expires)
    elif effect.name == "ZADD" and suffix == PARTS:
        yield from _scored_parts(effect, about)
    elif effect.name == "RPUSH" and suffix == PARTS:
        yield from (("chord-part-stored", about | _part(value) | {"score": None}) for value in effect.raw[1:])
    elif effect.name in ("INCR", "INCRBY") and suffix == ADDED:
        yield "chord-grown", about | {"added": int(effect.words[1]) if len(effect.words) > 1 else 1}
    elif effect.name in ("DEL", "UNLINK") and effect.reply:
        yield from _removed(effect)


def _set(effect: Effect, about: dict[str, Any], suffix: str, expires: float | None) -> Iterator[Told]:
    value = effect.raw[VALUE_AT.get(effect.name, 1)]
    if suffix == SIZE:
        size, problem = decode_json(value)
        yield "chord-sized", about | {"size": size, "expires": expires, "problem": problem}
    elif not suffix:
        document, problem = decode_json(value)
        yield "group-stored", about | {"document": document, "expires": expires, "problem": problem}


def _scored_parts(effect: Effect, about: dict[str, Any]) -> Iterator[Told]:
    scores, values = effect.words[1::2], effect.raw[2::2]
    for score, value in zip(scores, values, strict=False):
        yield "chord-part-stored", about | _part(value) | {"score": None if "inf" in score else float(score)}


def _part(value: bytes) -> dict[str, Any]:
    part, problem = decode_json(value)
    task_id = part[1] if isinstance(part, list) and len(part) > 1 and isinstance(part[1], str) else None
    return {"task_id": task_id, "part": part, "problem": problem, "text": as_text(value)}


def _removed(effect: Effect) -> Iterator[Told]:
    """One fact a group, with the endings of the keys that were removed; the claim is taken away at each start."""
    groups: dict[str, list[str]] = {}
    for key in effect.words:
        group_id, suffix = group_of_key(key) or ("", CLAIM)
        if suffix != CLAIM:
            groups.setdefault(group_id, []).append(suffix)
    for group_id, removed in groups.items():
        yield "chord-cleared", {"group_id": group_id, "removed": removed}
