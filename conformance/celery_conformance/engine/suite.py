"""The suite as a party of its own: it publishes messages, plants results and looks into the store.

It goes through a tap port like everybody else, so the timeline shows what it did. AMQP is spoken by py-amqp, which
blocks; it lives in one thread. Redis is spoken by redis-py.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

import amqp
import redis.asyncio

from celery_conformance.engine.chords import Chord
from celery_conformance.engine.outgoing import CONTROL_EXCHANGE, Outgoing
from celery_conformance.engine.testbed import Space, Testbed
from celery_conformance.errors import BrokerError
from celery_conformance.tap.proxy import Upstream
from celery_conformance.tap.redis_facts import RESULT_PREFIX
from celery_conformance.tap.redis_groups import PARTS

T = TypeVar("T")


class BrokerRefused(Exception):
    """The broker refused one message of the suite; it takes others."""


PARTY = "suite"
RESULT_SECONDS = 86400
UNACKED, UNACKED_INDEX = "unacked", "unacked_index"


@dataclass(slots=True)
class RedisActor:
    """Publishes to lists and plants results, one connection pool a database."""

    testbed: Testbed
    upstream: Upstream
    credentials: str
    _port: int | None = None
    _clients: dict[str, redis.asyncio.Redis] = field(default_factory=dict)

    async def _client(self, database: str) -> redis.asyncio.Redis:
        if self._port is None:
            self._port = await self.testbed.tap.open(PARTY, self.upstream)
        if database not in self._clients:
            url = f"redis://{self.credentials}127.0.0.1:{self._port}/{database}"
            self._clients[database] = redis.asyncio.Redis.from_url(url)
        return self._clients[database]

    async def publish(self, database: str, queue: str, message: Outgoing, tag: str) -> None:
        client = await self._client(database)
        await client.lpush(message.list_key(queue), message.list_item(queue, tag))

    async def abandon(self, database: str, tag: str, copy: str, moment: float) -> None:
        client = await self._client(database)
        async with client.pipeline(transaction=True) as steps:
            steps.zadd(UNACKED_INDEX, {tag: moment})
            steps.hset(UNACKED, tag, copy)
            await steps.execute()

    async def inspect(self, database: str, tag: str) -> tuple[bool, bool]:
        client = await self._client(database)
        return bool(await client.hexists(UNACKED, tag)), await client.zscore(UNACKED_INDEX, tag) is not None

    async def store(self, database: str, task_id: str, document: str, announce: bool) -> None:
        client = await self._client(database)
        key = RESULT_PREFIX + task_id
        async with client.pipeline(transaction=True) as steps:
            steps.set(key, document, ex=RESULT_SECONDS)
            if announce:
                steps.publish(key, document)
            await steps.execute()

    async def plant(self, database: str, chord: Chord) -> None:
        client = await self._client(database)
        async with client.pipeline(transaction=True) as steps:
            for key, value in chord.texts().items():
                steps.set(key, value, ex=RESULT_SECONDS)
            for score, part in chord.parts:
                steps.zadd(chord.key(PARTS), {part: score})
            await steps.execute()

    async def command(self, database: str, message: Outgoing, tag: str) -> None:
        client = await self._client(database)
        await client.publish(f"/{database or 0}.{CONTROL_EXCHANGE}", message.list_item("", tag, CONTROL_EXCHANGE))

    async def look(self, database: str, task_id: str) -> tuple[bytes | None, int]:
        """The stored document and its time to live in seconds (-1: none, -2: no document)."""
        client = await self._client(database)
        key = RESULT_PREFIX + task_id
        found = await client.get(key)
        return found.encode() if isinstance(found, str) else found, await client.ttl(key)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@dataclass(slots=True)
class AmqpActor:
    """Publishes to RabbitMQ with confirms, one connection a virtual host, all in one thread."""

    testbed: Testbed
    upstream: Upstream
    user: str
    password: str
    _port: int | None = None
    _channels: dict[str, Any] = field(default_factory=dict)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "suite-amqp"))

    async def _run(self, call: Callable[[], T]) -> T:
        if self._port is None:
            self._port = await self.testbed.tap.open(PARTY, self.upstream)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _channel(self, host: str) -> Any:
        if host not in self._channels:
            connection = amqp.Connection(
                f"127.0.0.1:{self._port}",
                userid=self.user,
                password=self.password,
                virtual_host=host or "/",
                confirm_publish=True,
            )
            connection.connect()
            self._channels[host] = connection.channel()
        return self._channels[host]

    async def publish(self, host: str, queue: str, message: Outgoing, exchange: str = "") -> None:
        def call() -> None:
            if exchange:
                self._channel(host).exchange_declare(exchange, "direct", auto_delete=False)
                self._channel(host).queue_bind(queue, exchange, routing_key=queue)
            properties = {name: value for name, value in message.properties.items() if value is not None}
            content = amqp.Message(
                message.body,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                application_headers=message.headers,
                **properties,
            )
            try:
                self._channel(host).basic_publish(content, exchange=exchange, routing_key=queue)
            except amqp.ChannelError as error:
                del self._channels[host]
                raise BrokerRefused(f"the broker refused a message of the suite: {error}") from error

        await self._run(call)

    async def command(self, host: str, message: Outgoing, _tag: str) -> None:
        def call() -> None:
            content = amqp.Message(
                message.body,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                application_headers=message.headers,
            )
            self._channel(host).basic_publish(content, exchange=CONTROL_EXCHANGE)

        await self._run(call)

    async def declare_reply_queue(self, host: str, name: str) -> None:
        """A queue for the results of what the suite sends; it goes with the suite's connection."""

        def call() -> None:
            self._channel(host).queue_declare(name, exclusive=True, auto_delete=True)

        await self._run(call)

    async def close(self) -> None:
        def call() -> None:
            for channel in self._channels.values():
                channel.connection.collect()

        await asyncio.get_running_loop().run_in_executor(self._thread, call)
        self._thread.shutdown(wait=False)


