"""A finding for a person and for a machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from celery_conformance.check.model import Field, Finding, Outcome, Violation
from celery_conformance.check.words import fields
from celery_conformance.report.terminal import plain

FORMAT = 1
_STYLES = {Outcome.FINE: "green", Outcome.SHOULD: "yellow", Outcome.MUST: "bold red", Outcome.UNREADABLE: "bold red"}
_NAMES = {Outcome.FINE: "fine", Outcome.SHOULD: "should", Outcome.MUST: "must", Outcome.UNREADABLE: "unreadable"}


def _line(text: str, style: str = "") -> Text:
    """Text for one line: what came with a line feed of its own begins no other."""
    return plain(text.replace("\n", "\\n"), style)


def head(finding: Finding) -> Text:
    """The first line: where, what it is, and what is to be said of it."""
    where = f"line {finding.line}: " if finding.line else ""
    form = f" ({finding.form})" if finding.form else ""
    return Text.assemble(_line(f"{where}{finding.title}{form}: "), _line(verdict(finding), _STYLES[finding.outcome]))


def verdict(finding: Finding) -> str:
    """How many sentences are broken."""
    if finding.outcome is Outcome.UNREADABLE:
        return "not judged"
    musts = sum(one.must for one in finding.broken)
    shoulds = len(finding.broken) - musts
    counted = [f"{count} {word} broken" for count, word in ((musts, "MUST"), (shoulds, "SHOULD")) if count]
    return ", ".join(counted) or "no sentence is broken"


def in_full(finding: Finding, line: str) -> Iterator[Text]:
    """Everything: the fields, then what is broken."""
    yield head(finding)
    if finding.carried is not None:
        yield from (_field(field) for field in fields(finding.carried))
    yield from in_short(finding, line)


def in_short(finding: Finding, line: str) -> Iterator[Text]:
    """What is broken, and what else there is to say, without the fields."""
    for note in finding.notes:
        yield _line(f"  note: {note}", "italic")
    for violations in _by_sentence(finding.broken):
        yield from _violations(violations)
    for violation in finding.not_asked:
        window = ", ".join(text for text in (_window(violation), f"not asked of Celery {line}") if text)
        yield _line(f"  {violation.requirement} at {violation.pointer or '/'} is not kept: {window}", "dim")


def _window(violation: Violation) -> str:
    since = f"since {violation.since}" if violation.since else ""
    until = f"until {violation.until}" if violation.until else ""
    return " ".join(text for text in (since, until) if text)


def _field(field: Field) -> Text:
    indent = "  " * (field.depth + 1)
    name = f"{indent}{field.name}"
    words = f"  {field.words}" if field.words else ""
    says = field.says or ("a key that the specification does not name" if field.words else "")
    return Text.assemble(_line(f"{name:<28}"), _line(words), _line(f"  — {says}" if says else "", "dim"))


def _by_sentence(broken: Sequence[Violation]) -> list[list[Violation]]:
    """The places that break one sentence together, in the order in which the sentences come first."""
    found: dict[str, list[Violation]] = {}
    for violation in broken:
        found.setdefault(violation.requirement, []).append(violation)
    return list(found.values())


def _violations(same: Sequence[Violation]) -> Iterator[Text]:
    first = same[0]
    window = f" ({_window(first)})" if _window(first) else ""
    style = "bold red" if first.must else "yellow"
    yield _line(f"  {first.level} [{first.requirement}] {first.sentence}{window}", style)
    for one in same:
        yield _line(f"    at {one.pointer or 'the whole'}: expected {one.expected}; actual {one.actual}")
    if first.harm:
        yield _line(f"    harm: {first.harm}")
    if first.link:
        yield _line(f"    see {first.link}", "dim")


def as_data(finding: Finding, line: str) -> dict[str, Any]:
    """The finding as JSON, as spec/schemas/check.schema.json describes it."""
    shown = fields(finding.carried) if finding.carried is not None else []
    return {
        "format": FORMAT,
        "line": finding.line,
        "celery": line,
        "outcome": _NAMES[finding.outcome],
        "title": finding.title,
        "form": finding.form,
        "kind": finding.carried.layers[-1].stem if finding.carried and finding.carried.layers else None,
        "fields": [{"pointer": one.pointer, "words": one.words, "says": one.says} for one in shown],
        "broken": [_as_data(one) for one in finding.broken],
        "not_asked": [_as_data(one) for one in finding.not_asked],
        "notes": list(finding.notes),
    }


def _as_data(violation: Violation) -> dict[str, Any]:
    return {
        "requirement": violation.requirement,
        "level": violation.level,
        "sentence": violation.sentence,
        "pointer": violation.pointer,
        "expected": violation.expected,
        "actual": violation.actual,
        "harm": violation.harm,
        "link": violation.link,
        "since": violation.since,
        "until": violation.until,
    }
