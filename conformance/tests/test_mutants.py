"""Every mutant of the reference is killed by each case that claims it, and by what the case is about."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from celery_conformance.brokers.rabbitmq import RabbitServer
from celery_conformance.cases.load import load
from celery_conformance.cases.model import Case

from .judging import HERE, Judged, copy_adapter, judge, search_path

sys.path.insert(0, str(HERE / "mutated"))
import mutants_canvas  # noqa: F401 - it registers its mutants
from mutants import MUTANTS

CASES = load()
CLAIMS = sorted((name, case.id) for case in CASES for name in case.kills)

#: Mutants that show by something never coming, and what that is; all others must be told by what came.
NEVER_COMES = {
    "callbacks-forgotten": "the callback",
    "chain-forgotten": "the step after the next",
    "eta-acknowledged-at-once": "nothing",
    "expired-without-a-result": "the result of an expired task",
    "keywords-among-positionals": "nothing",
    "needs-every-header": "the result of a task with few headers",
    "never-acknowledges": "the acknowledgement",
    "no-unacked-copy": "the copy",
    "one-list-only": "the delivery from the other lists",
    "no-reply-queue": "the declaration",
    "requeue-forgotten": "the second delivery",
    "result-under-another-key": "a result under the key",
    "retries-under-another-id": "the result under the id",
    "stored-not-announced": "the announcement",
    "unknown-task-without-a-result": "the result of an unknown task",
    "id-from-correlation-id": "the result under the id",
    "reply-without-correlation-id": "a result with the correlation id",
    "lower-case-states": "a state in upper case",
    "canvas-as-a-task": "what a canvas consists of",
    "chord-body-left-waiting": "the failure of the body",
    "chord-errbacks-forgotten": "the errback",
    "chord-size-forgotten": "the size",
    "failed-parts-not-returned": "the failure of the body",
    "ignored-parts-not-returned": "the body",
    "members-without-places": "a member in the first place",
    "parts-not-returned": "the body",
    "parts-without-a-state": "the body",
    "replaced-under-a-new-id": "a message under the id",
    "replaced-without-embed": "the next step",
    "saved-groups-forgotten": "the stored group",
    "starmap-as-map": "a success",
}


def by_id(case_id: str) -> Case:
    return next(case for case in CASES if case.id == case_id)


def test_claims_and_mutants_agree() -> None:
    """Each mutant is claimed by a case, each claim names a mutant, and there are at least 15 of them."""
    assert {name for name, _ in CLAIMS} == set(MUTANTS)
    assert len(MUTANTS) >= 15
    assert set(NEVER_COMES) <= set(MUTANTS)


@pytest.fixture(scope="session")
def amqp_url(request: pytest.FixtureRequest) -> str:
    server: RabbitServer = request.getfixturevalue("rabbit_server")
    return f"amqp://guest:guest@127.0.0.1:{server.port}//"


def words_for(case: Case, request: pytest.FixtureRequest) -> list[str]:
    """The broker and the store a case applies to."""
    words = []
    if case.vary.get("broker", ("redis",)) == ("amqp",):
        words += ["--broker", request.getfixturevalue("amqp_url")]
    if case.vary.get("store", ("redis",)) == ("rpc",):
        words += ["--store", "rpc"]
    return words


def killed(judged: Judged, case: Case, mutant: str) -> None:
    """Raise AssertionError unless the case failed, of what the mutant does."""
    assert judged.exit_code == 1, judged.printed
    failed = [result for result in judged.of_case(case.id) if result["verdict"] in ("fail", "warn")]
    assert failed, judged.printed
    waited_only = [result for result in failed if result["card"]["actual"].startswith("nothing of the kind")]
    assert mutant in NEVER_COMES or len(waited_only) < len(failed), f"only timed out: {failed[0]['card']}"


@pytest.mark.parametrize(("mutant", "case_id"), CLAIMS, ids=lambda value: value)
def test_mutant_is_killed(mutant: str, case_id: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The case that claims a mutant fails of it."""
    case = by_id(case_id)
    environment = {"PYTHONPATH": search_path("mutated"), "MUTANT": mutant}
    folder = copy_adapter("celery-wire", tmp_path / "mutant", environment)
    words = ["-k", case_id, "--strict", "--seed", "1", "--patience", "0.3", *words_for(case, request)]
    words += ["--thorough"] if case.thorough else []
    killed(judge(folder, tmp_path / "report", *words), case, mutant)
