"""What one party wrote to a server: a proxy that forwards bytes, and the commands in them as they come.

A party (a producer, a worker) has a port of its own for each server, so that what it wrote is never taken for
another's. Nothing is changed or held back.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

import hiredis

from celery_conformance.brokers.ports import HOST
from celery_conformance.fixtures.decoding import cut_frames

_CHUNK = 65536
_PROTOCOL_HEADER = 8
_METHOD, _HEADER, _BODY = 1, 2, 3
_PUBLISH = (60).to_bytes(2, "big") + (40).to_bytes(2, "big")


class Cutter(Protocol):
    """Cuts the bytes of one connection into commands."""

    def feed(self, data: bytes) -> list[Any]:
        """The commands that are complete with these bytes."""


class RedisCutter:
    """Redis: a command is a list of words."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(notEnoughData=self)

    def feed(self, data: bytes) -> list[Any]:
        self._reader.feed(data)
        found = []
        while (command := self._reader.gets()) is not self:
            found.append(command)
        return found


class AmqpCutter:
    """AMQP: a command is the frame of a method; a publication comes with its header and its body, as one piece."""

    def __init__(self) -> None:
        self._rest = b""
        self._begun = False
        self._open: dict[int, tuple[bytearray, int]] = {}

    def feed(self, data: bytes) -> list[Any]:
        self._rest += data
        if not self._begun:
            if len(self._rest) < _PROTOCOL_HEADER:
                return []
            self._rest, self._begun = self._rest[_PROTOCOL_HEADER:], True
        found = []
        for frame in cut_frames(self._rest):
            self._rest = self._rest[len(frame) :]
            whole = self._add(frame)
            if whole is not None:
                found.append(whole)
        return found

    def _add(self, frame: bytes) -> bytes | None:
        kind, channel, payload = frame[0], int.from_bytes(frame[1:3], "big"), frame[7:-1]
        if kind == _METHOD and payload[:4] == _PUBLISH:
            self._open[channel] = (bytearray(frame), -1)
            return None
        if kind == _METHOD:
            return frame
        if channel not in self._open or kind not in (_HEADER, _BODY):
            return None
        frames, missing = self._open[channel]
        frames.extend(frame)
        missing = int.from_bytes(payload[4:12], "big") if kind == _HEADER else missing - len(payload)
        self._open[channel] = (frames, missing)
        return bytes(self._open.pop(channel)[0]) if missing == 0 else None


@dataclass(slots=True)
class Tap:
    """A port that leads to a server, and every command that came through it, in order."""

    target: int
    cutter: type[RedisCutter] | type[AmqpCutter]
    commands: list[Any] = field(default_factory=list)
    _listener: socket.socket = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self.target))
                threading.Thread(target=self._pump, args=(client, server, self.cutter()), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, None), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, cutter: Cutter | None) -> None:
        with contextlib.suppress(OSError):  # either side has gone
            while data := source.recv(_CHUNK):
                if cutter is not None:
                    with self._lock:
                        self.commands.extend(cutter.feed(data))
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
