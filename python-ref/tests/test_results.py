"""How result documents are written and read."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery_wire import Client, OptionInvalidError, ResultTimeoutError, TaskFailedError
from celery_wire.actions import Store
from celery_wire.brokers.kombu_names import Connection, Exchange, Queue
from celery_wire.client import Handle
from celery_wire.errors import NoResultStoreError, ResultUnreadableError
from celery_wire.stores import NoStore, RedisStore, RpcStore, open_store
from celery_wire.stores.base import read_document

from .brokers import AmqpBroker, Broker
from .relay import Relay
from .servers import RedisServer, until

FAILURE = {"exc_type": "ValueError", "exc_message": ["x"], "exc_module": "builtins"}


def stored(task_id: str, status: str = "SUCCESS", result: Any = 1, **more: Any) -> Store:
    document = {"status": status, "result": result, "traceback": None, "children": [], "date_done": None, **more}
    return Store(task_id, document, json.dumps({**document, "task_id": task_id}))


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    made = RedisStore(redis_server.url, expires=100)
    yield made
    made.close()


@pytest.fixture
def task_id() -> str:
    return str(uuid.uuid4())


def test_key_life_time_and_announcement(redis_server: RedisServer, store: RedisStore, task_id: str) -> None:
    """A document stands in celery-task-meta-<id> for the given time and is announced on the channel of that name."""
    key = f"celery-task-meta-{task_id}"
    with redis_server.client() as client, client.pubsub() as listener:
        listener.subscribe(key)
        action = stored(task_id)
        store.store(action)
        assert client.get(key) == action.body
        assert 90 < client.ttl(key) <= 100
        messages = [listener.get_message(timeout=5) for _ in range(2)]
    assert messages[1] is not None
    assert messages[1]["data"] == action.body


def test_results_for_ever(redis_server: RedisServer, task_id: str) -> None:
    """A life time of 0 stores without an expiry."""
    store = RedisStore(redis_server.url, expires=0)
    store.store(stored(task_id))
    with redis_server.client() as client:
        assert client.ttl(f"celery-task-meta-{task_id}") == -1
    store.close()


def test_success_is_final(store: RedisStore, task_id: str) -> None:
    """A SUCCESS is never overwritten; a FAILURE is, by a SUCCESS."""
    store.store(stored(task_id, "FAILURE", FAILURE))
    store.store(stored(task_id, result="first"))
    store.store(stored(task_id, result="second"))
    store.store(stored(task_id, "FAILURE", FAILURE))
    document = store.read(task_id)
    assert document is not None
    assert (document.status, document.result) == ("SUCCESS", "first")


def test_what_is_no_document_is_overwritten(redis_server: RedisServer, store: RedisStore, task_id: str) -> None:
    """A key that holds no document does not keep a worker from storing one, and a reader says what is wrong."""
    with redis_server.client() as client:
        client.set(f"celery-task-meta-{task_id}", "{broken")
    with pytest.raises(ResultUnreadableError, match="expected a result document"):
        store.read(task_id)
    store.store(stored(task_id))
    assert store.wait(task_id, 1) is not None


def test_subscribes_before_it_reads(redis_server: RedisServer, store: RedisStore, task_id: str) -> None:
    """A reader subscribes, then reads the key: a result that is stored in between is announced to it."""
    key = f"celery-task-meta-{task_id}"
    commands: list[str] = []
    with redis_server.client() as client, client.monitor() as monitor:
        waiting = threading.Thread(target=store.wait, args=(task_id, 20))
        waiting.start()
        for seen in monitor.listen():
            if key in seen["command"]:
                commands.append(seen["command"].split()[0])
            if "GET" in commands:
                break
        store.store(stored(task_id))
        waiting.join()
    assert commands[:2] == ["SUBSCRIBE", "GET"]


def test_waits_through_states(store: RedisStore, task_id: str) -> None:
    """A reader that waits is not woken for good by a state that is not final."""
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(store.wait(task_id, 20)))
    waiting.start()
    for status in ("STARTED", "HALF", "RETRY"):
        store.store(stored(task_id, status, None))
    assert store.wait(task_id, 0.2).status == "RETRY"  # type: ignore[union-attr]  # there is one
    assert not found
    store.store(stored(task_id))
    waiting.join()
    assert found[0].status == "SUCCESS"


def test_stored_without_an_announcement(redis_server: RedisServer, store: RedisStore, task_id: str) -> None:
    """A reader that waits finds a result that was stored and never announced."""
    key = f"celery-task-meta-{task_id}"
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(store.wait(task_id, 20)))
    with redis_server.client() as client, client.monitor() as monitor:
        waiting.start()
        next(seen for seen in monitor.listen() if seen["command"] == f"GET {key}")
        client.set(key, stored(task_id).body)
    waiting.join()
    assert found[0].status == "SUCCESS"


def test_many_readers(store: RedisStore) -> None:
    """Readers in many threads each get their own result, none of them is missed."""
    ids = [str(uuid.uuid4()) for _ in range(50)]
    found: dict[str, Any] = {}
    threads = [threading.Thread(target=lambda one=one: found.update({one: store.wait(one, 20)})) for one in ids]
    for thread in threads:
        thread.start()
    for one in ids:
        store.store(stored(one, result=one))
    for thread in threads:
        thread.join()
    assert {one: document.result for one, document in found.items()} == {one: one for one in ids}


def test_reader_survives_a_cut(redis_server: RedisServer, store: RedisStore, task_id: str) -> None:
    """A reader whose connection is cut subscribes again and finds what was stored meanwhile."""
    relay = Relay(redis_server.port)
    reader = RedisStore(f"redis://127.0.0.1:{relay.port}/0")
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(reader.wait(task_id, 20)))
    waiting.start()
    with redis_server.client() as client:
        until(lambda: client.pubsub_numsub(f"celery-task-meta-{task_id}")[0][1] == 1)
    relay.cut()
    store.store(stored(task_id))
    waiting.join()
    assert found[0].result == 1
    reader.close()
    relay.close()


def test_timeout(store: RedisStore, task_id: str) -> None:
    """A result that does not come in time is a ResultTimeoutError that names the last state."""
    store.store(stored(task_id, "STARTED", None))
    start = time.monotonic()
    with pytest.raises(ResultTimeoutError, match="last state STARTED"):
        Handle(task_id, store).get(0.2)
    assert 0.2 <= time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (FAILURE, ("ValueError", ["x"], "builtins")),
        ({"exc_type": "E", "exc_message": "one"}, ("E", ["one"], None)),
        ({"exc_type": "E"}, ("E", [], None)),
        ({"exc_type": "system", "exc_module": "os", "exc_message": ["rm"]}, ("system", ["rm"], "os")),
        (None, ("Unknown", [], None)),
    ],
)
@pytest.mark.parametrize("status", ["FAILURE", "REVOKED"])
def test_failures_are_raised_as_data(store: RedisStore, task_id: str, status: str, form: Any, shown: Any) -> None:
    """A failed or revoked task raises TaskFailedError with the exception's parts; no class is ever looked up."""
    store.store(stored(task_id, status, form))
    with pytest.raises(TaskFailedError) as caught:
        Handle(task_id, store).get(5)
    assert (caught.value.type, caught.value.message, caught.value.module) == shown
    assert caught.value.state == status


