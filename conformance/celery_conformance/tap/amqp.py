"""Cuts an AMQP 0-9-1 connection into frames and puts methods, headers and bodies together again.

A frame is cut out by its seven-byte header before pamqp sees it, so that pamqp never has to tell an incomplete
frame from a corrupt one. A frame it cannot decode becomes a fact and decoding goes on with the next. Where no frame
begins or ends as it must, nobody can say where the next one begins: one fact, and that direction is no longer read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pamqp.body
import pamqp.exceptions
import pamqp.frame
import pamqp.header

_FRAME_HEADER = struct.Struct(">BHI")
_FRAME_TYPES = frozenset({1, 2, 3, 8})
_FRAME_END = 0xCE
_PREAMBLE = b"AMQP"


@dataclass(frozen=True, slots=True)
class Method:
    """A method, with the content that follows it where it carries any."""

    channel: int
    name: str
    frame: Any
    properties: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class _Content:
    method: Any
    properties: dict[str, Any] | None = None
    size: int = 0
    body: bytearray = field(default_factory=bytearray)


OnMethod = Callable[[Method], None]
OnBroken = Callable[[str, bytes], None]


def content_properties(header: Any) -> dict[str, Any]:
    """The basic properties that are present, by their AMQP names."""
    present = {name: value for name, value in dict(header.properties).items() if value is not None}
    present.pop("cluster_id", None)  # a relic that pamqp shows as an empty text when absent
    return present


@dataclass(slots=True)
class FrameReader:
    """One direction of a connection."""

    method: OnMethod
    broken: OnBroken
    _buffer: bytearray = field(default_factory=bytearray)
    _contents: dict[int, _Content] = field(default_factory=dict)
    _lost: bool = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they came; every complete method is handed on at once."""
        if self._lost:
            return
        self._buffer += data
        for frame in self._frames():
            if len(frame) == _FRAME_HEADER.size + 1:  # no payload: a heartbeat, or an empty piece of a body
                continue
            try:
                _, channel, value = pamqp.frame.unmarshal(frame)
            except (pamqp.exceptions.PAMQPException, ValueError, LookupError, struct.error, OverflowError) as error:
                self.broken(f"{type(error).__name__}: {error}", frame[:200])
                continue
            self._take(channel, value)

    def _frames(self) -> Iterator[bytes]:
        if self._buffer.startswith(_PREAMBLE) and len(self._buffer) >= 8:
            del self._buffer[:8]
        while len(self._buffer) >= _FRAME_HEADER.size and not _PREAMBLE.startswith(bytes(self._buffer[:4])):
            kind, _, length = _FRAME_HEADER.unpack_from(self._buffer)
            size = _FRAME_HEADER.size + length + 1
            if kind not in _FRAME_TYPES:
                self._lose(f"expected the type of a frame ({sorted(_FRAME_TYPES)}), came {kind}")
                return
            if len(self._buffer) < size:
                return
            frame = bytes(self._buffer[:size])
            if frame[-1] != _FRAME_END:
                self._lose(f"expected a frame to end with {_FRAME_END:#x}, came {frame[-1]:#x}")
                return
            del self._buffer[:size]
            yield frame

    def _lose(self, reason: str) -> None:
        self._lost = True
        self.broken(reason, bytes(self._buffer[:200]))
        self._buffer.clear()

    def _take(self, channel: int, value: Any) -> None:
        if isinstance(value, pamqp.header.ContentHeader):
            self._header(channel, value)
        elif isinstance(value, pamqp.body.ContentBody):
            self._body(channel, value.value)
        elif getattr(value, "name", "") in _WITH_CONTENT:
            self._contents[channel] = _Content(value)
        elif hasattr(value, "name"):
            self.method(Method(channel, value.name, value))

    def _header(self, channel: int, header: Any) -> None:
        content = self._contents.get(channel)
        if content is not None:
            content.properties, content.size = content_properties(header), header.body_size
            self._complete(channel, content)

    def _body(self, channel: int, piece: bytes) -> None:
        content = self._contents.get(channel)
        if content is not None:
            content.body += piece
            self._complete(channel, content)

    def _complete(self, channel: int, content: _Content) -> None:
        if content.properties is not None and len(content.body) >= content.size:
            del self._contents[channel]
            name = content.method.name
            self.method(Method(channel, name, content.method, content.properties, bytes(content.body)))


_WITH_CONTENT = frozenset({"Basic.Publish", "Basic.Deliver", "Basic.GetOk", "Basic.Return"})
