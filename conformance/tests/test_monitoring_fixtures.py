"""Events, remote control and schedules: Celery still is as their fixtures and schemas say, and none is left out."""

from __future__ import annotations

import json

import pytest
from celery.events.state import TASK_EVENT_TO_STATE
from celery.worker.control import Panel
from celery_conformance.fixtures import Fixture, load
from celery_conformance.fixtures.monitoring import due, recipes
from celery_conformance.schemas import documents

_FIXTURES = load()
_SCHEDULES = [fixture for fixture in _FIXTURES if fixture.surface == "schedule"]


def _methods() -> set[str]:
    bodies = [fixture.decoded["body"] for fixture in _FIXTURES if fixture.surface == "control" and fixture.valid]
    return {body["method"] for body in bodies}


@pytest.mark.parametrize("fixture", [one for one in _SCHEDULES if one.valid], ids=lambda fixture: fixture.name)
def test_celery_is_due_when_the_example_says(fixture: Fixture) -> None:
    """Asked for the next moments of a schedule, Celery names those of the fixture, to the second."""
    if fixture.decoded["entry"]["schedule"]["type"] == "solar":
        pytest.importorskip("ephem")
    assert due.agrees(fixture.decoded)


def test_another_moment_is_not_the_one() -> None:
    """The comparison fails where an example is off by a minute."""
    example = json.loads(json.dumps(next(one for one in _SCHEDULES if one.name == "schedule/crontab-daily").decoded))
    example["due"][0] = example["due"][0].replace("04:00", "04:01")
    assert not due.agrees(example)


def test_every_command_of_celery_has_a_fixture() -> None:
    """Whatever Celery's worker has a handler for, under each of its names, some valid command asks for."""
    assert set(Panel.data) - _methods() == set()


def test_every_command_with_arguments_has_a_schema_for_them() -> None:
    """The definitions of arguments are those of commands that Celery has."""
    assert set(documents()["control-arguments"]["$defs"]) <= set(Panel.data)


def test_every_answer_has_a_schema() -> None:
    """Each command whose answer is captured names a schema that exists, or none because it is a text or null."""
    named = {name for name in recipes.REPLY_SCHEMAS.values() if name} | {"ok"}
    assert {f"control-reply-{name}" for name in named} <= set(documents())


def test_every_task_event_of_celery_has_a_schema() -> None:
    """Each type that Celery's monitor knows by name has a schema of its own, and a captured event."""
    kinds = (
        {f"task-{name}" for name in TASK_EVENT_TO_STATE} if "sent" in TASK_EVENT_TO_STATE else set(TASK_EVENT_TO_STATE)
    )
    captured = {fixture.name.partition("/")[2] for fixture in _FIXTURES if fixture.surface == "event"}
    assert {f"event-{kind}" for kind in kinds} <= set(documents())
    assert kinds <= captured
