"""One clock for everything a run records: milliseconds since the run began, and the wall time behind it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """Milliseconds since the clock was made; never goes back."""

    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)

    def now(self) -> float:
        return (time.monotonic() - self.started) * 1000

    def wall(self, milliseconds: float) -> float:
        """Unix time of a moment of this clock."""
        return self.started_at + milliseconds / 1000

    def moment(self, unix_time: float) -> float:
        """The moment of this clock that a Unix time names."""
        return (unix_time - self.started_at) * 1000
