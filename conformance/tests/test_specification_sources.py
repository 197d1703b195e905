"""Evidence of the kind source names a place that is there."""

from __future__ import annotations

import pytest
from celery_conformance.specification import sources


@pytest.mark.parametrize(
    "place",
    [
        "celery/app/amqp.py:AMQP.as_task_v2",
        "celery/app/amqp.py:as_task_v2",
        "celery/states.py:READY_STATES",
        "kombu/transport/redis.py:QoS.append",
        "celery/worker/consumer/consumer.py:Consumer.create_task_handler",
        "celery/app/trace.py:build_tracer.trace_task",
    ],
)
def test_functions_classes_and_constants_are_found(place: str) -> None:
    """A place may be a method, a bare name, a nested function or a constant, of Celery or of Kombu."""
    assert sources.exists(place)


@pytest.mark.parametrize(
    "place",
    [
        "celery/app/amqp.py:AMQP.as_task_v3",
        "celery/app/amqp.py:Queues.as_task_v2",
        "celery/app/gone.py:AMQP",
        "no_such_package/app.py:AMQP",
        "celery/app/amqp.py:task_v2",
    ],
)
def test_what_is_not_there_is_not_found(place: str) -> None:
    """A wrong name, class, file or package, or the end of a name, is no evidence."""
    assert not sources.exists(place)
