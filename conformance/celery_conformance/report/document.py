"""The result document of a run: what ``report.json`` holds and every other report is made of."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.verdicts import Result, Verdict


@dataclass(frozen=True, slots=True)
class RunDocument:
    """A whole run."""

    implementation: str
    title: str
    language: str
    version: str
    broker: str
    broker_version: str
    store: str
    edition: str
    suite_version: str
    seed: int
    jobs: int
    started: str
    seconds: float
    exit_code: int
    results: tuple[Result, ...]
    coverage: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def count(self) -> dict[str, int]:
        """How many results have each verdict; every verdict is there."""
        counted = Counter(result.verdict for result in self.results)
        return {str(verdict): counted[verdict] for verdict in Verdict}

    @property
    def counted_cases(self) -> str:
        """`1 case`, `2 cases`."""
        return f"{len(self.results)} case{'s' if len(self.results) != 1 else ''}"

    def table(self, by: str) -> dict[str, dict[str, int]]:
        """Counts of verdicts by ``role`` or ``surface``."""
        groups = sorted({getattr(result, by) for result in self.results})
        return {
            group: count_verdicts(result for result in self.results if getattr(result, by) == group) for group in groups
        }

    def plain(self) -> dict[str, Any]:
        """The document as JSON has it."""
        whole = dataclasses.asdict(self)
        whole["results"] = [_plain_result(result) for result in self.results]
        whole["coverage"] = {name: list(cases) for name, cases in self.coverage.items()}
        whole["notes"] = list(self.notes)
        return {"format": 1, **whole, "counts": self.count()}


def count_verdicts(results: Iterable[Result]) -> dict[str, int]:
    """The verdicts among some results that occur at all."""
    return {str(verdict): count for verdict, count in Counter(result.verdict for result in results).items()}


def _plain_result(result: Result) -> dict[str, Any]:
    whole = dataclasses.asdict(result)
    whole["verdict"] = str(result.verdict)
    whole["requirements"] = list(result.requirements)
    if result.card is not None:
        whole["card"]["timeline"] = [dict(row) for row in result.card.timeline]
    return whole


def order(results: Iterable[Result]) -> tuple[Result, ...]:
    """Results as every report shows them: worst first, then by name."""
    rank = {verdict: place for place, verdict in enumerate(Verdict)}
    return tuple(sorted(results, key=lambda result: (rank[result.verdict], result.name)))
