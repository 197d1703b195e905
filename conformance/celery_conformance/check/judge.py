"""Judges inputs: schemas and rules on each document of an input, and one sentence for each thing that is wrong.

What an outer document (an envelope, a publication) was found to break is not told again of the message inside it. An
error of which no description speaks is told all the same, without a sentence: it is the specification's gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

from celery_conformance import pointer, specification
from celery_conformance.check import engine, forms, kinds, rules, windows
from celery_conformance.check.attribution import Attribution, trail
from celery_conformance.check.expected import actual, expectation
from celery_conformance.check.model import Carried, Finding, Layer, Outcome, Problem, UnreadableError, Violation
from celery_conformance.check.reading import LONGEST, Input, parse
from celery_conformance.specification import Requirement

UNNAMED = "the schema"
"""What stands in place of an id where no sentence stands behind an error."""


class Judge:
    """Judges by the rules of one line of Celery.

    Args:
        line: a line such as ``5.2``; by default the newest.
    """

    def __init__(self, line: str = windows.NEWEST) -> None:
        self.line = line
        self._attribution = Attribution(specification.load())

    @cached_property
    def _kept(self) -> frozenset[str]:
        return frozenset(one.id for one in specification.load() if windows.keeps(self.line, one))

    def judge(self, given: Input) -> Finding:
        """Everything to be said of one input."""
        if given.too_long:
            return Finding(given.line, Outcome.UNREADABLE, f"unreadable: it is longer than {LONGEST} bytes")
        try:
            value, odd = parse(given.data)
            carried = forms.carried(value)
            if not odd and breaks_nothing(carried):
                return Finding(given.line, Outcome.FINE, carried.title, carried.form, carried=carried)
        except UnreadableError as error:
            return Finding(given.line, Outcome.UNREADABLE, f"unreadable: {error}")
        return self.carried(replace(carried, odd_numbers=True) if odd else carried, given.line)

    def carried(self, carried: Carried, line: int = 0) -> Finding:
        """Everything to be said of what an input carries."""
        found = tuple(self._violations(carried))
        broken = tuple(one for one in found if one.requirement in self._kept or one.requirement == UNNAMED)
        not_asked = tuple(one for one in found if one not in broken)
        outcome = _outcome(broken, carried)
        return Finding(
            line, outcome, carried.title, carried.form, broken, not_asked, self._notes(carried, broken), carried
        )

    def _notes(self, carried: Carried, broken: tuple[Violation, ...]) -> tuple[str, ...]:
        notes = list(carried.notes)
        if carried.opaque:
            notes.append(f"the body is not decoded: {carried.opaque}")
        if carried.side == "accepted":
            notes.append("judged by what has to be taken, not by what is to be written, as the fixture says")
        elif broken and carried.layers:
            notes += _reception(carried)
        return tuple(notes)

    def _violations(self, carried: Carried) -> Iterator[Violation]:
        told: list[str] = []
        for layer in carried.layers:
            here = list(self._of_layer(layer, carried))
            if self._is_closed(carried, layer, [*told, *(one.pointer for one in here)]):
                here.append(self._closed(carried.problem, layer, carried))
            new = [one for one in here if not _covered(one.pointer, told)]
            yield from _once(new)
            told += [one.pointer for one in new]

    def _is_closed(self, carried: Carried, layer: Layer, told: list[str]) -> bool:
        problem = carried.problem
        closed = carried.layers[-1 if problem is None or problem.place else 0]
        if problem is None or layer is not closed or kinds.schema_of(layer, carried.side) is None:
            return False
        explained = (problem.unless, layer.outside(problem.place))
        return not any(place and _covered(place, told) for place in explained)

    def _of_layer(self, layer: Layer, carried: Carried) -> Iterator[Violation]:
        name = kinds.schema_of(layer, carried.side)
        if name is None or (carried.problem is not None and not carried.problem.place):
            return
        closed = bool(carried.opaque or carried.problem)
        if not engine.is_valid(name, layer.document):
            for error in engine.errors(name, layer.document):
                if not (closed and layer is carried.layers[-1] and error.instance[:1] == ("body",)):
                    yield self._of_error(name, error, layer, carried)
        if not name.endswith("-accepted") and isinstance(layer.document, dict):
            for told in rules.told(layer, carried):
                found = self._attribution.requirements.get(told.requirement)
                if found is not None and not (closed and told.pointer.startswith("/body")):
                    yield _violation(found, layer.outside(told.pointer), told.expected, actual(told.actual))

    def _of_error(self, name: str, error: engine.SchemaError, layer: Layer, carried: Carried) -> Violation:
        behind = self._attribution.behind(name, error, carried.writers)
        where = layer.outside("".join(f"/{pointer.escape(str(step))}" for step in error.instance))
        came = "nothing" if error.missing is not None else actual(error.actual)
        return _violation(behind, where, expectation(error, trail(name, error.way)), came)

    def _closed(self, problem: Problem | None, layer: Layer, carried: Carried) -> Violation:
        """A body that cannot be decoded breaks the sentence on what says how to decode it."""
        assert problem is not None
        behind = self._attribution.first(problem.requirements, carried.writers)
        behind = behind or self._of_place(problem.place, layer, carried)
        return _violation(behind, "/body" if problem.place else "", problem.expected, problem.actual)

    def _of_place(self, place: str, layer: Layer, carried: Carried) -> Requirement | None:
        name = kinds.schema_of(layer, carried.side)
        if name is None:
            return None
        way: list[str | int] = [step for part in pointer.parts(place) for step in ("properties", part)]
        return self._attribution.behind(name, engine.SchemaError((), self._through(name, way), None), carried.writers)

    def _through(self, name: str, way: list[str | int]) -> tuple[str | int, ...]:
        """A way of properties with the references that lie on it."""
        whole: list[str | int] = []
        for place in range(0, len(way), 2):
            reached = trail(name, [*whole, "?"]).levels[-1]
            for schema in reached:
                if way[place + 1] in schema.get("properties", {}):
                    break
                whole += ["$ref"] if "$ref" in schema else []
            whole += way[place : place + 2]
        return (*whole, "type")


@cache
def _quick(stem: str) -> Callable[[Any], bool] | None:
    """Whether a document breaks neither its schema nor the table of recommendations, asked at once."""
    name = kinds.find_schema(stem, "emitted")
    return None if name is None else engine.compile_whole(name, rules.table(stem)).is_valid


def breaks_nothing(carried: Carried) -> bool:
    """The quick way past what is in order; whatever it does not pass is looked at in full."""
    if not carried.known or not carried.advised or carried.problem is not None or carried.opaque:
        return False
    for layer in carried.layers:
        fits = _quick(layer.stem)
        try:
            if fits is not None and not fits(layer.document):
                return False
        except UnicodeEncodeError:
            return False
        for _ in rules.beside(layer, carried):
            return False
    return True


def _violation(found: Requirement | None, where: str, expected: str, came: str) -> Violation:
    if found is None:
        return Violation(
            UNNAMED, "MUST", "No sentence of the specification speaks of this.", where, expected, came, "", ""
        )
    seen = windows.window(found)
    return Violation(found.id, found.level, found.sentence, where, expected, came, found.harm,
                     f"spec/{found.document}#{found.id}", seen.since, seen.until)  # fmt: skip


def _covered(place: str, told: Iterable[str]) -> bool:
    return any(place == one or place.startswith(f"{one}/") for one in told)


def _once(found: Iterable[Violation]) -> Iterator[Violation]:
    """One violation a sentence and place; of several at one place, the gravest goes first."""
    seen: set[tuple[str, str]] = set()
    musts = [one.pointer for one in found if one.must]
    for one in sorted(found, key=lambda one: not one.must):
        if (one.requirement, one.pointer) in seen or (not one.must and _covered(one.pointer, musts)):
            continue
        seen.add((one.requirement, one.pointer))
        yield one


def _outcome(broken: tuple[Violation, ...], carried: Carried) -> Outcome:
    if any(one.must for one in broken):
        return Outcome.MUST
    if not carried.known:
        return Outcome.UNREADABLE
    return Outcome.SHOULD if broken else Outcome.FINE


def _reception(carried: Carried) -> list[str]:
    """Whether whoever receives it has to take it all the same."""
    names = [(kinds.find_schema(layer.stem, "accepted"), layer) for layer in carried.layers]
    sided = [(name, layer) for name, layer in names if name is not None and name.endswith("-accepted")]
    if not sided or carried.problem is not None or carried.opaque:
        return []
    taken = all(engine.is_valid(name, layer.document) for name, layer in sided)
    return ["whoever receives it has to take it all the same" if taken else "nobody has to take it as it is"]
