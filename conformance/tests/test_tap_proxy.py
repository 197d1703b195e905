"""The tap stands between real programs and real servers: it changes no byte and takes nobody for another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import amqp
import pytest
import redis
import redis.asyncio
from celery_conformance.brokers.rabbitmq import RabbitServer
from celery_conformance.brokers.redis_server import RedisServer
from celery_conformance.clock import Clock
from celery_conformance.facts import Fact, Timeline
from celery_conformance.tap.monitor import ScriptMonitor, parse_line
from celery_conformance.tap.proxy import Tap, Upstream
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from .wire import envelope, result

SECONDS = 30.0


@dataclass
class Between:
    """A tap before one server."""

    upstream: Upstream
    timeline: Timeline = field(default_factory=lambda: Timeline(Clock()))
    tap: Tap = field(init=False)
    ports: dict[str, int] = field(default_factory=dict)
    clients: list[redis.asyncio.Redis] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tap = Tap(self.timeline)

    async def port(self, party: str) -> int:
        """The port of a party."""
        if party not in self.ports:
            self.ports[party] = await self.tap.open(party, self.upstream)
        return self.ports[party]

    async def redis(self, party: str, **options: Any) -> redis.asyncio.Redis:
        """A Redis client of a party, one that does not try again by itself."""
        once = Retry(NoBackoff(), 0)
        client = redis.asyncio.Redis(port=await self.port(party), retry=once, socket_timeout=2 * SECONDS, **options)
        self.clients.append(client)
        return client

    async def amqp(self, party: str) -> amqp.Connection:
        """An AMQP connection of a party; it is spoken to from another thread."""
        connection = amqp.Connection(f"127.0.0.1:{await self.port(party)}", login_method="PLAIN")
        await asyncio.to_thread(connection.connect)
        return connection

    async def wait(self, kind: str, party: str) -> Fact:
        """The first fact of a kind and a party."""
        found = await self.timeline.wait(lambda fact: fact.kind == kind and fact.party == party, SECONDS)
        assert found is not None, f"no {kind} of {party} within {SECONDS} s"
        return found

    def told(self, *kinds: str) -> list[tuple[str, str]]:
        """Kind and party of the facts of these kinds, in the order in which they happened."""
        facts = sorted((fact for fact in self.timeline.facts if fact.kind in kinds), key=lambda fact: fact.sent)
        return [(fact.kind, fact.party) for fact in facts]


@contextlib.asynccontextmanager
async def between(protocol: Any, port: int) -> AsyncIterator[Between]:
    """A tap before a server, closed at the end."""
    made = Between(Upstream(protocol, "127.0.0.1", port))
    try:
        yield made
    finally:
        for client in made.clients:
            with contextlib.suppress(redis.RedisError, OSError):
                await client.aclose()
        await made.tap.close()


def _queue() -> str:
    return f"q-{uuid.uuid4().hex[:10]}"


def test_each_party_has_its_own_facts_on_redis(redis_server: RedisServer) -> None:
    """What two parties do at the same server is told of each, in the order in which it happened."""

    async def run() -> None:
        queue = _queue()
        async with between("redis", redis_server.port) as tap:
            producer, worker = await tap.redis("client-1"), await tap.redis("worker-1", protocol=3)
            popping = asyncio.ensure_future(worker.brpop([queue], timeout=SECONDS))
            await tap.wait("consuming", "worker-1")
            await producer.lpush(queue, envelope("t1"))
            assert list(await popping or ()) == [queue.encode(), envelope("t1")]
            async with worker.pipeline(transaction=True) as steps:
                steps.set("celery-task-meta-t1", result(), ex=60)
                steps.publish("celery-task-meta-t1", result())
                await steps.execute()
            assert tap.told("published", "delivered", "result-stored", "result-announced") == [
                ("published", "client-1"),
                ("delivered", "worker-1"),
                ("result-stored", "worker-1"),
                ("result-announced", "worker-1"),
            ]
            assert {fact.task_id for fact in tap.timeline.facts if fact.kind == "published"} == {"t1"}

    asyncio.run(run())


@pytest.mark.parametrize("protocol", [2, 3])
def test_bytes_go_through_unchanged(redis_server: RedisServer, protocol: int) -> None:
    """Large values of any bytes come back as they were sent, on either version of RESP."""

    async def run() -> None:
        values = [os.urandom(3_000_000), b"", b"\r\n*1\r\n$-1\r\n", bytes(range(256)) * 1000]
        async with between("redis", redis_server.port) as tap:
            client = await tap.redis("client-1", protocol=protocol)
            key = _queue()
            await asyncio.gather(*(client.set(f"{key}-{place}", value) for place, value in enumerate(values)))
            read = await client.mget([f"{key}-{place}" for place in range(len(values))])
            assert read == values
            await client.delete(*(f"{key}-{place}" for place in range(len(values))))
            assert tap.told("undecodable") == []

    asyncio.run(run())


def test_what_is_no_redis_is_forwarded(redis_server: RedisServer) -> None:
    """Bytes the decoder cannot read reach the server and its answer comes back; one fact tells of them."""

    async def run() -> None:
        async with between("redis", redis_server.port) as tap:
            reader, writer = await asyncio.open_connection("127.0.0.1", await tap.port("client-1"))
            writer.write(b"PING\r\nPING\r\n")  # the server takes commands without framing; the decoder does not
            assert await asyncio.wait_for(reader.readexactly(14), SECONDS) == b"+PONG\r\n+PONG\r\n"
            writer.close()
            assert tap.told("undecodable") == [("undecodable", "client-1")]

    asyncio.run(run())


def test_a_decoder_that_fails_stops_no_byte(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the decoder is a fact; the connection it looked at goes on."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("a defect")

    class Failing:
        sent = fail
        done = fail

    async def run() -> None:
        monkeypatch.setattr(Tap, "interpreter", lambda _tap, _upstream: Failing())
        async with between("redis", redis_server.port) as tap:
            client = await tap.redis("client-1")
            assert await client.ping()
            assert await client.ping()
            (fact,) = [fact for fact in tap.timeline.facts if fact.kind == "undecodable"]
            assert "ZeroDivisionError" in fact.data["reason"]

    asyncio.run(run())


def test_a_cut_breaks_the_connections_of_its_party_alone(redis_server: RedisServer) -> None:
    """A cut ends every connection of a party and none of another, and the facts say who was cut."""

    async def run() -> None:
        queue = _queue()
        async with between("redis", redis_server.port) as tap:
            victim, other = await tap.redis("worker-1"), await tap.redis("client-1")
            clients = (victim, victim, other)
            waiting = [asyncio.ensure_future(client.brpop([queue], timeout=SECONDS)) for client in clients]
            for party, count in (("worker-1", 2), ("client-1", 1)):
                while len([1 for told in tap.told("connection-opened") if told[1] == party]) < count:
                    await tap.timeline.wait(lambda _fact: True, SECONDS, len(tap.timeline.facts))
            assert tap.tap.cut("worker-1") == 2
            for popping in waiting[:2]:
                with pytest.raises(redis.ConnectionError):
                    await popping
            assert (await tap.wait("connection-closed", "worker-1")).data == {"protocol": "redis", "cut": True}
            await other.lpush(queue, b"x")
            assert list(await waiting[2] or ()) == [queue.encode(), b"x"]
            await other.aclose()
            assert (await tap.wait("connection-closed", "client-1")).data == {"protocol": "redis", "cut": False}
            assert tap.tap.cut("worker-1") == 0

    asyncio.run(run())


def test_a_tap_is_closed_under_open_connections_without_a_word(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the end of a run sees verdicts and no traceback."""

    async def close() -> None:
        tap = Tap(Timeline(Clock()))
        port = await tap.open("party", Upstream("redis", "127.0.0.1", redis_server.port))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await tap.timeline.wait(lambda fact: fact.kind == "connection-opened", SECONDS)
        await tap.close()
        writer.close()

    asyncio.run(close())
    assert caplog.records == []


