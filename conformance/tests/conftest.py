"""What the tests of the suite share: real servers, started once and ended with the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery_conformance.brokers.rabbitmq import RabbitServer, find_server, start_rabbitmq
from celery_conformance.brokers.redis_server import RedisServer, start_redis
from celery_conformance.cases import load as case_files
from celery_conformance.commands import run as run_command
from celery_conformance.errors import BrokerError

from .command import CASES, Ran, call


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what servers write, gone with the session."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def redis_server(data_folder: Path) -> Iterator[RedisServer]:
    """The embedded Redis; tests keep apart by databases, keys and queues."""
    folder = data_folder / "redis"
    folder.mkdir()
    server = start_redis(folder)
    yield server
    server.stop()


@pytest.fixture
def rabbit_binary() -> None:
    """For tests whose runs start a RabbitMQ of their own; they are marked ``rabbitmq``."""
    try:
        find_server()
    except BrokerError as error:
        pytest.skip(error.cause)


@pytest.fixture(scope="session")
def rabbit_server(data_folder: Path) -> Iterator[RabbitServer]:
    """A private RabbitMQ node; a test that uses it is marked ``rabbitmq``."""
    folder = data_folder / "rabbitmq"
    folder.mkdir()
    try:
        server = start_rabbitmq(folder)
    except BrokerError as error:
        pytest.skip(error.cause)
    yield server
    server.stop()


@pytest.fixture
def celery_wire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """The command, in this process, on a handful of cases; after each call nothing of it may be left."""
    monkeypatch.setattr(run_command, "load_cases", lambda: case_files.load(CASES))
    return lambda *words: call(words, tmp_path / "temporary", monkeypatch, capsys)
