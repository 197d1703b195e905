"""The proxy itself: forwards bytes both ways, shows them to a decoder first, and cuts connections on command.

Every party connects to a port of its own, so nobody's traffic is taken for another's. Bytes are decoded before
they are forwarded: what follows from a message can never be seen before the message.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from celery_conformance.facts import Timeline
from celery_conformance.tap.amqp_facts import AmqpConnection, AmqpState
from celery_conformance.tap.origin import Origin
from celery_conformance.tap.redis_facts import RedisFacts
from celery_conformance.tap.resp import Command, RespSession, Transaction

ProtocolName = Literal["redis", "amqp"]
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Upstream:
    """A real server behind the tap."""

    protocol: ProtocolName
    host: str
    port: int


class Decoder(Protocol):
    """Looks at the bytes of one connection."""

    def client(self, data: bytes, now: float) -> None: ...

    def server(self, data: bytes, now: float) -> None: ...


@dataclass(slots=True)
class _Pipe:
    """One proxied connection."""

    party: str
    number: int
    protocol: ProtocolName
    decoder: Decoder
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    cut: bool = False
    blind: bool = False

    def abort(self) -> None:
        self.cut = True
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(slots=True)
class Tap:
    """All proxied ports of a run."""

    timeline: Timeline
    _listeners: list[asyncio.Server] = field(default_factory=list)
    _pipes: dict[int, _Pipe] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _redis: dict[Upstream, RedisFacts] = field(default_factory=dict)
    _amqp: dict[Upstream, AmqpState] = field(default_factory=dict)
    _upstream_ports: dict[int, Origin] = field(default_factory=dict)
    _count: int = 0

    async def open(self, party: str, upstream: Upstream) -> int:
        """Listen for a party; return the port it has to be given."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.CancelledError):  # asyncio would report a cancelled callback as an error
                await self._serve(party, upstream, reader, writer)

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._listeners.append(listener)
        port: int = listener.sockets[0].getsockname()[1]
        return port

    def cut(self, party: str, chosen: Callable[[int], bool] = lambda _number: True) -> int:
        """Break the party's connections as a crash of the network would; return how many there were."""
        found = [pipe for pipe in self._pipes.values() if pipe.party == party and chosen(pipe.number)]
        for pipe in found:
            pipe.abort()
        return len(found)

    def interpreter(self, upstream: Upstream) -> RedisFacts:
        """The interpreter that all connections to one Redis share."""
        return self._redis.setdefault(upstream, RedisFacts(self.timeline))

    def owner(self, upstream_port: int) -> Origin | None:
        """Whose connection the server sees, or last saw, from this port of ours: MONITOR may tell late of a script."""
        return self._upstream_ports.get(upstream_port)

    async def close(self) -> None:
        """End every connection and every listener."""
        for listener in self._listeners:
            listener.close()
        for pipe in list(self._pipes.values()):
            pipe.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, party: str, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            server_reader, server_writer = await asyncio.open_connection(upstream.host, upstream.port)
        except OSError:
            writer.transport.abort()
            return
        self._count += 1
        origin = Origin(party, self._count)
        local = server_writer.get_extra_info("sockname")[1]
        self._upstream_ports[local] = origin
        decoder = self._decoder(upstream, origin)
        pipe = _Pipe(party, self._count, upstream.protocol, decoder, writer, server_writer)
        await self._forward(pipe, reader, server_reader)

    async def _forward(self, pipe: _Pipe, reader: asyncio.StreamReader, server_reader: asyncio.StreamReader) -> None:
        self._pipes[pipe.number] = pipe
        about = {"protocol": pipe.protocol}
        self.timeline.add("connection-opened", pipe.party, about, connection=pipe.number)
        try:
            await asyncio.gather(
                self._pump(reader, pipe.server, self._look(pipe, pipe.decoder.client)),
                self._pump(server_reader, pipe.client, self._look(pipe, pipe.decoder.server)),
            )
        finally:
            del self._pipes[pipe.number]
            for writer in (pipe.client, pipe.server):
                writer.close()
            closed = {**about, "cut": pipe.cut}
            self.timeline.add("connection-closed", pipe.party, closed, connection=pipe.number)

    def _look(self, pipe: _Pipe, decode: Callable[[bytes, float], None]) -> Callable[[bytes], None]:
        """Show bytes to a decoder; whatever goes wrong there ends the looking and never the forwarding."""

        def look(data: bytes) -> None:
            if pipe.blind:
                return
            try:
                decode(data, self.timeline.clock.now())
            except Exception as error:
                pipe.blind = True
                about = {"reason": f"{type(error).__name__}: {error}", "bytes": data[:200].hex()}
                self.timeline.add("undecodable", pipe.party, about, connection=pipe.number)

        return look

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[bytes], None],
    ) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while data := await reader.read(_CHUNK):
                look(data)
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            if writer.can_write_eof() and not writer.is_closing():
                writer.write_eof()

    def _decoder(self, upstream: Upstream, origin: Origin) -> Decoder:
        if upstream.protocol == "amqp":
            state = self._amqp.setdefault(upstream, AmqpState())
            return AmqpConnection(self.timeline, state, origin, self.timeline.clock.now)
        return self._redis_session(self.interpreter(upstream), origin)

    def _redis_session(self, facts: RedisFacts, origin: Origin) -> RespSession:
        def sent(command: Command) -> None:
            facts.sent(origin, command)

        def done(transaction: Transaction, now: float) -> None:
            facts.done(origin, transaction, now)

        def pushed(push: list[object], now: float) -> None:
            facts.pushed(origin, push, now)

        def broken(reason: str, data: bytes) -> None:
            about = {"reason": reason, "bytes": data.hex()}
            self.timeline.add("undecodable", origin.party, about, connection=origin.connection)

        return RespSession(sent, done, pushed, broken)
