"""A running worker against real brokers: acknowledgement, holding, giving back, surviving."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery_wire import Client, OptionInvalidError, Policy, Reject, TaskContext, TaskFailedError, Worker

from .brokers import Broker, RedisBroker
from .relay import Relay
from .servers import RedisServer, until


class Gate:
    """A task that tells when it runs, and waits until it may end."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.runs: list[Any] = []

    def __call__(self, name: str = "") -> str:
        self.runs.append(name)
        self.started.release()
        assert self.may_end.wait(20)
        return name

    def open_after(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.started.acquire(timeout=20)
        self.may_end.set()


@contextmanager
def working(broker: Broker, queue: str, tasks: dict[str, Callable[..., Any]], **options: Any) -> Iterator[Worker]:
    """A worker that consumes the queue while the block runs."""
    url = options.pop("url", broker.url)
    worker = Worker(url, options.pop("results", broker.results), queues=[queue], **{"concurrency": 1, **options})
    for name, function in tasks.items():
        worker.register(name, function)
    worker.start()
    assert worker.wait_until_ready(20)
    try:
        yield worker
    finally:
        worker.stop()


@pytest.fixture
def client(broker: Broker, queue: str) -> Iterator[Client]:
    with Client(broker.url, broker.results, default_queue=queue) as made:
        yield made


def test_a_call_and_its_value(broker: Broker, queue: str, client: Client) -> None:
    """A task sent by name runs, and its value comes back."""
    with working(broker, queue, {"add": lambda x, y: x + y}):
        assert client.send("add", [1], {"y": 2}).get(20) == 3


def test_a_failure_comes_back(broker: Broker, queue: str, client: Client) -> None:
    """What a task raised comes back as type, message, module and traceback."""

    def fail() -> None:
        raise ValueError("x", 1)

    with working(broker, queue, {"fail": fail}), pytest.raises(TaskFailedError) as caught:
        client.send("fail").get(20)
    error = caught.value
    assert (error.state, error.type, error.message, error.module) == ("FAILURE", "ValueError", ["x", 1], "builtins")
    assert "in fail" in str(error.traceback)


def test_an_unknown_task_comes_back(broker: Broker, queue: str, client: Client) -> None:
    """A call of an unknown task comes back as NotRegistered, and the worker goes on."""
    with working(broker, queue, {"echo": lambda value: value}):
        with pytest.raises(TaskFailedError, match="NotRegistered: nope"):
            client.send("nope").get(20)
        assert client.send("echo", [1]).get(20) == 1


def test_acknowledged_before_it_runs(redis_server: RedisServer, queue: str) -> None:
    """By default the message of a running task is acknowledged already."""
    broker, gate = RedisBroker(redis_server), Gate()
    with Client(broker.url, broker.results, default_queue=queue) as client, working(broker, queue, {"gate": gate}):
        handle = client.send("gate")
        assert gate.started.acquire(timeout=20)
        assert broker.unacknowledged() == 0
        gate.may_end.set()
        handle.get(20)


def test_acknowledged_late(redis_server: RedisServer, queue: str) -> None:
    """With acks_late the message of a running task is not acknowledged until its result is stored."""
    broker, gate = RedisBroker(redis_server), Gate()
    with (
        Client(broker.url, broker.results, default_queue=queue) as client,
        working(broker, queue, {"gate": gate}, policy=Policy(acks_late=True)),
    ):
        handle = client.send("gate")
        assert gate.started.acquire(timeout=20)
        assert broker.unacknowledged() == 1
        gate.may_end.set()
        handle.get(20)
        until(lambda: broker.unacknowledged() == 0)
    broker.close()


def test_prefetch(broker: Broker, queue: str, client: Client) -> None:
    """A worker takes concurrency times multiplier messages that are unacknowledged, and leaves the rest."""
    gate = Gate()
    with working(broker, queue, {"gate": gate}, prefetch_multiplier=2, policy=Policy(acks_late=True)):
        handles = [client.send("gate") for _ in range(5)]
        assert gate.started.acquire(timeout=20)
        until(lambda: broker.waiting(queue) == 3)
        gate.may_end.set()
        for handle in handles:
            handle.get(20)


def test_held_messages_do_not_count(broker: Broker, queue: str, client: Client) -> None:
    """Messages that wait for their time raise the prefetch, so that others still run."""
    with working(broker, queue, {"echo": lambda value: value}, prefetch_multiplier=1):
        held = [client.send("echo", ["late"], countdown=60) for _ in range(5)]
        assert client.send("echo", ["now"]).get(20) == "now"
        assert {handle.state() for handle in held} == {"PENDING"}
    until(lambda: broker.waiting(queue) == 5)


def test_held_until_its_time(broker: Broker, queue: str, client: Client) -> None:
    """A message with a countdown runs when it is due, not before."""
    with working(broker, queue, {"now": time.time}):
        sent = time.time()
        assert client.send("now", countdown=1).get(20) >= sent + 1


def test_expires_while_it_waits(broker: Broker, queue: str, client: Client) -> None:
    """A message that expires in the worker, behind a running task, is revoked and does not run."""
    gate = Gate()
    with working(broker, queue, {"gate": gate}):
        first = client.send("gate", ["first"])
        assert gate.started.acquire(timeout=20)
        second = client.send("gate", ["second"], expires=0.5)
        until(lambda: broker.waiting(queue) == 0)
        over = time.monotonic() + 0.6
        until(lambda: time.monotonic() > over)
        gate.may_end.set()
        assert first.get(20) == "first"
        with pytest.raises(TaskFailedError, match="TaskRevokedError: expired"):
            second.get(20)
    assert gate.runs == ["first"]


def test_retry(broker: Broker, queue: str, client: Client) -> None:
    """A retried task runs again under its id with one retry more."""

    def again(context: TaskContext) -> int:
        if context.retries < 2:
            raise context.retry(countdown=0)
        return context.retries

    with working(broker, queue, {}) as worker:
        worker.register("again", again, bound=True)
        assert client.send("again").get(20) == 2


def test_reject_with_requeue(broker: Broker, queue: str, client: Client) -> None:
    """A message rejected with requeueing is delivered again, marked as redelivered."""
    seen: list[bool] = []

    def reject(context: TaskContext) -> int:
        seen.append(context.request.delivery.redelivered)
        if len(seen) < 2:
            raise Reject("again", requeue=True)
        return len(seen)

    with working(broker, queue, {}, policy=Policy(acks_late=True)) as worker:
        worker.register("reject", reject, bound=True)
        assert client.send("reject").get(20) == 2
    assert seen == [False, True]


def test_states_of_a_task(redis_server: RedisServer, queue: str) -> None:
    """STARTED, a state of the task's own and the value are stored one after the other, each announced."""
    broker = RedisBroker(redis_server)

    def progress(context: TaskContext) -> str:
        context.update_state("HALF", {"done": 1})
        return "done"

    publisher: Any = broker._client
    with publisher.pubsub() as listener:
        listener.psubscribe("celery-task-meta-states-*")
        with working(broker, queue, {}, policy=Policy(track_started=True)) as worker:
            worker.register("progress", progress, bound=True)
            with Client(broker.url, broker.results, default_queue=queue) as client:
                client.send("progress", task_id=f"states-{queue}").get(20)
        announced = [
            m["data"] for m in iter(lambda: listener.get_message(timeout=0.2), None) if m["type"] == "pmessage"
        ]
    assert [json.loads(text)["status"] for text in announced] == ["STARTED", "HALF", "SUCCESS"]


def test_children(broker: Broker, queue: str, client: Client) -> None:
    """A task that a task sends has it as parent, and stands among its children."""

    def parent(context: TaskContext) -> str:
        return context.send("child", queue=queue)

    def child(context: TaskContext) -> list[Any]:
        return [context.request.header("parent_id"), context.request.header("root_id")]

    with working(broker, queue, {}) as worker:
        worker.register("parent", parent, bound=True)
        worker.register("child", child, bound=True)
        handle = client.send("parent")
        child_id = handle.get(20)
        document = handle.document()
        assert document is not None
        assert document.children == [((child_id, None), None)]
        if isinstance(broker, RedisBroker):
            assert client.handle(child_id).get(20) == [handle.task_id, handle.task_id]


BROKEN_ITEMS: dict[str, bytes] = {
    "no-json": b"not json",
    "no-text": b"\xff\xfe",
    "array": b"[]",
    "number": b"5",
    "null": b"null",
    "empty": b"{}",
    "deep": b"[" * 100_000,
    "unknown-tag": b'{"properties": {"__type__": "?", "__value__": 1}}',
    "no-delivery-tag": b'{"body": "", "properties": {"delivery_info": {"exchange": "", "routing_key": "q"}}}',
    "tag-object": b'{"properties": {"delivery_tag": {}, "delivery_info": {"exchange": "", "routing_key": "q"}}}',
    "no-delivery-info": b'{"body": "", "properties": {"delivery_tag": "d"}}',
    "no-exchange": b'{"body": "", "properties": {"delivery_tag": "d", "delivery_info": {"routing_key": "q"}}}',
    "unknown-encoding": b'{"body": "x", "properties": {"body_encoding": "rot13", '
    b'"delivery_tag": "d3", "delivery_info": {"exchange": "", "routing_key": "q"}}}',
    "no-base64": b'{"body": "\\u00e9", "properties": {"body_encoding": "base64", '
    b'"delivery_tag": "d4", "delivery_info": {"exchange": "", "routing_key": "q"}}}',
    "body-missing": b'{"headers": {"task": "echo", "id": "i"}, "properties": '
    b'{"delivery_tag": "d1", "delivery_info": {"exchange": "", "routing_key": "q"}}}',
    "headers-list": b'{"body": "W10=", "headers": [1], "properties": {"body_encoding": "base64", '
    b'"delivery_tag": "d2", "delivery_info": {"exchange": "", "routing_key": "q"}}}',
}


def test_broken_envelopes(redis_server: RedisServer, queue: str) -> None:
    """A list item that is no message does not keep the worker from running the next task, and is gone."""
    broker = RedisBroker(redis_server)
    with (
        working(broker, queue, {"echo": lambda value: value}),
        Client(broker.url, broker.results, default_queue=queue) as client,
    ):
        for fault, item in BROKEN_ITEMS.items():
            broker._client.lpush(queue, item)
            assert client.send("echo", [fault]).get(20) == fault
            until(lambda: broker.waiting(queue) == broker.unacknowledged() == 0)
    broker.close()


def test_unreadable_copy(redis_server: RedisServer, queue: str) -> None:
    """A copy of an unacknowledged message that cannot be read keeps no worker from starting, no other from coming."""
    broker = RedisBroker(redis_server)
    with Client(broker.url, broker.results, default_queue=queue) as client:
        handle = client.send("echo", [1])
        item = broker._client.lpop(queue)
        broker._client.hset("unacked", mapping={"bad": "5", "good": json.dumps([json.loads(str(item)), "", queue])})
        broker._client.zadd("unacked_index", {"bad": 2, "good": 1})
        with working(broker, queue, {"echo": lambda value: value}):
            assert handle.get(20) == 1
    broker._client.hdel("unacked", "bad")
    broker._client.zrem("unacked_index", "bad")
    broker.close()


def test_longer_than_the_visibility_timeout(redis_server: RedisServer, queue: str) -> None:
    """A worker does not give itself a message again whose task takes longer than the visibility timeout."""
    broker, runs = RedisBroker(redis_server), list[float]()

    def slow() -> None:
        runs.append(time.monotonic())
        until(lambda: time.monotonic() > runs[0] + 2.5)

    late = Policy(acks_late=True)
    with (
        Client(broker.url, broker.results, default_queue=queue) as client,
        working(broker, queue, {"slow": slow, "echo": lambda value: value}, policy=late, visibility_timeout=1),
    ):
        client.send("slow").get(20)
        assert client.send("echo", ["after"]).get(20) == "after"
    assert len(runs) == 1
    broker.close()


def test_broken_compression(broker: Broker, queue: str, client: Client) -> None:
    """A body that cannot be decompressed is rejected, and the next task runs."""
    with working(broker, queue, {"echo": lambda value: value}):
        client.send("echo", [1], headers={"compression": "application/x-gzip"})
        assert client.send("echo", [2]).get(20) == 2
        until(lambda: broker.waiting(queue) == 0)


def test_connection_cut(broker: Broker, queue: str, client: Client) -> None:
    """A worker whose connection is cut connects again and goes on, also with a task that runs meanwhile."""
    relay, gate = Relay(broker.port), Gate()
    with working(broker, queue, {"gate": gate, "echo": lambda value: value}, url=broker.through(relay.port)):
        running = client.send("gate", ["running"])
        assert gate.started.acquire(timeout=20)
        before = relay.accepted
        relay.cut()
        until(lambda: relay.accepted > before)
        gate.may_end.set()
        assert running.get(20) == "running"
        assert client.send("echo", ["after"]).get(20) == "after"
    relay.close()


def test_broker_away(broker: Broker, queue: str, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """A worker whose broker refuses connections for a while tries until it is back, then goes on."""
    relay = Relay(broker.port)
    caplog.set_level("WARNING", "celery_wire")
    with working(broker, queue, {"echo": lambda value: value}, url=broker.through(relay.port)) as worker:
        assert client.send("echo", [1]).get(20) == 1
        relay.close()
        until(lambda: "broker not reached, next try in 0.2 s" in caplog.text)
        relay.resume()
        assert worker.wait_until_ready(20)
        assert client.send("echo", [2]).get(20) == 2
    relay.close()


def test_held_messages_survive_a_cut(broker: Broker, queue: str, client: Client) -> None:
    """A message that waits for its time runs once, although the connection is cut meanwhile."""
    relay, runs = Relay(broker.port), list[str]()
    with working(broker, queue, {"note": runs.append}, url=broker.through(relay.port)):
        handle = client.send("note", ["x"], countdown=1.5)
        until(lambda: broker.waiting(queue) == 0)
        before = relay.accepted
        relay.cut()
        until(lambda: relay.accepted > before)
        handle.get(20)
    assert runs == ["x"]
    relay.close()


def test_broker_restarted(own_redis: RedisServer, queue: str) -> None:
    """A worker outlives its broker: it goes on when that is back."""
    broker = RedisBroker(own_redis)
    with working(broker, queue, {"echo": lambda value: value}):
        own_redis.stop()
        own_redis.start()
        with Client(broker.url, broker.results, default_queue=queue) as client:
            assert client.send("echo", [1]).get(20) == 1


def test_stopping_finishes_and_gives_back(broker: Broker, queue: str, client: Client) -> None:
    """A stopping worker finishes what runs, and gives back what is reserved and what waits for its time."""
    gate = Gate()
    with working(broker, queue, {"gate": gate}):
        running = client.send("gate", ["running"])
        assert gate.started.acquire(timeout=20)
        reserved = client.send("gate", ["reserved"])
        client.send("gate", ["scheduled"], countdown=3600)
        until(lambda: broker.waiting(queue) == 0)
        threading.Timer(0.3, gate.may_end.set).start()
    assert running.get(20) == "running"
    assert gate.runs == ["running"]
    until(lambda: broker.waiting(queue) == 2)
    with working(broker, queue, {"gate": gate}):
        assert reserved.get(20) == "reserved"


def test_stop_without_start(redis_server: RedisServer) -> None:
    """A worker that was never started can be stopped."""
    Worker(redis_server.url).stop()


@pytest.mark.parametrize("option", ["concurrency", "prefetch_multiplier"])
def test_options_out_of_range(option: str) -> None:
    """A worker without a slot, or that may hold nothing, is refused, and the error says what was expected."""
    values: dict[str, Any] = {option: 0}
    with pytest.raises(OptionInvalidError, match=f"{option}: expected 1 or more, got 0"):
        Worker("memory://", **values)