@dataclass(slots=True)
class Suite:
    """What the suite can do in a run, whatever the broker and the store."""

    testbed: Testbed
    _broker: RedisActor | AmqpActor = field(init=False)
    _store: RedisActor | None = field(init=False)
    _replies: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        broker, store = self.testbed.broker, self.testbed.store
        user, _, password = (unquote(word) for word in broker.credentials.removesuffix("@").partition(":"))
        if broker.upstream.protocol == "redis":
            self._broker = RedisActor(self.testbed, broker.upstream, broker.credentials)
        else:
            self._broker = AmqpActor(self.testbed, broker.upstream, user or "guest", password or "guest")
        if store is None:
            self._store = None
        elif store.upstream == broker.upstream and isinstance(self._broker, RedisActor):
            self._store = self._broker
        else:
            self._store = RedisActor(self.testbed, store.upstream, store.credentials)

    async def reply_to(self, space: Space) -> str:
        """The queue to which results of the suite's tasks go over rpc; declared once a space."""
        if space.number not in self._replies:
            name = self._replies[space.number] = f"celery-wire-replies-{space.number}"
            if isinstance(self._broker, AmqpActor):
                await self._broker.declare_reply_queue(space.broker_path, name)
        return self._replies[space.number]

    async def publish(self, space: Space, queue: str, message: Outgoing, exchange: str = "") -> str:
        """Put a message on a queue; return once the broker has it. The delivery tag (Redis) is returned.

        An exchange (AMQP) is declared and bound to the queue first.

        Raises:
            BrokerError: the broker refused it.
        """
        tag = str(uuid.uuid4())
        try:
            if isinstance(self._broker, RedisActor):
                await self._broker.publish(space.broker_path, queue, message, tag)
            else:
                await self._broker.publish(space.broker_path, queue, message, exchange)
        except (OSError, redis.RedisError, amqp.AMQPError) as error:
            raise BrokerError(
                f"expected the broker to take a message, came: {error}", "see the broker's log"
            ) from error
        return tag

    async def abandon(self, space: Space, tag: str, copy: str, moment: float) -> None:
        """Leave an unacknowledged copy behind, delivered at a Unix time."""
        await self._redis().abandon(space.broker_path, tag, copy, moment)

    async def inspect(self, space: Space, tag: str) -> tuple[bool, bool]:
        """Whether the copy of a message and its entry in the index are there."""
        return await self._redis().inspect(space.broker_path, tag)

    def _redis(self) -> RedisActor:
        if not isinstance(self._broker, RedisActor):
            raise BrokerError("unacknowledged copies are a matter of Redis alone", "run with --broker redis")
        return self._broker

    async def store(self, space: Space, document: str, task_id: str, call: dict[str, Any], announce: bool) -> None:
        """Store a result as a worker would: in the store, or on the caller's reply queue."""
        if self._store is not None:
            await self._store.store(space.store_path, task_id, document, announce)
            return
        reply_to = call.get("reply_to") or ""
        properties = {"correlation_id": call.get("correlation_id") or task_id, "delivery_mode": 1, "priority": 0}
        message = Outgoing(task_id, document.encode(), {}, properties)
        await self.publish(space, reply_to, message)

    async def look(self, space: Space, task_id: str) -> tuple[bytes | None, int]:
        """The stored document of a task and its time to live in seconds.

        Raises:
            BrokerError: the run has no store to look into.
        """
        if self._store is None:
            raise BrokerError("the run's result store cannot be looked into", "run with --store redis")
        return await self._store.look(space.store_path, task_id)

    async def plant(self, space: Space, chord: Chord) -> None:
        """Store what a chord needs, as its producer or other workers would.

        Raises:
            BrokerError: the run has no store for it.
        """
        if self._store is None:
            raise BrokerError("chords are joined in a Redis store", "run with --store redis")
        await self._store.plant(space.store_path, chord)

    async def command(self, space: Space, message: Outgoing) -> None:
        """Send a remote-control command to every worker of a space."""
        await self._broker.command(space.broker_path, message, str(uuid.uuid4()))

    async def close(self) -> None:
        await self._broker.close()
        if self._store is not None and self._store is not self._broker:
            await self._store.close()
