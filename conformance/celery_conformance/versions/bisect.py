"""Running what has to be known to narrow changes down to a release: variants of environments, a few entries of each."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.brokers.rabbitmq import RabbitServer, start_rabbitmq
from celery_conformance.versions import captures, changes, environments, lines, questions, table, variants
from celery_conformance.versions.bed import Bed, ProbeError
from celery_conformance.versions.captures import Capture
from celery_conformance.versions.changes import Need
from celery_conformance.versions.environments import InstallError
from celery_conformance.versions.stages import STAGES
from celery_conformance.versions.variants import Variant

_HOST = "variant"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which stages to look into, where the captures are, and how many variants at the same time."""

    stages: Sequence[str]
    root: Path | None = None
    at_once: int = 4


def narrow(plan: Plan) -> Iterator[str]:
    """Run round after round until nothing more can be learnt; yields a line for each variant that was run."""
    given_up: set[Need] = set()
    while wanted := _wanted(plan, given_up):
        with tempfile.TemporaryDirectory(prefix="celery-wire-") as name:
            rabbit = _rabbit(Path(name)) if any(need.broker == "amqp" for need in wanted) else None
            try:
                yield from _round(plan, wanted, rabbit, Path(name))
            finally:
                if rabbit is not None:
                    rabbit.stop()
        given_up.update(wanted)


def _wanted(plan: Plan, given_up: set[Need]) -> list[Need]:
    observed = lines.load()
    found = changes.needs(table.fill(questions.load(), observed, plan.root), observed, plan.root)
    return [need for need in dict.fromkeys(found) if need.stage in plan.stages and need not in given_up]


def _rabbit(folder: Path) -> RabbitServer:
    home = folder / "rabbit"
    home.mkdir()
    server = start_rabbitmq(home)
    server.add_virtual_hosts([_HOST])
    return server


def _round(plan: Plan, wanted: Sequence[Need], rabbit: RabbitServer | None, folder: Path) -> Iterator[str]:
    groups: dict[tuple[Variant, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for need in wanted:
        groups[need.variant, need.broker][need.stage].add(need.entry)
    on_redis = {key: stages for key, stages in groups.items() if key[1] == "redis"}
    with ThreadPoolExecutor(plan.at_once) as pool:
        jobs = [pool.submit(_run, plan, variant, None, stages, folder) for (variant, _), stages in on_redis.items()]
        for job in as_completed(jobs):
            yield job.result()
    for (variant, broker), stages in groups.items():
        if broker == "amqp":  # one after the other: they share a virtual host
            yield _run(plan, variant, rabbit, stages, folder)


def _run(
    plan: Plan, variant: Variant, rabbit: RabbitServer | None, stages: Mapping[str, set[str]], folder: Path
) -> str:
    what = f"{variant.label:40} {'amqp' if rabbit else 'redis'}"
    base = environments.provide(lines.find(variant.base))
    try:
        environment = variants.provide(variant, base)
    except InstallError as error:
        return f"{what} not captured: {error}"
    bed = Bed(environment, folder / f"{variant.label}-{'amqp' if rabbit else 'redis'}", rabbit, _HOST)
    try:
        return f"{what} {sum(_capture(plan, bed, stage, entries) for stage, entries in stages.items())} entries"
    except (ProbeError, OSError) as error:
        return f"{what} not captured: {str(error)[:300]}"
    finally:
        bed.close()


def _capture(plan: Plan, bed: Bed, stage: str, entries: set[str]) -> int:
    bed.only = frozenset(entries)
    found = {name: entry for name, entry in STAGES[stage](bed) if name in entries}
    captures.merge(Capture(bed.environment.line.release, bed.broker_name, stage, bed.versions, found), plan.root)
    return len(found)
