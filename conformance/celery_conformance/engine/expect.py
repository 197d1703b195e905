"""Expectations: finds the facts a case speaks of and holds them against what it says.

A presence waits for its fact, with a deadline. An absence, and an exact count, is judged only behind a barrier. A
failure carries the place, what was expected, what came and the fact it came in; the report shows all four.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from celery_conformance.engine.context import Context
from celery_conformance.facts import KINDS, UNIONS, Fact
from celery_conformance.matchers import mismatch, show
from celery_conformance.pointer import resolve

_MARKS = frozenset({"as", "at", "count", "each"})

#: How the failure of an expectation begins that nothing met.
NOTHING = "nothing of the kind"

#: Without a confirmation two connections have no order finer than this (milliseconds).
_ORDER_TOLERANCE = 100.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a case failed. ``facts`` are the numbers of the facts to mark."""

    pointer: str
    expected: str
    actual: str
    facts: tuple[int, ...] = ()


def kind_of(wanted: Mapping[str, Any]) -> str:
    """The kind of fact an expectation speaks of."""
    (kind,) = set(wanted) - _MARKS
    return kind


def predicate(context: Context, wanted: Mapping[str, Any]) -> Callable[[Fact], bool]:
    """Whether a fact is one the expectation speaks of."""
    kind = kind_of(wanted)
    kinds = UNIONS.get(kind, (kind,))
    start = first_fact(context, wanted)
    tests = [_test(context, name, value) for name, value in wanted[kind].items() if name != "since_start"]

    def fits(fact: Fact) -> bool:
        return fact.kind in kinds and fact.number >= start and all(test(fact) for test in tests)

    return fits


def first_fact(context: Context, wanted: Mapping[str, Any]) -> int:
    """Where on the timeline an expectation begins to look: at the case's start, or at the run's."""
    return 0 if wanted[kind_of(wanted)].get("since_start") else context.start


def view(context: Context, fact: Fact) -> dict[str, Any]:
    """What cases point into: the fact's fields, and when it was seen (Unix time)."""
    return {**fact.data, "at": context.testbed.timeline.clock.wall(fact.sent)}


def _test(context: Context, name: str, value: Any) -> Callable[[Fact], bool]:
    if name == "of":
        wanted_id = context.names[value]["task_id"]
        return lambda fact: fact.task_id == wanted_id
    if name == "by":
        parties = context.parties(value)
        return lambda fact: fact.party in parties
    pointer = name if name.startswith("/") else f"/{name}"

    def fits(fact: Fact) -> bool:
        document = view(context, fact)
        return mismatch(resolve(document, pointer), value, context.scope(document)) is None

    return fits


async def find(context: Context, wanted: Mapping[str, Any]) -> Fact | None:
    """Wait for the first fact the expectation speaks of."""
    return await context.wait(predicate(context, wanted), first_fact(context, wanted))


def describe(wanted: Mapping[str, Any]) -> str:
    """An expectation in words, for failures: the kind of fact and its filter."""
    kind = kind_of(wanted)
    filters = ", ".join(f"{name} {show(value, 80)}" for name, value in wanted[kind].items())
    return f"{kind} ({filters})" if filters else kind


async def judge(context: Context, expected: Mapping[str, Any]) -> Failure | None:
    """Hold one expectation against the facts; None when it is met."""
    if "never" in expected:
        return await _judge_absence(context, expected["never"])
    if "order" in expected:
        return _judge_order(context, expected["order"])
    if "whenever" in expected:
        return await _judge_consequence(context, expected["whenever"], expected["then"])
    if "reply" in expected or "value" in expected:
        name = expected.get("reply", expected.get("value"))
        document = context.names.get(str(name))
        return _judge_places(context, expected.get("at", {}), document, None)
    return await _judge_presence(context, expected)


def _matching(context: Context, wanted: Mapping[str, Any]) -> list[Fact]:
    fits = predicate(context, wanted)
    return [fact for fact in context.testbed.timeline.since(first_fact(context, wanted)) if fits(fact)]


