"""What the suite stores for a chord in Redis, as a producer or another worker would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery_conformance.tap.redis_groups import ADDED, CLAIM, GROUP_PREFIX, SIZE


@dataclass(frozen=True, slots=True)
class Chord:
    """The keys of one chord; what is None is not stored. ``parts`` are scores and texts."""

    group_id: str
    size: Any = None
    added: Any = None
    claim: str | None = None
    saved: Any = None
    parts: tuple[tuple[float, str], ...] = ()

    def key(self, suffix: str) -> str:
        """The key of one of the things that a chord needs."""
        return f"{GROUP_PREFIX}{self.group_id}{suffix}"

    def texts(self) -> dict[str, str]:
        """The keys that hold a text, and the texts."""
        texts = {SIZE: self.size, ADDED: self.added, CLAIM: self.claim}
        found = {self.key(suffix): str(value) for suffix, value in texts.items() if value is not None}
        return found if self.saved is None else {**found, self.key(""): json.dumps({"result": self.saved})}


def chord(given: Mapping[str, Any]) -> Chord:
    """The chord that a ``plant`` step describes; a part that is no text is written as JSON."""
    known = {name: given[name] for name in ("size", "added", "claim", "saved") if name in given}
    parts = given.get("parts", [])
    texts = tuple((score, part if isinstance(part, str) else json.dumps(part)) for score, part in parts)
    return Chord(given["group"], parts=texts, **known)
