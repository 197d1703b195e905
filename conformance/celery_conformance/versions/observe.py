"""Observing releases: the stages of each, on each broker, some releases at the same time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance.brokers.rabbitmq import RabbitServer, start_rabbitmq
from celery_conformance.versions import captures, environments, lines
from celery_conformance.versions.bed import Bed, ProbeError
from celery_conformance.versions.captures import Capture
from celery_conformance.versions.doubts import Entry
from celery_conformance.versions.environments import Environment
from celery_conformance.versions.stages import NAMES, STAGES, pairs

#: What a line of the report says of a stage that gave no capture.
FAILED = "not captured"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to observe, where to write it, and how many releases at the same time."""

    environments: Sequence[Environment]
    brokers: Sequence[str] = ("redis", "amqp")
    stages: Sequence[str] = NAMES
    root: Path | None = None
    at_once: int = 12


@dataclass(frozen=True, slots=True)
class _Observed:
    """What is to be told of a release on a broker."""

    release: str
    broker: str
    reports: Sequence[str]
    seconds: float


def observe(plan: Plan) -> Iterator[str]:
    """Observe everything; yields a line for each stage that was captured, and at the end how long each release took.

    Raises:
        ProbeError: a program of a release did not start or did not answer.
    """
    with tempfile.TemporaryDirectory(prefix="celery-wire-") as name:
        folder = Path(name)
        rabbit = _rabbit(plan, folder) if "amqp" in plan.brokers else None
        try:
            with ThreadPoolExecutor(plan.at_once) as pool:
                jobs = [  # the newest first: it is paired with all others and takes longest
                    pool.submit(_observe_one, plan, environment, rabbit if broker == "amqp" else None, folder)
                    for environment in reversed(plan.environments)
                    for broker in plan.brokers
                ]
                took: dict[str, dict[str, float]] = {one.line.release: {} for one in plan.environments}
                for job in as_completed(jobs):
                    done = job.result()
                    took[done.release][done.broker] = done.seconds
                    yield from done.reports
                yield from (f"{release:6} took {_times(seconds)}" for release, seconds in took.items())
        finally:
            if rabbit is not None:
                rabbit.stop()


def observe_again(plan: Plan, doubtful: Collection[Entry]) -> Iterator[str]:
    """Observe single entries, one release after the other; yields a line for each stage."""
    with tempfile.TemporaryDirectory(prefix="celery-wire-") as name:
        folder = Path(name)
        rabbit = _rabbit(plan, folder) if any(entry.broker == "amqp" for entry in doubtful) else None
        try:
            for environment in plan.environments:
                for broker in plan.brokers:
                    mine = [one for one in doubtful if (one.release, one.broker) == (environment.line.release, broker)]
                    yield from _again(plan, environment, rabbit if broker == "amqp" else None, folder, mine)
        finally:
            if rabbit is not None:
                rabbit.stop()


def _again(
    plan: Plan, environment: Environment, rabbit: RabbitServer | None, folder: Path, doubtful: Sequence[Entry]
) -> Iterator[str]:
    release, broker = environment.line.release, "redis" if rabbit is None else "amqp"
    for stage in sorted({entry.stage for entry in doubtful}):
        what = f"{release:6} {broker:5} {stage:10}"
        wanted = frozenset(entry.name for entry in doubtful if entry.stage == stage)
        bed = Bed(environment, folder / f"{release}-{broker}-{stage}", rabbit, f"line-{release}", wanted)
        try:
            found = {name: entry for name, entry in _stage(bed, stage) if name in wanted}
            captures.merge(Capture(release, broker, stage, bed.versions, found), plan.root)
            yield f"{what} {len(found):4} entries once more, alone"
        except (ProbeError, OSError) as error:
            yield f"{what} {FAILED} once more: {error}"
        finally:
            bed.close()


def _times(seconds: Mapping[str, float]) -> str:
    """The time that a release took on each broker; several run at once, so that the whole is less than their sum."""
    each = ", ".join(f"{broker} {seconds[broker]:.0f} s" for broker in sorted(seconds, reverse=True))
    return f"{sum(seconds.values()):5.0f} s ({each})"


def _rabbit(plan: Plan, folder: Path) -> RabbitServer:
    home = folder / "rabbit"
    home.mkdir()
    server = start_rabbitmq(home)
    server.add_virtual_hosts([f"line-{environment.line.release}" for environment in plan.environments])
    return server


def _stage(bed: Bed, stage: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if stage != pairs.NAME:
        return STAGES[stage](bed)
    known = [one for one in map(environments.ready, lines.load()) if one is not None]
    return pairs.capture(bed, pairs.partners(bed.environment.line.release, known))


def _observe_one(plan: Plan, environment: Environment, rabbit: RabbitServer | None, folder: Path) -> _Observed:
    release, broker = environment.line.release, "redis" if rabbit is None else "amqp"
    bed = Bed(environment, folder / f"{release}-{broker}", rabbit, f"line-{release}")
    reports: list[str] = []
    start = time.monotonic()
    try:
        for stage in plan.stages:
            began = time.monotonic()
            what = f"{release:6} {broker:5} {stage:10}"
            try:
                entries = dict(_stage(bed, stage))
            except (ProbeError, OSError) as error:
                reports.append(f"{what} {FAILED}: {error}")
                bed.clear()
                continue
            if not entries:
                continue
            captures.write(Capture(release, broker, stage, bed.versions, entries), plan.root)
            reports.append(f"{what} {len(entries):4} entries {time.monotonic() - began:6.1f} s")
    finally:
        bed.close()
    return _Observed(release, broker, reports, time.monotonic() - start)
