"""Real servers for the tests: a private Redis and a private RabbitMQ node, started here and ended with the tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery_conformance.brokers.rabbitmq import start_rabbitmq
from celery_conformance.errors import BrokerError

from .brokers import AmqpBroker, Broker, RedisBroker
from .servers import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis shared by all tests; tests keep apart by queues and ids."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test, which may stop it."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def amqp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a RabbitMQ whose virtual host belongs to the tests: CELERY_WIRE_TEST_AMQP_URL, or one of their own."""
    named = os.environ.get("CELERY_WIRE_TEST_AMQP_URL")
    if named:
        yield named
        return
    try:
        server = start_rabbitmq(tmp_path_factory.mktemp("rabbitmq"))
    except BrokerError as error:
        pytest.skip(error.cause)
    yield f"amqp://guest:guest@127.0.0.1:{server.port}//"
    server.stop()


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["redis", pytest.param("amqp", marks=pytest.mark.rabbitmq)])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Each broker in turn."""
    made: Broker
    if request.param == "redis":
        made = RedisBroker(request.getfixturevalue("redis_server"))
    else:
        made = AmqpBroker(request.getfixturevalue("amqp_url"))
    yield made
    made.close()
