"""What a case is once it is loaded, and how its axes multiply it.

A case is frozen data. The axes ``broker``, ``store`` and ``pool`` belong to a run: a case that does not name the run's
value does not apply. Any other axis multiplies the case; its value is bound as ``axis.<name>``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["producer", "worker", "reader", "monitor", "controller", "scheduler"]
Isolation = Literal["shared", "worker", "late"]
RUN_AXES = ("broker", "store", "pool")


@dataclass(frozen=True, slots=True)
class Case:
    """One case, as its file has it. ``source`` is ``file:line`` for messages."""

    id: str
    title: str
    covers: tuple[str, ...]
    role: Role
    do: tuple[Mapping[str, Any], ...]
    expect: tuple[Mapping[str, Any], ...]
    vary: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    more: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fixtures: Mapping[str, Any] | None = None
    worker: Mapping[str, Any] = field(default_factory=dict)
    isolation: Isolation = "shared"
    apart: str = ""
    hazard: bool = False
    kills: tuple[str, ...] = ()
    seconds: float | None = None
    thorough: bool = False
    source: str = ""

    @property
    def topic(self) -> str:
        """The file the case stands in, without its ending."""
        return self.source.rpartition(":")[0].removesuffix(".yaml")


@dataclass(frozen=True, slots=True)
class Instance:
    """A case with a value for each of its axes."""

    case: Case
    axes: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The case's id with its axes, as reports show it."""
        shown = ",".join(f"{name}={value}" for name, value in self.axes)
        return f"{self.case.id}[{shown}]" if shown else self.case.id


def applies(case: Case, run: Mapping[str, str]) -> bool:
    """Whether the case is meant for the broker and the store of a run."""
    return all(run[axis] in case.vary[axis] for axis in RUN_AXES if axis in case.vary)


def expand(case: Case, fixtures: list[str], *, thorough: bool) -> Iterator[Instance]:
    """The instances of a case; ``fixtures`` are the names its fixture query found."""
    more = case.more if thorough else {}
    axes = {name: (*values, *more.get(name, ())) for name, values in case.vary.items() if name not in RUN_AXES}
    if case.fixtures is not None:
        axes["fixture"] = tuple(fixtures)
    for values in itertools.product(*axes.values()):
        yield Instance(case, tuple(zip(axes, values, strict=True)))
