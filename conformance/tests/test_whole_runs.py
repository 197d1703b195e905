"""The two judgements everything else rests on: Celery and the reference, all cases, on both brokers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from celery_conformance import resources, specification
from celery_conformance.brokers.rabbitmq import RabbitServer
from celery_conformance.cases.load import load

from .judging import Judged, judge

#: Fewest cases, before axes, that a whole run stands for.
FEWEST = 80


@pytest.fixture(params=["redis", pytest.param("amqp", marks=pytest.mark.rabbitmq)])
def broker(request: pytest.FixtureRequest) -> str:
    """Each broker in turn, as the command takes it."""
    if request.param == "redis":
        return "redis"
    server: RabbitServer = request.getfixturevalue("rabbit_server")
    return f"amqp://guest:guest@127.0.0.1:{server.port}//"


def musts_broken(judged: Judged) -> dict[str, str]:
    """Case → verdict of all that neither passes, nor is unsupported, nor breaks a mere SHOULD."""
    fine = ("pass", "unsupported", "warn")
    return {name: result["verdict"] for name, result in judged.results.items() if result["verdict"] not in fine}


@pytest.mark.slow
def test_celery_breaks_no_must(broker: str, tmp_path: Path) -> None:
    """Celery passes every MUST, without a baseline."""
    judged = judge("celery", tmp_path / "report", "--broker", broker, "--no-baseline")
    assert musts_broken(judged) == {}, judged.printed
    assert judged.exit_code == 0, judged.printed
    assert len({result["case"] for result in judged.results.values()}) >= FEWEST


@pytest.mark.slow
def test_the_reference_passes_everything(broker: str, tmp_path: Path) -> None:
    """The reference breaks no SHOULD either, and is asked nearly everything."""
    judged = judge("celery-wire", tmp_path / "report", "--broker", broker, "--no-baseline", "--strict")
    other = {name: result["verdict"] for name, result in judged.results.items() if result["verdict"] != "pass"}
    assert {verdict for verdict in other.values() if verdict != "unsupported"} == set(), judged.printed
    assert judged.exit_code == 0, judged.printed
    assert len(other) < len(judged.results) // 20


def test_every_must_is_covered() -> None:
    """A case or a fixture that was seen covers each MUST, or spec/untested.yaml says why none can."""
    covered = {requirement for case in load() for requirement in case.covers}
    covered |= {
        requirement.id
        for requirement in specification.load()
        if any(evidence.kind == "fixture" for evidence in requirement.evidence)
    }
    listed = yaml.safe_load((resources.folder("spec") / "untested.yaml").read_text(encoding="utf-8")) or []
    musts = {requirement.id for requirement in specification.load() if requirement.level.startswith("MUST")}
    assert musts - covered - {entry["id"] for entry in listed} == set()


def test_a_case_covers_one_level() -> None:
    """The requirements of a case have one level, so that its verdict is one."""
    level = {requirement.id: requirement.level.split()[0] for requirement in specification.load()}
    mixed = {case.id for case in load() if len({level[requirement] for requirement in case.covers}) != 1}
    assert mixed == set()
