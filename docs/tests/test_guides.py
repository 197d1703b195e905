"""The code in the guides does what it says: Celery's worker runs the client's task, the worker runs Celery's tasks."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError
from celery_conformance import fixtures, schemas
from celery_conformance.brokers.redis_server import RedisServer, start_redis
from redis import Redis

from .upstream_worker import SECONDS, watched

GUIDES = Path(__file__).resolve().parents[1] / "pages" / "guides"


def code(name: str, **values: object) -> str:
    """The Python of a guide in one piece, with a value for each name that it leaves open."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (GUIDES / name).read_text(), re.M | re.S)
    return "".join(f"{key} = {value!r}\n" for key, value in values.items()) + "\n".join(blocks)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = start_redis(tmp_path_factory.mktemp("guides"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def url(redis_server: RedisServer) -> str:
    return f"redis://127.0.0.1:{redis_server.port}/1"


def test_the_client_gets_its_result(url: str, tmp_path: Path) -> None:
    """Celery's worker runs what the guide's client sends, and the client reads what it returned."""
    program = code("build-a-client.md", URL=url, QUEUE="upstream", TASK="upstream.add")
    with watched(url, tmp_path / "worker.log"):
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    assert ran.stdout == "SUCCESS 5\n", ran.stderr


def test_the_client_writes_what_the_schemas_ask_for() -> None:
    """The guide leaves out nothing that has to be there."""
    program = code("build-a-client.md", URL="redis://", QUEUE="celery", TASK="any").partition("broker = ")[0]
    made: dict[str, Any] = {}
    exec(program, made)
    envelope = json.loads(json.dumps(made["envelope"]))
    assert list(schemas.problems("redis-envelope-emitted", envelope)) == []
    message = {
        "content_type": envelope["content-type"],
        "content_encoding": envelope["content-encoding"],
        "headers": envelope["headers"],
        "properties": envelope["properties"],
        "body": json.loads(made["body"]),
    }
    assert list(schemas.problems("task-v2-emitted", message)) == []


@pytest.fixture(scope="module")
def app(redis_server: RedisServer) -> Iterator[Celery]:
    own = f"redis://127.0.0.1:{redis_server.port}/2"
    values = {"URL": own, "QUEUE": "guide"}
    program = code("build-a-worker.md", **values)
    tasks = 'TASKS = {"add": lambda x, y: x + y, "fail": lambda: 1 / 0}\n'
    worker = subprocess.Popen([sys.executable, "-c", tasks + program])
    app = Celery("guide", broker=own, backend=own, set_as_current=False)
    app.conf.task_default_queue = "guide"
    yield app
    worker.terminate()
    worker.wait(SECONDS)


class TestWorker:
    """The guide's worker, in a process of its own, and a client of Celery."""

    def test_it_runs_tasks_of_every_priority(self, app: Celery) -> None:
        """A task comes back with its result, whichever list it was in."""
        for priority in (0, 3, 9):
            assert app.send_task("add", [1, priority], priority=priority).get(timeout=20) == 1 + priority

    def test_a_failure_reaches_the_caller(self, app: Celery) -> None:
        """Celery raises the exception that the document names."""
        with pytest.raises(ZeroDivisionError):
            app.send_task("fail").get(timeout=20)

    def test_an_unknown_task_fails(self, app: Celery) -> None:
        """The caller of a task that the worker lacks does not wait for ever."""
        with pytest.raises(Exception, match="nowhere"):
            app.send_task("nowhere").get(timeout=20)

    def test_an_expired_task_is_revoked(self, app: Celery) -> None:
        """A task whose moment has passed is not run."""
        with pytest.raises(TaskRevokedError):
            app.send_task("add", [1, 1], expires=datetime.now(UTC) - timedelta(minutes=1)).get(timeout=20)

    def test_a_delayed_task_waits(self, app: Celery) -> None:
        """A task does not run before its moment."""
        began = time.monotonic()
        assert app.send_task("add", [1, 1], countdown=0.5).get(timeout=20) == 2
        assert time.monotonic() - began >= 0.5

    def test_no_bad_message_stops_it(self, app: Celery) -> None:
        """Behind each faulty message a good one runs, and nothing stays among the messages in hand."""
        broker = Redis.from_url(app.conf.broker_url)
        items = [one.message["item"] for one in fixtures.load() if one.name.startswith("redis-envelope/fault-")]
        items += [wrapped(one) for one in fixtures.load() if one.name.startswith("task-v2/fault-")]
        assert len(items) > 60
        for item in items:
            broker.lpush("guide", item)
        assert app.send_task("add", [2, 2]).get(timeout=20) == 4
        assert broker.hlen("unacked") == 0


def wrapped(fixture: fixtures.Fixture) -> str:
    """A task message in a good envelope."""
    message = fixture.message
    own = {
        "body_encoding": "base64",
        "delivery_tag": fixture.name,
        "delivery_info": {"exchange": "", "routing_key": "guide"},
    }
    return json.dumps({
        "body": base64.b64encode(fixture.body).decode(),
        "headers": message.get("headers"),
        "content-type": message.get("content_type"),
        "content-encoding": message.get("content_encoding"),
        "properties": own,
    })  # fmt: skip
