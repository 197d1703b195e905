"""Celery on the other side: its worker runs what the client sends, its client reads what the worker stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery, chain
from celery.contrib.testing.worker import start_worker
from celery.exceptions import NotRegistered
from celery_wire import Client, Policy, ResultTimeoutError, TaskContext, TaskFailedError, Worker
from celery_wire.policy import Sender

from .brokers import Broker

VALUES = [None, True, 1, 1.5, "grüße", [1, [2]], {"a": {"b": 1}}, datetime(2026, 1, 2, tzinfo=UTC), b"\xff"]


def _celery(broker: Broker, queue: str) -> Any:
    app = Celery(broker=broker.url, backend=broker.results, set_as_current=False)
    app.conf.update(task_default_queue=queue, worker_enable_remote_control=False)
    return app


@contextmanager
def _celery_worker(broker: Broker, queue: str) -> Iterator[None]:
    app = _celery(broker, queue)

    def echo(value: Any) -> Any:
        return value

    def fail(message: str) -> None:
        raise ValueError(message, 1)

    def again(self: Any) -> int:
        if self.request.retries < 2:
            raise self.retry(countdown=0)
        return int(self.request.retries)

    for function in (echo, fail, again):
        app.task(name=function.__name__, bind=function is again, shared=False)(function)
    with start_worker(app, perform_ping_check=False, pool="solo"):
        yield


@contextmanager
def _own_worker(broker: Broker, queue: str) -> Iterator[None]:
    policy = Policy(sender=Sender(default_queue=queue))
    worker = Worker(broker.url, broker.results, queues=[queue], concurrency=2, policy=policy)

    @worker.task("echo")
    def echo(value: Any) -> Any:
        return value

    @worker.task("fail")
    def fail(message: str) -> None:
        raise ValueError(message, 1)

    @worker.task("again", bound=True)
    def again(context: TaskContext) -> int:
        if context.retries < 2:
            raise context.retry(countdown=0)
        return context.retries

    @worker.task("add")
    def add(x: int, y: int) -> int:
        return x + y

    worker.start()
    assert worker.wait_until_ready(20)
    try:
        yield
    finally:
        worker.stop()


def test_celerys_worker_runs_what_is_sent(broker: Broker, queue: str) -> None:
    """Celery's worker runs the client's tasks, and the client reads what it stored: values, failures, retries."""
    with _celery_worker(broker, queue), Client(broker.url, broker.results, default_queue=queue) as client:
        for value in VALUES:
            assert client.send("echo", [value]).get(20) == value
        with pytest.raises(TaskFailedError) as caught:
            client.send("fail", ["x"]).get(20)
        assert (caught.value.type, caught.value.message) == ("ValueError", ["x", 1])
        assert client.send("again").get(20) == 2
        with pytest.raises(TaskFailedError, match=r"celery\.exceptions\.NotRegistered"):
            client.send("nope").get(20)
        with pytest.raises(ResultTimeoutError):
            client.send("echo", [1], ignore_result=True).get(0.5)


def test_celerys_client_reads_what_is_stored(broker: Broker, queue: str) -> None:
    """The worker runs the tasks of Celery's client, which reads what it stored: values, failures, retries, chains."""
    app = _celery(broker, queue)
    with _own_worker(broker, queue):
        for value in VALUES:
            assert app.send_task("echo", [value]).get(timeout=20) == value
        with pytest.raises(ValueError, match="x"):
            app.send_task("fail", ["x"]).get(timeout=20)
        assert app.send_task("again").get(timeout=20) == 2
        with pytest.raises(NotRegistered):
            app.send_task("nope").get(timeout=20)
        assert app.send_task("echo", [1], countdown=0.5).get(timeout=20) == 1
        steps = [app.signature("add", (1, 2)), app.signature("add", (4,)), app.signature("add", (8,))]
        if broker.results != "rpc://":
            assert chain(*steps, app=app).apply_async().get(timeout=20) == 15
    app.close()