async def _judge_presence(context: Context, wanted: Mapping[str, Any]) -> Failure | None:
    first = await find(context, wanted)
    if first is None:
        return Failure("", describe(wanted), _nothing(context, wanted))
    context.bind(wanted, {**first.data, "sent": first.sent, "fact": first.number})
    if "count" in wanted:
        failure = await _judge_count(context, wanted)
        if failure is not None:
            return failure
    facts = _matching(context, wanted) if wanted.get("each") else [first]
    for fact in facts:
        failure = _judge_places(context, wanted.get("at", {}), view(context, fact), fact)
        if failure is not None:
            return failure
    return None


def _nothing(context: Context, wanted: Mapping[str, Any]) -> str:
    """What came instead: the kinds of facts about the same task, or nothing at all."""
    kind = kind_of(wanted)
    about = wanted[kind].get("of")
    task_id = context.names.get(about, {}).get("task_id") if about else None
    seen = [f.kind for f in context.testbed.timeline.since(context.start) if task_id and f.task_id == task_id]
    said = f"{NOTHING} within {context.seconds:g} s"
    return f"{said}; seen of that task: {', '.join(dict.fromkeys(seen))}" if seen else said


async def _judge_count(context: Context, wanted: Mapping[str, Any]) -> Failure | None:
    count = wanted["count"]
    enough = {"facts": len(_matching(context, wanted))}

    def more(fact: Fact) -> bool:
        if predicate(context, wanted)(fact):
            enough["facts"] = len(_matching(context, wanted))
        return bool(enough["facts"] >= count)

    if enough["facts"] < count:
        await context.wait(more)
    await context.barrier()
    found = _matching(context, wanted)
    if len(found) == count:
        return None
    numbers = tuple(fact.number for fact in found)
    return Failure("", f"{describe(wanted)}, {count} times", f"{len(found)} times", numbers)


async def _judge_absence(context: Context, wanted: Mapping[str, Any]) -> Failure | None:
    await context.barrier()
    for fact in _matching(context, wanted):
        if _judge_places(context, wanted.get("at", {}), view(context, fact), fact) is None:
            return Failure("", f"no {describe(wanted)}", f"{fact.kind} at {fact.sent:.0f} ms", (fact.number,))
    return None


async def _judge_consequence(
    context: Context, cause: Mapping[str, Any], consequence: Mapping[str, Any]
) -> Failure | None:
    """For each fact of the one kind there has to be a later one of the other; without the first nothing is asked."""
    fits = predicate(context, consequence)
    for fact in _matching(context, cause):
        moment = fact.sent

        def later(other: Fact, moment: float = moment) -> bool:
            return fits(other) and other.sent >= moment

        if await context.wait(later) is None:
            return Failure("", f"{describe(consequence)} after {describe(cause)}", "nothing", (fact.number,))
    return None


def _judge_places(context: Context, places: Mapping[str, Any], document: Any, fact: Fact | None) -> Failure | None:
    for pointer, wanted in places.items():
        actual = resolve(document, pointer)
        said = mismatch(actual, wanted, context.scope(document))
        if said is not None:
            return Failure(pointer, said, show(actual), (fact.number,) if fact is not None else ())
    return None


def _judge_order(context: Context, names: list[str]) -> Failure | None:
    facts = [context.testbed.timeline.facts[context.names[name]["fact"]] for name in names]
    for (left, before), (right, after) in zip(
        zip(names, facts, strict=True), zip(names[1:], facts[1:], strict=True), strict=False
    ):
        if after.sent < before.sent - tolerance(before, after):
            said = f"{right} came {before.sent - after.sent:.0f} ms earlier"
            return Failure("", f"{left} before {right}", said, (before.number, after.number))
    return None


def tolerance(before: Fact, after: Fact) -> float:
    """How much earlier the second fact may have been seen and still count as later (milliseconds)."""
    if before.connection == after.connection or before.confirmed is not None:
        return 0.0
    return _ORDER_TOLERANCE


def known_kinds() -> frozenset[str]:
    """Every word that may stand for a kind of fact in a case."""
    return frozenset(KINDS) | frozenset(UNIONS)