def test_no_store() -> None:
    """Without a result store, waiting for a result is an error that says so."""
    with pytest.raises(NoResultStoreError):
        Handle("i", NoStore()).get(1)


def test_unknown_store() -> None:
    """A URL of an unknown kind names those that are known."""
    with pytest.raises(OptionInvalidError, match="redis://"):
        open_store("memcached://x", "redis://x")


def test_unreadable_documents() -> None:
    """What is no result document is refused with a reason."""
    for text in ("5", "{}", '{"status": "FAILURE", "result": 5}', '{"status": 1, "result": 1}', b"\xff"):
        with pytest.raises(ResultUnreadableError):
            read_document(text)


def test_rpc_without_a_caller(broker: Broker) -> None:
    """A document whose request named no reply queue is sent nowhere, which is no error."""
    sender = RpcStore(broker.url)
    sender.store(stored("i"))
    sender.close()


def test_rpc_by_correlation_id(broker: Broker, task_id: str) -> None:
    """A result message finds its task by the correlation id, or by the document's task_id without one."""
    reader = RpcStore(broker.url)
    reader.prepare()
    action = stored(task_id)
    with Connection(broker.url) as connection:
        for properties in ({}, {"correlation_id": f"other-{task_id}"}):
            connection.Producer().publish(
                action.body, exchange="", routing_key=reader.reply_to, content_type="application/json",
                content_encoding="utf-8", **properties,
            )  # fmt: skip
    for one in (task_id, f"other-{task_id}"):
        assert reader.wait(one, 20) is not None
    reader.close()


