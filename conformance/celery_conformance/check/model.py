"""What travels inside ``check``: what an input carries, what breaks the specification, and the whole finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

Side = Literal["emitted", "accepted"]

#: From a place in a layer's document to the place in the input: the longest prefix that fits is replaced.
Places = Mapping[str, str]

IN_PLACE: Final[Places] = {}


class UnreadableError(Exception):
    """An input that is no message or document at all, and why, as one sentence without its full stop."""


class Outcome(StrEnum):
    """What is to be said of one input."""

    FINE = "fine"
    SHOULD = "a SHOULD is broken"
    MUST = "a MUST is broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a body cannot be had: what its message says of it and what it is.

    ``place`` is where the message says so, in the neutral message; ``requirements`` are sentences that may be broken
    rather than the one behind that place. ``unless`` is a place in the input: what is wrong there explains the rest.
    """

    place: str
    expected: str
    actual: str
    requirements: tuple[str, ...] = ()
    unless: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One document that a schema judges. ``stem`` is the name of that schema without its side.

    ``schema`` is that name with its side, where the input itself says it.
    """

    stem: str
    document: Any
    places: Places = field(default_factory=dict)
    schema: str | None = None

    def outside(self, pointer: str) -> str:
        """A place in the document as a place in the input."""
        for prefix in sorted(self.places, key=len, reverse=True):
            if pointer == prefix or pointer.startswith(f"{prefix}/"):
                return self.places[prefix] + pointer.removeprefix(prefix)
        return pointer


@dataclass(frozen=True, slots=True)
class Carried:
    """What an input carries, decoded: its form, what it is, and the documents to judge, outermost first.

    ``tagged`` is false where no text in it can be the tag of a value. ``advised`` is false for what is not to be
    measured by sentences with SHOULD, such as a fixture, which is minimal.
    """

    form: str
    title: str
    layers: tuple[Layer, ...]
    side: Side = "emitted"
    problem: Problem | None = None
    opaque: str = ""
    odd_numbers: bool = False
    tagged: bool = True
    known: bool = True
    advised: bool = True
    writers: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken sentence. ``pointer`` is a place in the input, decoded; ``since`` and ``until`` are its window."""

    requirement: str
    level: str
    sentence: str
    pointer: str
    expected: str
    actual: str
    harm: str
    link: str
    since: str | None = None
    until: str | None = None

    @property
    def must(self) -> bool:
        return self.level.startswith("MUST")


@dataclass(frozen=True, slots=True)
class Field:
    """One field in plain words: where it is, how deep, its value, and what the schema says of it."""

    pointer: str
    depth: int
    name: str
    words: str
    says: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything to be said of one input. ``line`` counts from 1; 0 is an input that is a whole file."""

    line: int
    outcome: Outcome
    title: str
    form: str = ""
    broken: tuple[Violation, ...] = ()
    not_asked: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()
    carried: Carried | None = None
