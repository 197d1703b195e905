"""JSON pointers (RFC 6901) into facts and replies, and the references a case may make to what it named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

#: An index into a list; -1, the last entry, is ours and not of RFC 6901.
_INDEX = re.compile("0|[1-9][0-9]*|-1")


class _Absent:
    """What a pointer finds where nothing is."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


def parts(pointer: str) -> list[str]:
    """The unescaped steps of a pointer. The empty pointer has none."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"a pointer starts with a slash: {pointer!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def resolve(document: Any, pointer: str) -> Any:
    """What stands at the pointer, or ABSENT."""
    value = document
    for step in parts(pointer):
        value = step_into(value, step)
        if value is ABSENT:
            return ABSENT
    return value


def escape(name: str) -> str:
    """A key as a step of a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def step_into(value: Any, step: str) -> Any:
    """What stands one step further in, or ABSENT."""
    if isinstance(value, Mapping):
        return value.get(step, ABSENT)
    if isinstance(value, list | tuple) and _INDEX.fullmatch(step):
        place = int(step)
        return value[place] if -len(value) <= place < len(value) else ABSENT
    return ABSENT


def lookup(names: Mapping[str, Any], path: str) -> Any:
    """What a dotted reference names, such as ``sent.task_id``.

    Raises:
        KeyError: nothing of that name was bound.
    """
    name, *steps = path.split(".")
    value = names[name]
    for step in steps:
        value = step_into(value, step)
        if value is ABSENT:
            raise KeyError(path)
    return value
