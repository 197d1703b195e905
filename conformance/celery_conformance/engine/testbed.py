"""Everything that stands around the implementation in a run: brokers, tap, and spaces.

A space is a corner of the brokers of its own: two Redis databases or a virtual host, so that one worker's remote
control, gossip and crashes never touch another's. With a URL the user gives there is one space, the one it names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from celery_conformance.brokers.rabbitmq import RabbitServer, start_rabbitmq
from celery_conformance.brokers.redis_server import DATABASES, RedisServer, start_redis
from celery_conformance.clock import Clock
from celery_conformance.errors import BrokerError, SuiteError, UsageError
from celery_conformance.facts import Timeline
from celery_conformance.tap.monitor import ScriptMonitor
from celery_conformance.tap.proxy import Tap, Upstream

BrokerKind = Literal["redis", "amqp"]
StoreKind = Literal["redis", "rpc"]
_HOSTS_AT_ONCE = 24
_DEFAULT_PORTS = {"redis": 6379, "amqp": 5672}


@dataclass(frozen=True, slots=True)
class Target:
    """What ``--broker`` or ``--store`` names: a kind, and a URL where the user gave one."""

    kind: str
    url: SplitResult | None = None


def parse_target(text: str, option: str, kinds: tuple[str, ...]) -> Target:
    """Read a kind or a URL.

    Raises:
        UsageError: it is neither.
    """
    if text in kinds:
        return Target(text)
    url = _split(text, option)
    if url.scheme in ("rediss", "amqps"):
        raise UsageError(
            f"expected an unencrypted URL in {option}, came {url.scheme}://…",
            "the tap cannot look into an encrypted connection; give the address behind it",
        )
    if url.scheme not in _DEFAULT_PORTS or url.scheme not in kinds or not url.hostname:
        raise UsageError(
            f"expected {', '.join(kinds)} or a URL in {option}, came {text!r}",
            "for example: --broker redis, --broker amqp://guest:guest@127.0.0.1:5672//",
        )
    return Target(url.scheme, url)


def _split(text: str, option: str) -> SplitResult:
    try:
        url = urlsplit(text)
        _ = url.port  # read here: it raises where it is no number, or no port
    except ValueError as error:
        raise UsageError(
            f"expected a URL in {option}, came {text!r}: {str(error).lower()}",
            "for example: --broker redis, --broker amqp://guest:guest@127.0.0.1:5672//",
        ) from error
    return url


@dataclass(frozen=True, slots=True)
class Space:
    """A corner of the brokers. ``broker_path`` and ``store_path`` are the last parts of their URLs."""

    number: int
    broker_path: str
    store_path: str


@dataclass(frozen=True, slots=True)
class Service:
    """A broker or store: the real server behind the tap, and the credentials a URL to it needs, as a URL has them."""

    upstream: Upstream
    version: str
    credentials: str = ""

    def url(self, port: int, path: str) -> str:
        return f"{self.upstream.protocol}://{self.credentials}127.0.0.1:{port}/{path}"


@dataclass(slots=True)
class Testbed:
    """The brokers of a run. ``folder`` is private to the run and removed with it."""

    __test__ = False  # not a test class, whatever its name

    folder: Path
    broker_target: Target
    store_target: Target
    timeline: Timeline = field(default_factory=lambda: Timeline(Clock()))
    tap: Tap = field(init=False)
    broker: Service = field(init=False)
    store: Service | None = None
    _redis: RedisServer | None = None
    _rabbit: RabbitServer | None = None
    _monitors: list[asyncio.Task[None]] = field(default_factory=list)
    _spaces: int = 0
    _hosts: int = 0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.tap = Tap(self.timeline)

    @property
    def axes(self) -> dict[str, str]:
        """The run's values of the axes that belong to a run."""
        return {"broker": self.broker_target.kind, "store": self.store_target.kind}

    async def start(self) -> None:
        """Start what the user did not give.

        Raises:
            BrokerError: a server cannot be had or does not answer.
        """
        self.broker = await self._service(self.broker_target, "broker")
        if self.store_target.kind == "redis":
            self.store = await self._service(self.store_target, "store")

    async def _service(self, target: Target, option: str) -> Service:
        if target.url is not None:
            service = _given(target.url)
            await _check(service, option)
        elif target.kind == "amqp":
            service = await self._own_rabbit()
        else:
            service = await self._own_redis()
        if service.upstream.protocol == "redis" and not self._watches(service.upstream):
            monitor = ScriptMonitor(self.tap, service.upstream, service.credentials)
            self._monitors.append(asyncio.create_task(monitor.watch(), name=_address(service.upstream)))
        return service

    def _watches(self, upstream: Upstream) -> bool:
        return any(task.get_name() == _address(upstream) for task in self._monitors)

    async def _own_redis(self) -> Service:
        if self._redis is None:
            self._redis = start_redis(self._subfolder("redis"))
        server = self._redis
        return Service(Upstream("redis", "127.0.0.1", server.port), f"Redis {server.version}")

    async def _own_rabbit(self) -> Service:
        if self._rabbit is None:
            self._rabbit = await self._start_rabbit(self._subfolder("rabbitmq"))
        server = self._rabbit
        upstream = Upstream("amqp", "127.0.0.1", server.port)
        return Service(upstream, f"RabbitMQ {server.version}", "guest:guest@")

    async def _start_rabbit(self, folder: Path) -> RabbitServer:
        """Start a node in a thread; an interrupted run does not leave it behind."""
        given_up = threading.Event()
        starting = asyncio.ensure_future(asyncio.to_thread(start_rabbitmq, folder, given_up.is_set))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            given_up.set()
            with contextlib.suppress(BrokerError):
                (await starting).stop()
            raise

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    async def space(self) -> Space:
        """A corner nobody else uses (with a user's URL: the one corner there is).

        Raises:
            SuiteError: the embedded Redis has no more.
        """
        async with self._lock:
            if self._redis is not None and self._spaces >= DATABASES // 2:
                raise SuiteError(
                    f"expected at most {DATABASES // 2} workers and clients in a run, came one more: "
                    "each has databases of its own in the embedded Redis",
                    "judge less at a time, with -k or --role",
                )
            number, self._spaces = self._spaces, self._spaces + 1
            return Space(number, await self._broker_path(number), self._store_path(number))

    async def _broker_path(self, number: int) -> str:
        target = self.broker_target
        if target.url is not None:
            return target.url.path.removeprefix("/")
        if self._rabbit is None:
            return str(number * 2)
        if number >= self._hosts:
            names = [_host_name(index) for index in range(self._hosts, self._hosts + _HOSTS_AT_ONCE)]
            await asyncio.to_thread(self._rabbit.add_virtual_hosts, names)
            self._hosts += _HOSTS_AT_ONCE
        return _host_name(number)

    def _store_path(self, number: int) -> str:
        target = self.store_target
        if target.url is not None:
            return target.url.path.removeprefix("/")
        return str(number * 2 + 1)

    async def urls(self, party: str, space: Space) -> dict[str, str]:
        """Ports of its own for a party; the URLs as door 1 and 2 name them."""
        port = await self.tap.open(party, self.broker.upstream)
        urls = {"CELERY_WIRE_BROKER_URL": self.broker.url(port, space.broker_path)}
        if self.store_target.kind == "rpc":
            urls["CELERY_WIRE_RESULT_URL"] = "rpc://"
        elif self.store is not None:
            if self.store.upstream != self.broker.upstream:
                port = await self.tap.open(party, self.store.upstream)
            urls["CELERY_WIRE_RESULT_URL"] = self.store.url(port, space.store_path)
        return urls

    async def stop(self) -> None:
        """End the tap and every server this testbed started."""
        for task in self._monitors:
            task.cancel()
        await asyncio.gather(*self._monitors, return_exceptions=True)
        await self.tap.close()
        if self._redis is not None:
            self._redis.stop()
        if self._rabbit is not None:
            self._rabbit.stop()