def test_a_server_that_is_gone_breaks_the_clients_connection() -> None:
    """Without a server behind it the tap takes no connection for open."""

    async def run() -> None:
        async with between("redis", 1) as tap:
            client = await tap.redis("client-1")
            with pytest.raises(redis.ConnectionError):
                await client.ping()
            assert tap.told("connection-opened") == []

    asyncio.run(run())


# -- scripts ----------------------------------------------------------------------------------------------------

_SCRIPT = """
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('GET', KEYS[2])
redis.call('SET', KEYS[2], ARGV[2], 'EX', 60)
redis.call('LPUSH', KEYS[3], ARGV[3])
"""
_BINDING = "key\x06\x16pattern\x06\x16'quoted\"\\é"


def test_scripts_are_seen_and_belong_to_their_caller(redis_server: RedisServer) -> None:
    """What a script does is told of the party that called it, quotes and all bytes included."""

    async def run() -> None:
        queue = _queue()
        async with between("redis", redis_server.port) as tap:
            monitor = asyncio.create_task(ScriptMonitor(tap.tap, tap.upstream).watch())
            caller, other = await tap.redis("worker-1"), await tap.redis("client-1")
            await _until_watched(caller)
            script = caller.register_script(_SCRIPT)
            keys = ["_kombu.binding.ex", "celery-task-meta-t9", queue]
            await asyncio.gather(other.ping(), script(keys=keys, args=[_BINDING, result("t9"), envelope("t9")]))
            await tap.wait("published", "worker-1")
            bound = await tap.wait("bound", "worker-1")
            stored = await tap.wait("result-stored", "worker-1")
            monitor.cancel()
            await asyncio.gather(monitor, return_exceptions=True)
            assert bound.data["queue"] == "'quoted\"\\é"
            assert (stored.task_id, stored.data["expires"]) == ("t9", 60.0)
            assert tap.told("bound", "result-stored", "published", "result-read") == [
                ("bound", "worker-1"), ("result-stored", "worker-1"), ("published", "worker-1"),
            ]  # fmt: skip

    asyncio.run(run())


