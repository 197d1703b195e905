"""A workflow that the client sends is on the wire what Celery's client makes of the same workflow.

Messages come in the same order, with the same ids, places, chains and bodies; a chord has the same size and, where it
is stored, the same group. Only ids that are chosen at random, the sending process and the reply queue may differ.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from celery import Celery
from celery_wire import Client
from celery_wire.brokers.kombu_names import Connection

from .canvases import SHAPES, Makers, celerys, own, plain, renamed
from .servers import RedisServer

FREE_HEADERS = ("origin",)
FREE_PROPERTIES = ("reply_to", "delivery_tag", "body_encoding", "delivery_info")
GROUPS = "celery-taskset-meta-*"


def _neutral(headers: Any, properties: Any, body: Any, reply_to: str) -> dict[str, Any]:
    text = json.dumps(plain(body)).replace(reply_to, "the caller")
    return {
        "headers": {name: value for name, value in headers.items() if name not in FREE_HEADERS},
        "properties": {name: value for name, value in properties.items() if name not in FREE_PROPERTIES},
        "body": json.loads(text),
    }


def _from_redis(client: Any, queue: str) -> list[dict[str, Any]]:
    messages = []
    for item in reversed(client.lrange(queue, 0, -1)):
        envelope = json.loads(item)
        properties = envelope["properties"]
        body = json.loads(base64.b64decode(envelope["body"]))
        messages.append(_neutral(envelope["headers"], properties, body, properties["reply_to"] or "nobody"))
    client.delete(queue)
    return messages


def _join_keys(client: Any) -> dict[str, Any]:
    """Sizes and stored groups; the keys are taken away."""
    found = {key: client.get(key) for key in client.keys(GROUPS)}
    if found:
        client.delete(*found)
    return {key: json.loads(value) for key, value in found.items()}


def _send_celerys(url: str, results: str, queue: str, name: str) -> None:
    app = Celery(broker=url, backend=results, set_as_current=False)
    app.conf.task_default_queue = queue
    app.conf.broker_transport_options = {"confirm_publish": True}  # what was sent is in the queue
    SHAPES[name](celerys(app)).apply_async()
    # A subscribed result that is collected later would try for twenty seconds to reach a server that has gone.
    app.backend.result_consumer.subscribed_to.clear()
    app.close()


def _send_own(url: str, results: str, queue: str, name: str) -> None:
    with Client(url, results, default_queue=queue) as client:
        client.apply(SHAPES[name](own()))


@pytest.mark.parametrize("name", SHAPES)
def test_on_redis(own_redis: RedisServer, queue: str, name: str) -> None:
    """Messages, sizes and stored groups of each shape are those of Celery."""
    seen = []
    with own_redis.client() as client:
        for send in (_send_celerys, _send_own):
            send(own_redis.url, own_redis.url, queue, name)
            seen.append(renamed([_from_redis(client, queue), _join_keys(client)]))
    theirs, ours = seen
    assert [message["headers"] for message in ours[0]] == [message["headers"] for message in theirs[0]]
    assert ours == theirs


@pytest.mark.rabbitmq
@pytest.mark.parametrize("name", ["chain", "group", "chord", "chord with a chain", "stamps"])
def test_on_amqp(amqp_url: str, own_redis: RedisServer, queue: str, name: str) -> None:
    """Messages of each shape are those of Celery on AMQP as well."""
    seen = []
    with Connection(amqp_url) as connection:
        channel = connection.default_channel
        for send in (_send_celerys, _send_own):
            send(amqp_url, own_redis.url, queue, name)
            messages = []
            while (got := channel.basic_get(queue, no_ack=True)) is not None:
                properties = dict(got.properties)
                headers = properties.pop("application_headers")
                messages.append(_neutral(headers, properties, json.loads(got.body), properties["reply_to"] or "nobody"))
            seen.append(renamed(messages))
        channel.queue_delete(queue)
    assert seen[1] == seen[0]


def test_the_shapes_are_different(own_redis: RedisServer) -> None:
    """The comparison is no comparison of nothing: each shape has messages of its own."""
    makers: Makers = own()
    texts = [json.dumps(shape(makers)) for shape in SHAPES.values()]
    assert len(set(texts)) == len(SHAPES)
