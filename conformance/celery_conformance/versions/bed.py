"""What one release is observed on: a private Redis, a virtual host of RabbitMQ, and the processes of the release."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from celery_conformance.brokers import process
from celery_conformance.brokers.ports import HOST
from celery_conformance.brokers.rabbitmq import RabbitServer
from celery_conformance.brokers.redis_server import RedisServer, start_redis
from celery_conformance.fixtures.feeding import Broker, OnRedis
from celery_conformance.versions import parts
from celery_conformance.versions.environments import Environment
from celery_conformance.versions.feeding import OnVirtualHost
from celery_conformance.versions.parts import Parts
from celery_conformance.versions.traffic import AmqpCutter, RedisCutter, Tap

PROBES = Path(__file__).parent / "probes"
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
_START_SECONDS = 25.0
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 40.0
_PAUSE = 0.02
_QUIET_SECONDS = 0.25
_STORE_DATABASE = 1
#: Celery 4.0 on AMQP leaves a message unread until more comes: a heartbeat every three seconds.
_AWAKE = {"broker_heartbeat": 6}
#: What an idle worker goes on writing to Redis.
_POLLS = (b"BRPOP", b"PUBLISH", b"ZADD", b"PING", b"EXPIRE", b"PEXPIRE")


class ProbeError(Exception):
    """A program of a release did not start or did not answer."""


@dataclass(slots=True)
class Party:
    """One process's ports, and what it wrote through them."""

    broker: Tap
    store: Tap
    settings: dict[str, Any]

    def marks(self) -> tuple[int, int]:
        """Where what was written ends now."""
        return len(self.broker.commands), len(self.store.commands)

    def since(self, marks: tuple[int, int]) -> Parts:
        """The parts of what was written from there on."""
        of_broker = parts.of_amqp if self.broker.cutter is AmqpCutter else parts.of_redis
        written = parts.of_redis(self.store.commands[marks[1] :])
        return parts.merged(of_broker(self.broker.commands[marks[0] :]), written)

    def close(self) -> None:
        self.broker.close()
        self.store.close()


@dataclass(slots=True)
class Bed:
    """The servers of one release, and a folder for its files. ``rabbit`` is given when RabbitMQ is the broker.

    ``only`` names the entries that are wanted, where a stage can leave out others; None wants all.
    """

    environment: Environment
    folder: Path
    rabbit: RabbitServer | None
    virtual_host: str
    only: frozenset[str] | None = None
    server: RedisServer = field(init=False)
    names: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = start_redis(self.folder)

    def wants(self, entry: str) -> bool:
        """Whether an entry is to be captured."""
        return self.only is None or entry in self.only

    @property
    def broker_name(self) -> str:
        return "redis" if self.rabbit is None else "amqp"

    @property
    def versions(self) -> dict[str, str]:
        """The versions behind what is captured here."""
        own = {"redis": self.server.version}
        return {**self.environment.versions, **own, **({"rabbitmq": self.rabbit.version} if self.rabbit else {})}

    @property
    def store(self) -> Any:
        """A client for the result store."""
        return redis.Redis(HOST, self.server.port, _STORE_DATABASE)

    def feeder(self) -> Broker:
        """The broker as a hand that puts messages in, past every tap."""
        if self.rabbit is None:
            return OnRedis(self.server.port)
        return OnVirtualHost(self.rabbit.port, virtual_host=self.virtual_host)

    def party(self, settings: Mapping[str, Any] | None = None) -> Party:
        """Ports for one process, and the settings that make Celery use them."""
        store = Tap(self.server.port, RedisCutter)
        if self.rabbit is None:
            broker = Tap(self.server.port, RedisCutter)
            url = f"redis://{HOST}:{broker.port}/0"
        else:
            broker = Tap(self.rabbit.port, AmqpCutter)
            url = f"amqp://guest:guest@{HOST}:{broker.port}/{self.virtual_host}"
        own = {"broker_url": url, "result_backend": f"redis://{HOST}:{store.port}/{_STORE_DATABASE}", **_AWAKE}
        return Party(broker, store, {**own, "worker_hijack_root_logger": True, **(settings or {})})

    def client(self, settings: Mapping[str, Any] | None = None) -> Client:
        """A client of this release."""
        return Client(self.party(settings), self.environment.python, self.name_of("client"))

    def worker(self, settings: Mapping[str, Any] | None = None, *arguments: str, node: str = "celery") -> Worker:
        """A worker of this release that consumes.

        Raises:
            ProbeError: it did not get so far.
        """
        worker = Worker(self.party(settings), self.environment.python, self.name_of("worker"))
        worker.start([*(arguments or ALONE), "-n", f"{node}@host"])
        return worker

    def name_of(self, kind: str) -> Path:
        """A name in the folder, without an ending, that no other process has."""
        self.names += 1
        return self.folder / f"{kind}-{self.names}"

    def clear(self) -> None:
        """Forget every message and every result."""
        with contextlib.closing(redis.Redis(HOST, self.server.port)) as client:
            client.flushall()
        if self.rabbit is not None:
            with contextlib.suppress(Exception):  # no queue yet
                self.feeder().clear()

    def close(self) -> None:
        self.server.stop()