def test_the_monitor_names_itself_where_the_url_has_credentials(redis_server: RedisServer) -> None:
    """A Redis with users is watched as the user of the URL, whose password may hold any character."""

    async def run() -> None:
        async with between("redis", redis_server.port) as tap:
            client = await tap.redis("worker-1")
            await client.acl_setuser("watcher", enabled=True, passwords=["+p:w@d/"], categories=["+@all"])
            watching = ScriptMonitor(tap.tap, tap.upstream, "watcher:p%3Aw%40d%2F@").watch()
            monitor = asyncio.create_task(watching)
            await _until_watched(client, "watcher")
            monitor.cancel()
            await asyncio.gather(monitor, return_exceptions=True)

    asyncio.run(run())


async def _until_watched(client: redis.asyncio.Redis, user: str = "default") -> None:
    """Return once the server counts a client in MONITOR."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while not any((entry["cmd"], entry["user"]) == ("monitor", user) for entry in await client.client_list()):
        assert asyncio.get_running_loop().time() < deadline, "MONITOR was never begun"


def test_a_script_is_told_even_after_its_caller_has_gone(redis_server: RedisServer) -> None:
    """MONITOR may tell of a script when its caller's connection is closed; the effect is the caller's all the same."""

    async def run() -> None:
        async with between("redis", redis_server.port) as tap:
            caller = await tap.redis("worker-1")
            address = (await caller.client_info())["addr"]
            await caller.aclose()
            await tap.wait("connection-closed", "worker-1")
            monitor = ScriptMonitor(tap.tap, tap.upstream)
            monitor.take(f'+1700000000.1 [0 {address}] "EVALSHA" "abc" "0"\r\n'.encode())
            monitor.take(b'+1700000000.1 [0 lua] "LPUSH" "q" "{}"\r\n')
            assert tap.told("published") == [("published", "worker-1")]

    asyncio.run(run())


def test_commands_of_no_script_are_not_told_twice() -> None:
    """MONITOR shows every command; only those of scripts, and of callers behind the tap, become facts."""
    tap = Tap(Timeline(Clock()))
    monitor = ScriptMonitor(tap, Upstream("redis", "127.0.0.1", 1))
    for line in (
        b'+1.1 [0 127.0.0.1:5] "LPUSH" "q" "{}"',
        b'+1.1 [0 127.0.0.1:5] "EVALSHA" "abc" "0"',
        b'+1.1 [0 lua] "LPUSH" "q" "{}"',
        b"-NOAUTH Authentication required.",
        b"",
    ):
        monitor.take(line)
    assert tap.timeline.facts == []


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        (b'+1.5 [3 127.0.0.1:60866] "SET" "a b" "\\x00\\xff"\r\n', ("127.0.0.1:60866", [b"SET", b"a b", b"\x00\xff"])),
        (b'1.5 [0 lua] "SET" "it\'s" "\\"q\\"" "back\\\\slash" "\\n\\r\\t\\a\\b"',
         ("lua", [b"SET", b"it's", b'"q"', b"back\\slash", b"\n\r\t\a\b"])),
        (b'+1.5 [0 [::1]:7000] "PING"', ("[::1]:7000", [b"PING"])),
        (b'+1.5 [0 unix:/tmp/redis.sock] "PING"', ("unix:/tmp/redis.sock", [b"PING"])),
        (b'+1.5 [0 lua] "SET" "] \\" [" ""', ("lua", [b"SET", b'] " [', b""])),
        (b"+OK", None),
    ],
)  # fmt: skip
def test_a_line_of_monitor_is_read_as_it_was_sent(line: bytes, parsed: object) -> None:
    """Caller and words of a line come out as the bytes that were sent, whatever they hold."""
    assert parse_line(line) == parsed


def test_a_line_too_long_to_hold_does_not_end_the_watch(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command larger than a line may be is passed over; the scripts after it are seen."""
    monkeypatch.setattr("celery_conformance.tap.monitor._LONGEST_LINE", 1 << 16)

    async def run() -> None:
        async with between("redis", redis_server.port) as tap:
            monitor = asyncio.create_task(ScriptMonitor(tap.tap, tap.upstream).watch())
            caller = await tap.redis("worker-1")
            await _until_watched(caller)
            await caller.set(_queue(), b"\x00" * (1 << 20), ex=1)
            await caller.eval("redis.call('SADD', KEYS[1], ARGV[1])", 1, "_kombu.binding.ex", "a\x06\x16\x06\x16b")
            assert (await tap.wait("bound", "worker-1")).data["queue"] == "b"
            monitor.cancel()
            await asyncio.gather(monitor, return_exceptions=True)

    asyncio.run(run())


