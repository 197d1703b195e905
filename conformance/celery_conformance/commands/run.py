"""``celery-wire run``: judge an implementation."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from celery_wire.version import EDITION, __version__
from rich.console import Console

from celery_conformance import adapter as adapters
from celery_conformance import specification
from celery_conformance.adapter import Adapter
from celery_conformance.baseline import Baseline
from celery_conformance.cases.load import load as load_cases
from celery_conformance.cases.model import Case
from celery_conformance.commands.settings import Settings, add_arguments, read_settings
from celery_conformance.engine.card import Judge
from celery_conformance.engine.run import Planned, Run
from celery_conformance.engine.select import instances, lacks, matches
from celery_conformance.engine.testbed import Testbed
from celery_conformance.errors import SuiteError
from celery_conformance.fixtures import load as load_fixtures
from celery_conformance.report import terminal
from celery_conformance.report.document import RunDocument, order
from celery_conformance.report.write import write_all
from celery_conformance.verdicts import Result, Verdict, exit_code

__all__ = ["add_arguments", "execute", "judge", "make_plan"]


def make_plan(cases: Sequence[Case], adapter: Adapter, settings: Settings) -> list[Planned]:
    """Every instance to be run, with what the adapter lacks for it."""
    fixtures = load_fixtures()
    known = {fixture.name: fixture for fixture in fixtures}
    profiles = {requirement.id: requirement.profile for requirement in specification.load()}
    return [
        Planned(instance, tuple(lacks(case, adapter, known, dict(instance.axes))))
        for case in cases
        if case.role in settings.roles and matches(case, settings.patterns)
        if profiles.get(case.covers[0], "core") in settings.profiles
        for instance in instances(case, fixtures, settings.axes, thorough=settings.thorough)
    ]


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Judge an implementation and report; return the exit code."""
    adapter = adapters.read(adapters.find(arguments.implementation))
    settings = read_settings(arguments, adapter)
    cases = load_cases()
    plan = make_plan(cases, adapter, settings)
    if not plan:
        wanted = " or ".join(settings.patterns) or "this run"
        raise SuiteError(
            f"nothing to judge: no case of {', '.join(settings.roles)} fits {wanted!r}",
            "celery-wire list cases shows what there is",
        )
    adapter = adapters.prepare(adapter)
    document = judge(adapter, settings, plan, cases, console)
    terminal.show(console, document)
    if settings.report is not None:
        for path in write_all(document, settings.report):
            console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    return document.exit_code


def judge(
    adapter: Adapter, settings: Settings, plan: Sequence[Planned], cases: Sequence[Case], console: Console
) -> RunDocument:
    """Run the plan and make the result document of it."""
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    version = adapter.version()
    folder = Path(tempfile.mkdtemp(prefix="celery-wire-"))
    try:
        testbed_versions: dict[str, str] = {}
        with terminal.LiveProgress(console, len(plan), f"{adapter.title} {version}") as progress:
            results = asyncio.run(_run(adapter, settings, plan, folder, progress.advance, testbed_versions))
    finally:
        if settings.keep:
            console.print(f"the run's folder is {folder}", markup=False, highlight=False, soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if settings.use_baseline and settings.whole:
        thorough = make_plan(cases, adapter, replace(settings, thorough=True))
        names = {planned.instance.name for planned in thorough} | {result.name for result in results}
        results += stale_entries(adapter.baseline, names, settings)
    return RunDocument(
        implementation=adapter.name,
        title=adapter.title,
        language=adapter.language,
        version=version,
        broker=settings.broker.kind,
        broker_version=testbed_versions["broker"],
        store=settings.store.kind,
        edition=EDITION,
        suite_version=__version__,
        seed=settings.seed,
        jobs=settings.jobs,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 2),
        exit_code=exit_code(results, strict=settings.strict, allow_stale=settings.allow_stale),
        results=order(results),
        coverage=coverage(cases),
    )


async def _run(
    adapter: Adapter,
    settings: Settings,
    plan: Sequence[Planned],
    folder: Path,
    report: Callable[[Result], None],
    versions: dict[str, str],
) -> list[Result]:
    testbed = Testbed(folder, settings.broker, settings.store)
    try:
        await testbed.start()
        versions["broker"] = testbed.broker.version
        baseline = adapter.baseline if settings.use_baseline else Baseline()
        requirements = {requirement.id: requirement for requirement in specification.load()}
        judge = Judge(settings.implementation, requirements, settings.axes, baseline, settings.words)
        return await Run(
            adapter, testbed, plan, judge, settings.seed, settings.jobs, report, patience=settings.patience
        ).all()
    finally:
        await testbed.stop()


def coverage(cases: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    """Requirement id → the cases that cover it."""
    found: dict[str, list[str]] = {}
    for case in cases:
        for requirement in case.covers:
            found.setdefault(requirement, []).append(case.id)
    return {name: tuple(ids) for name, ids in sorted(found.items())}


def stale_entries(baseline: Baseline, names: Iterable[str], settings: Settings) -> list[Result]:
    """A red result for each baseline entry that speaks of this run and of none of these instances of cases."""
    known = list(names)
    unmatched = [
        entry
        for entry in baseline.entries
        if entry.applies(settings.axes) and not any(entry.covers(name, settings.axes) for name in known)
    ]
    empty = Result(
        name="", case="", title="an entry of baseline.yaml", role="baseline", surface="baseline", level="MUST",
        requirements=(), verdict=Verdict.STALE, reason="it matches no case of this run",
    )  # fmt: skip
    return [replace(empty, name=entry.id, case=entry.id) for entry in unmatched]
