"""Sees what Lua scripts do on the embedded Redis, through MONITOR.

A script's commands never cross a proxied connection. MONITOR shows the EVALSHA with the address of the caller and,
right after it, each command of the script; so the script's effects are given to the caller.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from celery_conformance.tap.origin import Origin
from celery_conformance.tap.proxy import Tap, Upstream
from celery_conformance.tap.resp import Command, Transaction

_LINE = re.compile(rb'^\+?[\d.]+ \[\d+ (?P<who>\S+?)\] (?P<words>".*)$')
_LONGEST_LINE = 1 << 26
_OF_A_SCRIPT = re.compile(rb'\[\d+ lua\] |\] "(?:eval|evalsha|fcall)"', re.IGNORECASE)
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')

#: What a command of a script most plausibly answered; MONITOR shows no replies. What a script reads stays unseen:
#: nobody can say what it was given.
_REPLIES: dict[bytes, object] = {
    **dict.fromkeys((b"HDEL", b"HSET", b"HSETNX", b"LPUSH", b"RPUSH", b"SADD", b"PUBLISH", b"DEL", b"UNLINK"), 1),
    **dict.fromkeys((b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"), 1),
    **dict.fromkeys((b"SET", b"SETEX", b"PSETEX", b"HMSET"), b"OK"),
    **dict.fromkeys((b"ZADD", b"INCR", b"INCRBY"), 1),
}


def parse_line(line: bytes) -> tuple[str, list[bytes]] | None:
    """The caller (an address, or ``lua``) and the words of a line of MONITOR, or None for any other line."""
    match = _LINE.match(line.strip())
    if match is None:
        return None
    words = [_unquote(word) for word in _WORD.findall(match["words"])]
    return match["who"].decode(), words


def encode(*words: str) -> bytes:
    """A command as Redis reads it."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def _unquote(word: bytes) -> bytes:
    value = ast.literal_eval("b'" + word.decode("latin-1").replace("'", "\\'") + "'")
    return bytes(value)


@dataclass(slots=True)
class ScriptMonitor:
    """Watches one Redis until it is cancelled. ``credentials`` are a URL's: ``user:password@``, percent-encoded."""

    tap: Tap
    upstream: Upstream
    credentials: str = ""
    _caller: Origin | None = field(default=None)

    async def watch(self) -> None:
        """Read MONITOR for ever; a refusal (a managed Redis) ends it quietly."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection(self.upstream.host, self.upstream.port, limit=_LONGEST_LINE)
            writer.write(self._authentication() + encode("MONITOR"))
            try:
                while line := await _line(reader):
                    self.take(line)
            finally:
                writer.close()

    def _authentication(self) -> bytes:
        user, _, password = self.credentials.removesuffix("@").partition(":")
        words = [unquote(word) for word in (user, password) if word]
        return encode("AUTH", *words) if password else b""

    def take(self, line: bytes) -> None:
        """Take one line of MONITOR. Nearly all are commands that crossed a proxied connection, and need no parsing."""
        if _OF_A_SCRIPT.search(line[:120]) is None:
            self._caller = None
            return
        parsed = parse_line(line)
        if parsed is None:
            return
        who, words = parsed
        if who != "lua":
            is_script = words and words[0].upper() in (b"EVAL", b"EVALSHA", b"FCALL")
            port = who.rpartition(":")[2]
            self._caller = self.tap.owner(int(port)) if is_script and port.isdigit() else None
        elif self._caller is not None and words and words[0].upper() in _REPLIES:
            self._effect(self._caller, words[0].upper(), tuple(words[1:]))

    def _effect(self, caller: Origin, name: bytes, arguments: tuple[bytes, ...]) -> None:
        now = self.tap.timeline.clock.now()
        transaction = Transaction(((Command(name, arguments, now), _REPLIES[name]),))
        with contextlib.suppress(ValueError, IndexError):  # the server refused such arguments: nothing happened
            self.tap.interpreter(self.upstream).done(caller, transaction, now)


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; one too long to be held is passed over."""
    while True:
        try:
            return await reader.readline()
        except ValueError:
            continue
