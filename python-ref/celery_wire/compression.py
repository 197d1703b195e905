"""Compressions: doing them, and undoing them within a bound.

Rules: a name is a MIME type of the specification's table or the name of a setting [SER-CMP-014], compared letter by
letter [SER-CMP-005]; application/x-gzip is a zlib stream [SER-CMP-001]. A stream has to be whole [SER-CMP-004], and
what becomes larger than the bound is refused before it does [SEC-SIZ-003]. A writer names the MIME type, whatever
name it was told [SER-CMP-014].
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

from celery_wire.errors import BodyTooLargeError, BodyUndecodableError

ZLIB, BZ2, LZMA = "application/x-gzip", "application/x-bz2", "application/x-lzma"

NAMES: Mapping[str, str] = {"zlib": ZLIB, "gzip": ZLIB, "bzip2": BZ2, "bzip": BZ2, "lzma": LZMA, "xz": LZMA}
"""The names of settings, which are understood when read."""


class _Stream(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_STREAMS: Mapping[str, Callable[[], _Stream]] = {
    ZLIB: zlib.decompressobj,
    BZ2: bz2.BZ2Decompressor,
    LZMA: lzma.LZMADecompressor,
}
TYPES = tuple(_STREAMS)
"""The compressions that are done and undone here."""

_WRITERS: Mapping[str, Callable[[bytes], bytes]] = {ZLIB: zlib.compress, BZ2: bz2.compress, LZMA: lzma.compress}

_SEVERAL = frozenset({BZ2, LZMA})  # one stream may follow another


def compress(body: bytes, name: str) -> tuple[bytes, str]:
    """The bytes as one stream, and the MIME type that the header `compression` names; raises KeyError."""
    kind = NAMES.get(name, name)
    return _WRITERS[kind](body), kind


def decompress(body: bytes, name: str, limit: int) -> bytes:
    """The bytes that were compressed.

    Raises BodyTooLargeError when they are more than `limit`, BodyUndecodableError when the stream is not whole or the
    compression is not known.
    """
    kind = NAMES.get(name, name)
    if kind not in _STREAMS:
        raise BodyUndecodableError(f"compression: expected one of {', '.join(TYPES)}, got {name!r}")
    whole, rest = _read(kind, body, limit)
    while kind in _SEVERAL and rest:
        found, rest = _read(kind, rest, limit - len(whole), behind=True)
        whole += found
    return whole


def _read(kind: str, body: bytes, room: int, behind: bool = False) -> tuple[bytes, bytes]:
    """What one stream holds, and the bytes after it; those that stand behind a stream and are none are let be."""
    stream = _STREAMS[kind]()
    try:
        found: bytes = stream.decompress(body, room + 1)
    except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
        if behind:
            return b"", b""
        raise BodyUndecodableError(f"body: expected {kind}, got {error}") from error
    if len(found) > room:
        raise BodyTooLargeError(len(found), room)
    if not stream.eof:
        raise BodyUndecodableError(f"body: expected a whole stream of {kind}, got one that ends too early")
    return found, stream.unused_data
