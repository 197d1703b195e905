"""What the client emits is what Celery's producer emits for the same call.

Only the id of the sending process (`origin`), its reply queue (`reply_to`), the broker's name of the message
(`delivery_tag`) and the moment of sending may differ.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kombu.compression
import kombu.serialization
import pytest
from celery import Celery
from celery_wire import Client
from celery_wire.brokers.kombu_names import Connection
from celery_wire.models import EmittedEnvelope, EmittedTask

from . import schemas
from .servers import RedisServer

SIGNATURE = {
    "task": "t",
    "args": [1],
    "kwargs": {},
    "options": {"task_id": "s"},
    "subtask_type": None,
    "immutable": False,
}
LONG = "word " * 400
PLAIN = (1, "grüße", [1.5, None, True])

#: A call: args, kwargs, options.
CALLS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "plain": ((1, 2), {}, {}),
    "nothing": (None, None, {}),
    "list": ([1, "x"], {"a": None}, {}),
    "nested": (({"a": {"b": {"c": {"d": 1}}}},), {"l": [[[[1]]]]}, {}),
    "long": ((LONG,), {"k": LONG}, {}),
    "unicode": (("grüße", "\u2028", 1.5, True, None), {}, {}),
    "dialect": ((datetime(2026, 1, 2, tzinfo=UTC), b"a", b"\xff"), {}, {}),
    "countdown": ((1,), {}, {"countdown": 30}),
    "countdown-zero": ((1,), {}, {"countdown": 0}),
    "eta-aware": ((1,), {}, {"eta": datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC)}),
    "eta-naive": ((1,), {}, {"eta": datetime(2030, 1, 2, 3, 4, 5)}),
    "eta-text": ((1,), {}, {"eta": "2030-01-02T03:04:05Z"}),
    "countdown-and-eta": ((1,), {}, {"countdown": 5, "eta": "2030-01-02T03:04:05Z"}),
    "expires-seconds": ((1,), {}, {"expires": 60}),
    "expires-fraction": ((1,), {}, {"expires": 0.1239}),
    "expires-zero": ((1,), {}, {"expires": 0}),
    "expires-past": ((1,), {}, {"expires": -5}),
    "expires-moment": ((1,), {}, {"expires": datetime.now(UTC) + timedelta(hours=1)}),
    "expires-text": ((1,), {}, {"expires": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}),
    "priority": ((1,), {}, {"priority": 3}),
    "headers": ((1,), {}, {"headers": {"mine": {"a": 1}}}),
    "retries": ((1,), {}, {"retries": 2}),
    "limits": ((1,), {}, {"time_limit": 30, "soft_time_limit": 20}),
    "ignore": ((1,), {}, {"ignore_result": True}),
    "store": ((1,), {}, {"ignore_result": False}),
    "reply": ((1,), {}, {"reply_to": "someone"}),
    "group": ((1,), {}, {"group_id": "g", "group_index": 3}),
    "workflow": ((1,), {}, {"root_id": "r", "parent_id": "p"}),
    "shadow": ((1,), {}, {"shadow": "other"}),
    "link": ((1,), {}, {"link": SIGNATURE}),
    "links": ((1,), {}, {"link": [SIGNATURE, SIGNATURE], "link_error": [SIGNATURE]}),
    "chain": ((1,), {}, {"chain": [SIGNATURE]}),
    "chord": ((1,), {}, {"chord": SIGNATURE}),
    "yaml": (PLAIN, {"k": {"a": b"\xff"}}, {"serializer": "yaml", "link": [SIGNATURE]}),
    "msgpack": (PLAIN, {"k": {"a": b"\xff"}}, {"serializer": "msgpack", "chain": [SIGNATURE]}),
    "zlib": ((1, LONG), {}, {"compression": "zlib", "headers": {"mine": 1}}),
    "gzip": ((1, LONG), {}, {"compression": "gzip"}),
    "bzip2": ((1, LONG), {}, {"compression": "bzip2"}),
    "lzma": ((1, LONG), {}, {"compression": "lzma"}),
    "msgpack-compressed": ((1, LONG), {}, {"compression": "zlib", "serializer": "msgpack"}),
}

MOMENTS = ("eta", "expires")
SLACK = timedelta(seconds=5)


def _send_both(url: str, queue: str, call: str) -> None:
    args, kwargs, options = CALLS[call]
    options = {**options, "task_id": f"id-{call}", "queue": queue}
    app = Celery(broker=url, set_as_current=False)
    app.send_task("conf.echo", args, kwargs, **options)
    app.close()
    with Client(url) as client:
        client.send("conf.echo", args, kwargs, **options)


def _same(theirs: Any, ours: Any, moment: bool = False) -> bool:
    """Equal, or moments of the same form that lie as near as two calls in a row."""
    if not moment or theirs == ours:
        return bool(theirs == ours)
    both = datetime.fromisoformat(theirs), datetime.fromisoformat(ours)
    return len(theirs) == len(ours) and abs(both[1] - both[0]) < SLACK


def _compare(theirs: dict[str, Any], ours: dict[str, Any], free: set[str]) -> None:
    assert theirs.keys() == ours.keys()
    for key in theirs.keys() - free:
        assert _same(theirs[key], ours[key], key in MOMENTS), (key, theirs[key], ours[key])


def _compare_life_times(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    if "expiration" in theirs or "expiration" in ours:
        assert abs(int(theirs["expiration"]) - int(ours["expiration"])) < SLACK.total_seconds() * 1000


@pytest.mark.parametrize("call", CALLS)
def test_on_redis(redis_server: RedisServer, queue: str, call: str) -> None:
    """The envelope on the list, its key, headers, properties and body are those of Celery."""
    _send_both(redis_server.url, queue, call)
    with redis_server.client() as client:
        keys = [key for key in client.scan_iter(f"{queue}*") if client.type(key) == "list"]
        assert len(keys) == 1
        items = client.lrange(keys[0], 0, -1)
    ours, theirs = (json.loads(item) for item in items)
    EmittedEnvelope.model_validate(ours)
    assert schemas.judge("redis-envelope-emitted").is_valid(ours)
    for envelope in (ours, theirs):
        envelope["body"] = base64.b64decode(envelope["body"])
    _compare(theirs, ours, {"headers", "properties"})
    _compare(theirs["headers"], ours["headers"], {"origin"})
    _compare(theirs["properties"], ours["properties"], {"reply_to", "delivery_tag", "expiration"})
    _compare_life_times(theirs["properties"], ours["properties"])
    _check_neutral(ours)


@pytest.mark.rabbitmq
# A message without any life time is gone before it can be looked at.
@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"expires-zero", "expires-past"}))
def test_on_amqp(amqp_url: str, queue: str, call: str) -> None:
    """The basic properties, headers, routing and body are those of Celery."""
    _send_both(amqp_url, queue, call)
    with Connection(amqp_url) as connection:
        channel = connection.default_channel
        theirs, ours = channel.basic_get(queue, no_ack=True), channel.basic_get(queue, no_ack=True)
        channel.queue_delete(queue)
    assert theirs.body == ours.body
    for key in ("exchange", "routing_key"):
        assert theirs.delivery_info[key] == ours.delivery_info[key]
    _compare(theirs.properties, ours.properties, {"application_headers", "reply_to", "expiration"})
    _compare_life_times(theirs.properties, ours.properties)
    headers = theirs.properties["application_headers"], ours.properties["application_headers"]
    _compare(*headers, {"origin"})


@pytest.mark.parametrize("number", [1, 0.1, 59.287, 4294967.295, 12345.6789])
def test_life_time_is_not_rounded_on_the_way(redis_server: RedisServer, queue: str, number: float) -> None:
    """The expiration in milliseconds is exactly Celery's for the same number of seconds."""
    found: list[str] = []
    senders: list[Callable[..., object]] = [
        Celery(broker=redis_server.url, set_as_current=False).send_task,
        Client(redis_server.url).send,
    ]
    for send in senders:
        send("conf.echo", (1,), {}, expires=number, queue=queue)
    with redis_server.client() as client:
        found = [json.loads(item)["properties"]["expiration"] for item in client.lrange(queue, 0, -1)]
    assert found[0] == found[1]


def _check_neutral(envelope: dict[str, Any]) -> None:
    body, headers, content_type = envelope["body"], envelope["headers"], envelope["content-type"]
    if "compression" in headers:
        body = kombu.compression.decompress(body, headers["compression"])
    binding = {"body_encoding", "delivery_tag", "delivery_info"}
    message = {
        "content_type": content_type,
        "content_encoding": envelope["content-encoding"],
        "headers": headers,
        "properties": {key: value for key, value in envelope["properties"].items() if key not in binding},
        "body": json.loads(body) if content_type == "application/json" else _plain(body, envelope),
    }
    EmittedTask.model_validate(message)
    assert schemas.judge("task-v2-emitted").is_valid(message)


def _plain(body: bytes, envelope: dict[str, Any]) -> Any:
    kind = envelope["content-type"]
    return kombu.serialization.loads(body, kind, envelope["content-encoding"], accept={kind})