def _host_name(number: int) -> str:
    return f"celery-wire-{number}"


def _address(upstream: Upstream) -> str:
    return f"{upstream.host}:{upstream.port}"


def _given(url: SplitResult) -> Service:
    kind: Literal["redis", "amqp"] = "amqp" if url.scheme == "amqp" else "redis"
    upstream = Upstream(kind, url.hostname or "127.0.0.1", url.port or _DEFAULT_PORTS[kind])
    credentials, at, _ = url.netloc.rpartition("@")
    return Service(upstream, "as given", credentials + at)


async def _check(service: Service, option: str) -> None:
    """Raise BrokerError when nothing listens where the user said."""
    upstream = service.upstream
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(upstream.host, upstream.port), 5)
    except (OSError, TimeoutError) as error:
        raise BrokerError(
            f"expected a server at {_address(upstream)} (--{option}), came: {_why(error)}",
            f"start it, or leave --{option} a URL out: celery-wire brings a server of its own",
        ) from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _why(error: Exception) -> str:
    """A reason in words; the event loop's own words hold no more than the number of the error."""
    if isinstance(error, TimeoutError):
        return "no answer within 5 s"
    number = getattr(error, "errno", None) or 0
    return (os.strerror(number) if number > 0 else str(getattr(error, "strerror", None) or error)).lower()
