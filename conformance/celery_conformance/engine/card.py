"""From what happened in a case to its result: verdict by level, baseline, and the card of a failure."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.baseline import Baseline
from celery_conformance.cases.model import Instance
from celery_conformance.engine.context import Context
from celery_conformance.engine.expect import Failure
from celery_conformance.facts import Fact
from celery_conformance.matchers import show
from celery_conformance.specification import Requirement
from celery_conformance.verdicts import BROKEN, Card, Result, Verdict

_ROWS = 60

#: What the timeline shows of a fact beside its kind, by kind; ``*`` for all others.
_SHOWN: dict[str, tuple[str, ...]] = {
    "published": ("queue", "exchange", "routing_key", "headers", "properties", "body", "problem"),
    "delivered": ("queue", "redelivered", "problem"),
    "result-stored": ("document", "expires", "problem"),
    "result-announced": ("document",),
    "declared": ("what", "name", "durable", "auto_delete", "arguments"),
    "bound": ("exchange", "routing_key", "queue"),
    "rejected": ("requeue",),
    "held": ("key", "delivery_tag"),
    "restored": ("queue", "end"),
    "task-started": ("nonce", "pid"),
    "task-ended": ("nonce", "pid"),
    "process-exited": ("code",),
    "process-started": ("options",),
    "result-read": ("found",),
    "connection-closed": ("cut",),
    "broadcast": ("channel", "routing_key", "body"),
    "chord-sized": ("group_id", "size"),
    "chord-part-stored": ("group_id", "score", "part", "problem"),
    "chord-cleared": ("group_id", "removed"),
    "group-stored": ("group_id", "document"),
    "consuming": ("queue",),
    "undecodable": ("reason",),
}


def level_of(requirements: Iterable[Requirement]) -> str:
    """The level of a case: all requirements it covers share one (a lint holds that)."""
    return next((requirement.level for requirement in requirements if requirement.level), "MAY")


@dataclass(slots=True)
class Judge:
    """Everything a verdict needs beside what happened."""

    implementation: str
    requirements: Mapping[str, Requirement]
    axes: Mapping[str, str]
    baseline: Baseline
    options: str
    today: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())

    def result(
        self,
        instance: Instance,
        verdict: Verdict,
        reason: str,
        failure: Failure | None,
        context: Context | None,
        *,
        seconds: float,
    ) -> Result:
        """The result of a case."""
        case = instance.case
        covered = [self.requirements[name] for name in case.covers if name in self.requirements]
        level = level_of(covered)
        card = self._card(instance, covered, failure, context) if failure is not None else None
        verdict, reason = self._weigh(instance.name, verdict, reason, level)
        return Result(
            name=instance.name,
            case=case.id,
            title=case.title,
            role=case.role,
            surface=covered[0].surface if covered else case.topic,
            level=level,
            requirements=case.covers,
            verdict=verdict,
            reason=reason,
            seconds=round(seconds, 3),
            card=card,
        )

    def _weigh(self, name: str, verdict: Verdict, reason: str, level: str) -> tuple[Verdict, str]:
        """Level and baseline turn a broken expectation into a failure, a warning or a known failure."""
        if verdict is Verdict.FAIL:
            verdict = BROKEN.get(level, Verdict.WARN)
        entry = self.baseline.find(name, self.axes)
        if entry is None or verdict not in (Verdict.FAIL, Verdict.WARN, Verdict.PASS):
            return verdict, reason
        if entry.expired(self.today):
            return Verdict.STALE, f"its baseline entry expired on {entry.expires}: {entry.reason}"
        if verdict is Verdict.PASS:
            return Verdict.STALE, f"it passes, but the baseline says: {entry.reason}"
        return Verdict.KNOWN, f"{entry.reason} ({entry.link})"

    def _card(self, instance: Instance, covered: list[Requirement], failure: Failure, context: Context | None) -> Card:
        requirement = covered[0] if covered else None
        return Card(
            sentence=requirement.sentence if requirement else instance.case.title,
            requirement=requirement.id if requirement else "",
            document=requirement.document if requirement else "",
            harm=(requirement.harm or "") if requirement else "",
            pointer=failure.pointer,
            expected=failure.expected,
            actual=failure.actual,
            timeline=tuple(excerpt(context, failure.facts)) if context is not None else (),
            commands=self._commands(instance),
        )

    def _commands(self, instance: Instance) -> dict[str, str]:
        return {
            "repeat": f"celery-wire run {shlex.quote(self.implementation)} {self.options} -k {instance.case.id}",
            "explain": f"celery-wire explain {instance.case.covers[0]}",
            "excuse": f"- {{id: {instance.case.id}, reason: …, link: …}}  # in baseline.yaml",
        }


def excerpt(context: Context, marked: tuple[int, ...]) -> list[dict[str, Any]]:
    """The rows of the timeline that belong to a case, oldest first, times in ms since the case began."""
    facts = [fact for fact in context.testbed.timeline.since(context.start) if _belongs(context, fact)]
    facts += [context.testbed.timeline.facts[number] for number in marked if number < context.start]
    facts.sort(key=lambda fact: fact.sent)
    if not facts:
        return []
    begin = facts[0].sent
    rows = [_row(fact, begin, fact.number in marked) for fact in facts]
    return rows if len(rows) <= _ROWS else rows[: _ROWS // 2] + rows[-_ROWS // 2 :]


def _belongs(context: Context, fact: Fact) -> bool:
    ids = {value.get("task_id") for value in context.names.values() if isinstance(value, dict)} - {None}
    texts = {value for value in context.names.values() if isinstance(value, str)} - {context.queue}
    own = {worker.party for worker in context.own_workers}
    if fact.task_id in ids or {fact.data.get("nonce"), fact.data.get("group_id")} & texts:
        return True
    if fact.party in own:
        return fact.kind not in ("connection-opened", "result-read") or fact.task_id in ids
    return context.worker is None and fact.data.get("queue") == context.queue


def _row(fact: Fact, begin: float, marked: bool) -> dict[str, Any]:
    names = _SHOWN.get(fact.kind, ("task_id",))
    shown = {name: fact.data[name] for name in names if fact.data.get(name) not in (None, "", {})}
    return {
        "ms": round(fact.sent - begin, 1),
        "party": fact.party,
        "connection": fact.connection,
        "fact": fact.kind,
        "says": ", ".join(f"{name} {show(value, 400)}" for name, value in shown.items()),
        "marked": marked,
    }
