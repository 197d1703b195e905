"""Cuts a Redis connection into commands and their replies.

Requests and replies are parsed by hiredis. Replies answer commands in order; what a subscription pushes answers
nothing, but for the first confirmation, which answers the subscribing command. A MULTI becomes its commands when EXEC
answers. A parse error ends the decoding of that connection, never its forwarding.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hiredis

#: What hiredis answers for "not enough yet"; its default, False, is a lawful RESP3 value.
_MORE = object()

_SUBSCRIBING = frozenset({b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE", b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"})
_CONFIRMING = frozenset(name.lower() for name in _SUBSCRIBING)
_PUSHED = _CONFIRMING | {b"message", b"pmessage", b"smessage"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was sent: its upper-case name, its arguments, and when it was seen."""

    name: bytes
    arguments: tuple[bytes, ...]
    sent: float


@dataclass(frozen=True, slots=True)
class Transaction:
    """Commands that took effect together."""

    steps: tuple[tuple[Command, Any], ...]


OnSent = Callable[[Command], None]
OnDone = Callable[[Transaction, float], None]
OnPushed = Callable[[list[Any], float], None]
OnBroken = Callable[[str, bytes], None]


@dataclass(slots=True)
class RespSession:
    """One connection's dialogue. ``done`` gets every effect, a lone command being a transaction of one."""

    sent: OnSent
    done: OnDone
    pushed: OnPushed
    broken: OnBroken
    _requests: Any = field(default_factory=lambda: hiredis.Reader(notEnoughData=_MORE))
    _replies: Any = field(default_factory=lambda: hiredis.Reader(notEnoughData=_MORE))
    _pending: deque[Command] = field(default_factory=deque)
    _queued: list[Command] | None = None
    _subscribed: bool = False
    _marks_pushes: bool = False
    _dead: bool = False

    def client(self, data: bytes, now: float) -> None:
        """Take bytes the client sent."""
        for value in self._values(self._requests, data):
            if isinstance(value, list) and value and all(isinstance(word, bytes) for word in value):
                self._request(Command(value[0].upper(), tuple(value[1:]), now))
            elif value is not None and value != []:  # the server passes over empty requests
                self._give_up("a request is no list of texts", data)
                return

    def server(self, data: bytes, now: float) -> None:
        """Take bytes the server sent."""
        for value in self._values(self._replies, data):
            if self._is_push(value):
                self._push(list(value), now)
            elif self._pending:
                self._reply(self._pending.popleft(), value, now)

    def _values(self, reader: Any, data: bytes) -> list[Any]:
        if self._dead:
            return []
        values = []
        try:
            reader.feed(data)
            while (value := reader.gets()) is not _MORE:
                values.append(value)
        except (hiredis.ProtocolError, TypeError) as error:  # a map whose key is a list cannot be one of Python's
            self._give_up(str(error), data)
        return values

    def _give_up(self, reason: str, data: bytes) -> None:
        self._dead = True
        self.broken(reason, data[:200])

    def _request(self, command: Command) -> None:
        self._pending.append(command)
        self.sent(command)

    def _is_push(self, value: Any) -> bool:
        if isinstance(value, hiredis.PushNotification):
            return True
        if self._marks_pushes or not (self._subscribed or self._awaits_confirmation()):
            return False
        return isinstance(value, list) and bool(value) and isinstance(value[0], bytes) and value[0] in _PUSHED

    def _awaits_confirmation(self) -> bool:
        return bool(self._pending) and self._pending[0].name in _SUBSCRIBING

    def _push(self, push: list[Any], now: float) -> None:
        if self._awaits_confirmation() and push[0] == self._pending[0].name.lower():
            self._pending.popleft()
        if push[0] in _CONFIRMING:
            self._subscribed = bool(push[-1])
        self.pushed(push, now)

    def _reply(self, command: Command, reply: Any, now: float) -> None:
        if command.name == b"HELLO":
            self._marks_pushes = isinstance(reply, dict)  # RESP3 answers with a map, and tells pushes from replies
        if command.name == b"MULTI":
            self._queued = self._queued if isinstance(reply, hiredis.ReplyError) else []
        elif command.name == b"DISCARD":
            self._queued = None
        elif command.name == b"EXEC":
            queued, self._queued = self._queued or [], None
            if isinstance(reply, list):
                self.done(Transaction(tuple(zip(queued, reply, strict=False))), now)
        elif self._queued is not None:
            if reply == b"QUEUED":
                self._queued.append(command)
        else:
            self.done(Transaction(((command, reply),)), now)
