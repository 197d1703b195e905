"""``celery-wire explain``: say what a requirement or a case is about."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from rich.console import Console

from celery_conformance import specification, standing
from celery_conformance.cases.load import load as load_cases
from celery_conformance.cases.model import Case
from celery_conformance.check import windows
from celery_conformance.errors import UsageError
from celery_conformance.fixtures import Fixture
from celery_conformance.fixtures import load as load_fixtures
from celery_conformance.report.terminal import plain
from celery_conformance.specification import Evidence, Requirement
from celery_conformance.standing import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``explain``."""
    parser.add_argument("id", help="a requirement such as TASK2-HDR-004, or a case such as v2-id-equals-correlation-id")
    parser.add_argument(
        "--report",
        metavar="FILE",
        action="append",
        default=[],
        help="a report.json of a run, to say who passes; may be repeated (default: the recorded runs of Celery)",
    )


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Print everything known about an id."""
    requirements = {requirement.id: requirement for requirement in specification.load()}
    cases = {case.id: case for case in load_cases()}
    asked = arguments.id.partition("[")[0]
    sources = [standing.read_report(name) for name in arguments.report] or standing.recorded()
    if asked.upper() in requirements:
        lines = explain_requirement(requirements[asked.upper()], list(cases.values()), load_fixtures(), sources)
    elif asked in cases:
        lines = explain_case(cases[asked], requirements)
        lines += _who_passes(sources, lambda name, _: name.partition("[")[0] == asked)
    else:
        near = difflib.get_close_matches(asked.upper(), requirements, n=3)
        near += difflib.get_close_matches(asked, cases, n=3)
        hint = f"near it: {', '.join(near)}" if near else "celery-wire list requirements, celery-wire list cases"
        raise UsageError(f"expected the id of a requirement or a case, came {arguments.id!r}", hint)
    for style, line in lines:
        console.print(plain(line, style), soft_wrap=False)
    return 0


Lines = list[tuple[str, str]]


def explain_requirement(
    requirement: Requirement, cases: Sequence[Case], fixtures: Sequence[Fixture], sources: Sequence[Source]
) -> Lines:
    """Sentence, reason, evidence, fixtures and cases of a requirement, and who passes."""
    lines: Lines = [
        ("bold", f"[{requirement.id}] {requirement.sentence}"),
        ("", f"level: {requirement.level.lower() if requirement.observation else requirement.level}"),
        ("", f"roles: {', '.join(requirement.roles)}; surface {requirement.surface}; profile {requirement.profile}"),
    ]
    lines += [("", f"when: {_pairs(requirement.when)}")] if requirement.when else []
    lines += [("", _window(requirement)), ("yellow", f"harm: {requirement.harm or _HARMLESS[requirement.observation]}")]
    lines += [] if requirement.seen else [("", "read in the source; no run that shows it is on record")]
    by_name = {fixture.name: fixture for fixture in fixtures}
    lines += [("", f"evidence: {_evidence(entry, by_name)}") for entry in requirement.evidence]
    shown = [fixture for fixture in fixtures if requirement.id in fixture.requirements]
    lines += _listed("fixtures", [(fixture.name, _shows(fixture)) for fixture in shown])
    covering = [case for case in cases if requirement.id in case.covers]
    lines += _listed("cases", [(case.id, case.title) for case in covering])
    names = {case.id for case in covering}
    lines += _who_passes(sources, lambda name, ids: requirement.id in ids or name.partition("[")[0] in names)
    return [*lines, ("dim", f"where it stands: spec/{requirement.document}#{requirement.id}")]


_HARMLESS = {False: "none that was seen, which is why it is no MUST", True: "what the observation says"}


def _window(requirement: Requirement) -> str:
    """Which lines of Celery keep it."""
    found = windows.window(requirement)
    bounds = [f"since {found.since}"] if found.since else []
    bounds += [f"until {found.until}"] if found.until else []
    unkept = sorted(found.broken_by or (), key=windows.LINES.index)
    bounds += [f"not kept by Celery {', '.join(unkept)}"] if unkept else []
    if not bounds:
        known = "every line that was looked at" if found.broken_by is not None else "every line, as far as is known"
        return f"window: kept by {known}"
    return f"window: {'; '.join(bounds)}"


def _evidence(entry: Evidence, fixtures: Mapping[str, Fixture]) -> str:
    """One piece of evidence, and where it comes from."""
    fixture = fixtures.get(entry.reference) if entry.kind == "fixture" else None
    versions = fixture.origin.get("versions") or fixture.origin.get("seen") if fixture is not None else None
    if fixture is None or not versions:
        return f"{entry.kind} {entry.reference}"
    how = {"captured": "captured from", "made": "made, and shown to"}.get(
        fixture.origin["kind"], fixture.origin["kind"]
    )
    return f"{entry.kind} {entry.reference} ({how} {', '.join(f'{name} {one}' for name, one in versions.items())})"


def _shows(fixture: Fixture) -> str:
    """What a fixture is, and what Celery does with it."""
    reaction = fixture.data.get("reaction")
    said = (
        ", ".join(f"{word} on {broker}" for broker, word in reaction.items())
        if isinstance(reaction, dict)
        else reaction
    )
    return f"{fixture.title}{'' if fixture.valid else ' (invalid)'}" + (f"; Celery: {said}" if said else "")


def _listed(heading: str, rows: list[tuple[str, str]]) -> Lines:
    if not rows:
        return [("", f"{heading}: none")]
    return [("", f"{heading}:"), *(("cyan", f"  {name}: {says}") for name, says in rows)]


def _who_passes(sources: Sequence[Source], wanted: Callable[[str, frozenset[str]], bool]) -> Lines:
    """A line a run in which a case of it was judged, and one for each of these that did not pass."""
    found = [one for one in (source.standing(wanted) for source in sources) if one.verdicts]
    lines: Lines = [("", "who passes:")]
    for one in found:
        lines.append(("yellow" if one.others else "green", f"  {one.words}"))
        lines += [("yellow", f"    {name}: {verdict}") for name, verdict in one.others.items()]
    asked = ", ".join(dict.fromkeys(source.who for source in sources)) or "nobody"
    return lines if found else [("", f"who passes: no case of it was run (asked: {asked})")]


def explain_case(case: Case, requirements: Mapping[str, Requirement]) -> Lines:
    """Claim, requirements and steps of a case."""
    lines: Lines = [
        ("bold", f"{case.id}: {case.title}"),
        ("", f"role: {case.role}; in conformance/cases/{case.source}"),
    ]
    for name in case.covers:
        found = requirements.get(name)
        if found is not None:
            lines.append(("", f"covers [{name}] {found.sentence}"))
            lines += [("yellow", f"  harm: {found.harm}")] if found.harm else []
    if case.kills:
        lines.append(("", f"kills the mutants: {', '.join(case.kills)}"))
    body: dict[str, Any] = {"do": [dict(step) for step in case.do], "expect": [dict(entry) for entry in case.expect]}
    lines += [("dim", line) for line in yaml.safe_dump(body, sort_keys=False, allow_unicode=True).splitlines()]
    return [*lines, ("", f"run it: celery-wire run celery -k {case.id}")]


def _pairs(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in entry.items())
