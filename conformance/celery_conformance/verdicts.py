"""Verdicts: what the suite says about a case, and what a run's verdicts add up to.

A requirement's level decides how a broken expectation counts: MUST fails, SHOULD warns. MAY is only told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The one type from runner to report; the order is that of reports, worst first."""

    SUITE_ERROR = "suite error"
    ADAPTER_ERROR = "adapter error"
    FAIL = "fail"
    STALE = "stale"
    FLAKY = "flaky"
    WARN = "warn"
    KNOWN = "known failure"
    UNSUPPORTED = "unsupported"
    NOT_APPLICABLE = "not applicable"
    PASS = "pass"  # noqa: S105  a verdict, no password


#: How a broken expectation of a requirement of this level counts.
BROKEN = {"MUST": Verdict.FAIL, "MUST NOT": Verdict.FAIL, "SHOULD": Verdict.WARN, "SHOULD NOT": Verdict.WARN}


@dataclass(frozen=True, slots=True)
class Card:
    """What a person needs to know about a case that did not pass."""

    sentence: str
    requirement: str
    document: str
    harm: str
    pointer: str
    expected: str
    actual: str
    timeline: tuple[dict[str, Any], ...] = ()
    commands: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one case with its axes."""

    name: str
    case: str
    title: str
    role: str
    surface: str
    level: str
    requirements: tuple[str, ...]
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    card: Card | None = None


FINE, FAILED, STALE_BASELINE, NOT_JUDGED, SUITE_AT_FAULT = 0, 1, 2, 3, 4


def exit_code(results: Iterable[Result], *, strict: bool = False, allow_stale: bool = False) -> int:
    """What the command ends with: the gravest thing that happened. Strict is about SHOULD; a MAY is only told."""
    results = list(results)
    count = Counter(result.verdict for result in results)
    broken_should = any(result.verdict is Verdict.WARN and result.level in BROKEN for result in results)
    judged = sum(count[verdict] for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.KNOWN, Verdict.STALE))
    if count[Verdict.SUITE_ERROR]:
        return SUITE_AT_FAULT
    if count[Verdict.ADAPTER_ERROR]:
        return NOT_JUDGED
    if not judged and not count[Verdict.FLAKY]:
        return SUITE_AT_FAULT
    if count[Verdict.FAIL] or count[Verdict.FLAKY] or (strict and broken_should):
        return FAILED
    if count[Verdict.STALE] and not allow_stale:
        return STALE_BASELINE
    return FINE
