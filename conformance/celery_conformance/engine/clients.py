"""Clients of the implementation: one that cases share, and a new one whenever it dies.

A client that ends while cases are in flight is no verdict on any of them: each runs again with a client of its own,
and only one that ends its own client has failed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from celery_conformance.adapter import Adapter, Part
from celery_conformance.engine.door2 import Client, ClientProblem
from celery_conformance.engine.testbed import Space, Testbed

#: Problems after which a client is replaced; the others are the adapter's own and end the run.
GONE = frozenset({"crash", "hang"})


class ClientGone(Exception):
    """The client of a case ended or fell silent while the case ran."""


@dataclass(slots=True)
class ClientKeeper:
    """Starts, shares and ends clients; all live in one space."""

    adapter: Adapter
    part: Part
    testbed: Testbed
    space: Space
    queue: str
    seed: int
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _shared: dict[bool, Client] = field(default_factory=dict)
    _running: list[Client] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def shared(self, *, hazard: bool = False) -> Client:
        """The client that cases share; a new one when the last is gone.

        Hazards have one to themselves, and take turns at it: what a bad document does to a client must not show in
        another case that happens to read at the same time.

        Raises:
            AdapterError: it could not be started or spoken to.
        """
        async with self._lock:
            client = self._shared.get(hazard)
            if client is not None and client.problem is not None and client.problem.kind in GONE:
                await self.end(client)
                client = None
            if client is None:
                client = self._shared[hazard] = await self.start()
            return client

    async def start(self) -> Client:
        """A client of one's own.

        Raises:
            AdapterError: it could not be started, contradicts adapter.toml, or takes a verb that does not exist.
        """
        party = f"client-{next(self._numbers)}"
        variables: Mapping[str, str] = {
            **await self.testbed.urls(party, self.space),
            "CELERY_WIRE_QUEUES": self.queue,
            "CELERY_WIRE_SERIALIZER": "json",
            "CELERY_WIRE_ACCEPT": "json",
        }
        client = Client(self.adapter, self.part, dict(variables), self.testbed.folder / f"{party}.log", party)
        self._running.append(client)
        await client.start()
        await self._probe_verb(client)
        return client

    async def _probe_verb(self, client: Client) -> None:
        """``unsupported`` is a lawful answer, so it must be given where it is due."""
        verb = f"x-{random.Random(self.seed).getrandbits(24):06x}"
        reply = await client.ask(verb, {})
        if reply.unsupported is None:
            raise ClientProblem("lie", f"expected 'unsupported' to the unknown verb {verb!r}, came {reply.document()}")

    async def end(self, client: Client) -> None:
        """End a client."""
        await client.stop()
        if client in self._running:
            self._running.remove(client)

    def problems(self) -> list[ClientProblem]:
        """What the clients that still run have done against the rules."""
        return [client.problem for client in self._running if client.problem is not None]

    async def end_all(self) -> None:
        await asyncio.gather(*(self.end(client) for client in list(self._running)))
