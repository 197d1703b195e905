"""Whose traffic a fact was seen in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose traffic is being looked at."""

    party: str
    connection: int