# -- RabbitMQ ---------------------------------------------------------------------------------------------------


@pytest.mark.rabbitmq
def test_each_party_has_its_own_facts_on_rabbitmq(rabbit_server: RabbitServer) -> None:
    """Publication, delivery and acknowledgement of a large message are told of the right party, the body unchanged."""

    async def run() -> None:
        queue, payload = _queue(), os.urandom(1_000_000)
        got: list[Any] = []
        async with between("amqp", rabbit_server.port) as tap:
            producer, worker = await tap.amqp("client-1"), await tap.amqp("worker-1")

            def talk() -> None:
                consumer = worker.channel()
                consumer.queue_declare(queue, auto_delete=True, durable=False)
                consumer.basic_qos(0, 1, False)
                consumer.basic_consume(queue, callback=got.append)
                message = amqp.Message(payload, content_type="application/data", correlation_id="t1")
                producer.channel().basic_publish(message, "", queue)
                while not got:
                    worker.drain_events(timeout=SECONDS)
                consumer.basic_ack(got[0].delivery_tag)
                for connection in (worker, producer):
                    connection.close()

            await asyncio.to_thread(talk)
            await tap.wait("connection-closed", "worker-1")
            assert got[0].body == payload
            kinds = ("declared", "limited", "consuming", "published", "delivered", "acknowledged", "undecodable")
            assert tap.told(*kinds) == [
                ("declared", "worker-1"),
                ("limited", "worker-1"),
                ("consuming", "worker-1"),
                ("published", "client-1"),
                ("delivered", "worker-1"),
                ("acknowledged", "worker-1"),
            ]
            acknowledged = (await tap.wait("acknowledged", "worker-1")).data
            assert acknowledged == {"delivery_tag": 1, "channel": 1, "task_id": "t1", "queue": queue}

    asyncio.run(run())


@pytest.mark.rabbitmq
def test_a_cut_breaks_one_party_on_rabbitmq(rabbit_server: RabbitServer) -> None:
    """After a cut the broker gives the message of the party that was cut to another, marked as redelivered."""

    async def run() -> None:
        queue = _queue()
        got: list[Any] = []
        async with between("amqp", rabbit_server.port) as tap:
            victim, other = await tap.amqp("worker-1"), await tap.amqp("worker-2")

            def take(connection: amqp.Connection) -> None:
                channel = connection.channel()
                channel.queue_declare(queue, durable=False, auto_delete=False, arguments={"x-expires": 60_000})
                if connection is victim:
                    channel.basic_publish(amqp.Message("x", correlation_id="t1"), "", queue)
                channel.basic_consume(queue, callback=got.append)
                count = len(got)
                while len(got) == count:
                    connection.drain_events(timeout=SECONDS)

            await asyncio.to_thread(take, victim)
            assert tap.tap.cut("worker-1") == 1
            assert (await tap.wait("connection-closed", "worker-1")).data["cut"] is True
            await asyncio.to_thread(take, other)
            delivered = await tap.wait("delivered", "worker-2")
            assert (delivered.data["redelivered"], delivered.task_id) == (True, "t1")
            await asyncio.to_thread(other.close)
            victim.collect()
            assert (await tap.wait("connection-closed", "worker-2")).data["cut"] is False

    asyncio.run(run())
