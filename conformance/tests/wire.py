"""Bytes as programs send them and servers answer them, and sessions that turn them into facts, for the tap's tests."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.clock import Clock
from celery_conformance.facts import Fact, Timeline
from celery_conformance.tap.origin import Origin
from celery_conformance.tap.redis_facts import RedisFacts
from celery_conformance.tap.resp import Command, RespSession, Transaction

OK = b"+OK\r\n"
QUEUED = b"+QUEUED\r\n"
NIL = b"$-1\r\n"


def as_bytes(word: Any) -> bytes:
    """A word of a command."""
    return word if isinstance(word, bytes) else str(word).encode()


def command(*words: Any) -> bytes:
    """A Redis command as clients send it."""
    return array(*(as_bytes(word) for word in words))


def bulk(value: bytes) -> bytes:
    """A bulk string."""
    return b"$%d\r\n%s\r\n" % (len(value), value)


def number(value: int) -> bytes:
    """An integer reply."""
    return b":%d\r\n" % value


def error(text: str) -> bytes:
    """An error reply."""
    return b"-" + text.encode() + b"\r\n"


def array(*entries: bytes | int, mark: bytes = b"*") -> bytes:
    """An array (or with another mark a push) of bulk strings and integers; an entry that is RESP stays as it is."""
    parts = [number(entry) if isinstance(entry, int) else _encoded(entry) for entry in entries]
    return mark + b"%d\r\n" % len(entries) + b"".join(parts)


def _encoded(entry: bytes) -> bytes:
    return entry if entry[:1] in (b"*", b"+", b"-", b":", b"_", b">") and entry.endswith(b"\r\n") else bulk(entry)


def pieces(data: bytes, place: int) -> Iterator[bytes]:
    """The bytes in two pieces, cut at a place."""
    yield data[:place]
    yield data[place:]


def bytewise(data: bytes) -> Iterator[bytes]:
    """The bytes one by one."""
    return (data[place : place + 1] for place in range(len(data)))


@dataclass
class Heard:
    """A session whose callbacks are remembered."""

    sent: list[Command] = field(default_factory=list)
    done: list[Transaction] = field(default_factory=list)
    pushed: list[list[Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def session(self) -> RespSession:
        """A session that tells this listener."""
        return RespSession(
            self.sent.append,
            lambda transaction, _now: self.done.append(transaction),
            lambda push, _now: self.pushed.append(push),
            lambda reason, _data: self.broken.append(reason),
        )

    def steps(self) -> list[list[tuple[bytes, Any]]]:
        """Each transaction as the names of its commands with their replies."""
        return [[(command.name, reply) for command, reply in done.steps] for done in self.done]


@dataclass
class RedisWorld:
    """A Redis as the tap sees it: connections of parties, and the facts they make."""

    timeline: Timeline = field(default_factory=lambda: Timeline(Clock()))
    interpreter: RedisFacts = field(init=False)
    sessions: dict[str, RespSession] = field(default_factory=dict)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.interpreter = RedisFacts(self.timeline)

    def party(self, name: str) -> RespSession:
        """The one connection of a party."""
        if name not in self.sessions:
            origin = Origin(name, len(self.sessions) + 1)

            def broken(reason: str, _data: bytes) -> None:
                self.timeline.add("undecodable", name, {"reason": reason})

            self.sessions[name] = RespSession(
                lambda command: self.interpreter.sent(origin, command),
                lambda transaction, now: self.interpreter.done(origin, transaction, now),
                lambda push, now: self.interpreter.pushed(origin, push, now),
                broken,
            )
        return self.sessions[name]

    def call(self, party: str, *words: Any, reply: bytes = OK) -> None:
        """A command and its reply; time goes on by 1 ms before each."""
        self.say(party, command(*words))
        self.answer(party, reply)

    def say(self, party: str, data: bytes) -> None:
        self.now += 1
        self.party(party).client(data, self.now)

    def answer(self, party: str, data: bytes) -> None:
        self.now += 1
        self.party(party).server(data, self.now)

    def transaction(self, party: str, *steps: tuple[tuple[Any, ...], bytes]) -> None:
        """MULTI, the commands, EXEC; each step is a command with its reply."""
        sent = command("MULTI") + b"".join(command(*words) for words, _ in steps) + command("EXEC")
        self.say(party, sent)
        self.answer(party, OK + QUEUED * len(steps) + b"*%d\r\n" % len(steps) + b"".join(reply for _, reply in steps))

    def facts(self, *kinds: str) -> list[Fact]:
        """The facts of these kinds, or all."""
        return [fact for fact in self.timeline.facts if not kinds or fact.kind in kinds]

    def fact(self, kind: str) -> Fact:
        """The one fact of a kind."""
        (found,) = self.facts(kind)
        return found


def envelope(task_id: str = "t1", tag: str = "tag-1", **over: Any) -> bytes:
    """A Redis list item as Celery writes it, in short."""
    body = over.pop("body", [[1], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    whole = {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"task": "conf.echo", "id": task_id},
        "properties": {
            "correlation_id": task_id,
            "reply_to": "r",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "q"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": tag,
        },
    }
    return json.dumps({**whole, **over}).encode()


def result(task_id: str = "t1", status: str = "SUCCESS", value: Any = 3) -> bytes:
    """A result document as Celery writes it, in short."""
    return json.dumps({"status": status, "result": value, "task_id": task_id}).encode()