def environment_of(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program of a release: nothing of ours but what it needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", **extra}


@dataclass(slots=True)
class Client:
    """A client process that does what it is asked, one thing after the other."""

    party: Party
    python: Path
    name: Path
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        with self.name.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.python), str(PROBES / "producer.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.name.parent,
                env=environment_of({"OBSERVE_TRACE": str(self.name.with_suffix(".trace"))}),
                start_new_session=True,
                preexec_fn=process.die_with_parent,  # noqa: PLW1509  only system calls, before any thread matters
            )

    def ask(self, do: str, settings: Mapping[str, Any] | None = None, **question: Any) -> dict[str, Any]:
        """What the client answers.

        Raises:
            ProbeError: it ended instead.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = {"do": do, "settings": {**self.party.settings, **(settings or {})}, **question}
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise ProbeError(f"the client ended: {process.last_lines(self.name.with_suffix('.log'), 5)}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def send(self, recipe: str, settings: Mapping[str, Any] | None = None, *, fresh: bool = False) -> dict[str, Any]:
        """Send a recipe; what was sent, and what the call came to."""
        marks = self.party.marks()
        answer = self.ask("send", settings, recipe=recipe, fresh=fresh)
        return {**answer, **self.party.since(marks)}

    def close(self) -> None:
        with contextlib.suppress(Exception):
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait(2)
        process.signal_group(self.process.pid, 9)
        self.process.wait()
        self.party.close()


@dataclass(slots=True)
class Worker:
    """A worker process, what it wrote and what its trace says."""

    party: Party
    python: Path
    name: Path
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return self.name.with_suffix(".log")

    def start(self, arguments: Sequence[str]) -> None:
        environment = {
            "OBSERVE_TRACE": str(self.name.with_suffix(".trace")),
            "OBSERVE_SETTINGS": json.dumps(self.party.settings),
        }
        command = [str(self.python), str(PROBES / "worker.py"), *arguments]
        if not any(word.startswith(("-c", "--concurrency")) for word in arguments):
            command += ["--concurrency", "1"]
        self.process = process.start(
            command, log=self.log, folder=self.name.parent, environment=environment_of(environment)
        )
        if not self.wait(lambda: any(event["event"] == "ready" for event in self.events()), _START_SECONDS):
            self.stop()
            raise ProbeError(f"the worker did not become ready: {process.last_lines(self.log, 8)}")

    def events(self) -> list[dict[str, Any]]:
        """What the trace says so far."""
        trace = self.name.with_suffix(".trace")
        if not trace.exists():
            return []
        whole, _, _ = trace.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def wait(self, fact: Callable[[], bool], seconds: float) -> bool:
        """Wait until the fact holds; False when the worker ended before or the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if fact():
                return True
            if not self.alive:
                return fact()
            time.sleep(_PAUSE)
        return False

    def quiet(self, seconds: float = _QUIET_SECONDS, at_most: float = 5.0) -> None:
        """Wait until the trace and what was stored or sent have not changed for a while."""
        deadline = time.monotonic() + at_most
        seen, since = None, time.monotonic()
        while time.monotonic() < deadline:
            now = (len(self.events()), self._written())
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since >= seconds:
                return
            time.sleep(_PAUSE)

    def _written(self) -> int:
        polls = sum(1 for command in list(self.party.broker.commands) if command[0] in _POLLS)
        return len(self.party.broker.commands) - polls + len(self.party.store.commands)

    def kill(self) -> None:
        """End the worker and its pool at once."""
        process.signal_group(self.process.pid, 9)
        self.process.wait()
        self.party.close()

    def stop(self) -> None:
        """Ask the worker to end, its pool by way of it; messages it holds go back to the broker."""
        if self.alive:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)
        process.end(self.process)
        self.party.close()