def test_rpc_reader_survives_a_cut(broker: Broker, task_id: str) -> None:
    """A reader of result messages opens its queue again after its connection was cut."""
    relay = Relay(broker.port)
    reader = RpcStore(broker.through(relay.port))
    reader.prepare()
    before = relay.accepted
    relay.cut()
    until(lambda: relay.accepted > before)
    writer = RpcStore(broker.url)

    def arrives() -> bool:
        action = stored(task_id)
        writer.store(Store(action.task_id, action.document, action.body, reader.reply_to, task_id))
        return reader.wait(task_id, 0.2) is not None

    until(arrives)
    for end in (reader, writer):
        end.close()
    relay.close()


@pytest.mark.rabbitmq
def test_reply_queue_is_celerys(amqp_url: str) -> None:
    """The reply queue has the durability, auto-delete and expiry of Celery's: RabbitMQ takes that declaration too."""
    reader = RpcStore(amqp_url)
    reader.prepare()
    with Connection(amqp_url) as connection:
        same = Queue(reader.reply_to, Exchange(None), reader.reply_to, durable=True, auto_delete=True, expires=86400)
        same(connection.default_channel).declare()
        other = Queue(reader.reply_to, durable=True, auto_delete=True, expires=86399)
        with pytest.raises(Exception, match="PRECONDITION_FAILED"):
            other(connection.default_channel).declare()
    reader.close()


@pytest.mark.rabbitmq
def test_result_message(amqp_url: str, queue: str) -> None:
    """A result message is not persistent, goes through the default exchange, and carries the correlation id."""
    with Connection(amqp_url) as connection:
        channel = connection.default_channel
        channel.queue_declare(queue, durable=False, auto_delete=False)
        sender = RpcStore(amqp_url)
        action = stored("i")
        sender.store(Store("i", action.document, action.body, queue, "c"))
        sender.close()
        found: list[Any] = []

        def arrived() -> bool:
            found[:] = [channel.basic_get(queue, no_ack=True)]
            return found[0] is not None

        until(arrived)
        channel.queue_delete(queue)
    [message] = found
    assert message.body == action.body
    assert (message.delivery_info["exchange"], message.delivery_info["routing_key"]) == ("", queue)
    properties = {key: message.properties.get(key) for key in ("correlation_id", "delivery_mode", "content_type")}
    assert properties == {"correlation_id": "c", "delivery_mode": 1, "content_type": "application/json"}


def test_client_declares_before_it_sends(broker: Broker, queue: str) -> None:
    """The reply queue exists when the message that names it is sent."""
    with Client(broker.url, "rpc://", default_queue=queue) as client:
        client.send("t")
        if isinstance(broker, AmqpBroker):
            assert broker.waiting(client._store.reply_to) == 0
        assert client._store._listening.is_set()  # type: ignore[attr-defined]  # an RpcStore


def test_redis_gone(own_redis: RedisServer) -> None:
    """Reading from a Redis that is gone is an error, not a wait without end."""
    store = RedisStore(own_redis.url)
    own_redis.stop()
    with pytest.raises(redis.ConnectionError):
        store.read("i")
    own_redis.start()
