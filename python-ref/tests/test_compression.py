"""Undoing compressions: what kombu writes is read, and nothing grows beyond its bound."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import zlib
from typing import Any

import pytest
from celery_wire.brokers.kombu_ways import bound_decompression
from celery_wire.compression import BZ2, LZMA, NAMES, TYPES, ZLIB, decompress
from celery_wire.errors import BodyTooLargeError, BodyUndecodableError
from kombu import compression as kombu_compression

BODY = b'[["x"], {}, {"chain": null}]' * 3
ROOM = 1000


@pytest.mark.parametrize("name", [*TYPES, *NAMES])
def test_what_kombu_writes_is_read(name: str) -> None:
    """Under the name in the header and under that of the setting."""
    compressed, kind = kombu_compression.compress(BODY, name)
    assert decompress(compressed, kind, ROOM) == decompress(compressed, name, ROOM) == BODY


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (ZLIB, gzip.compress(BODY)),
        (ZLIB, zlib.compress(BODY)[2:-4]),
        (ZLIB, zlib.compress(BODY)[:-1]),
        (ZLIB, zlib.compress(BODY)[:-4] + bytes(4)),
        (ZLIB, base64.b64encode(zlib.compress(BODY))),
        (ZLIB, b""),
        (BZ2, bz2.compress(BODY)[:-1]),
        (LZMA, lzma.compress(BODY)[:-1]),
        (LZMA, BODY),
        ("application/x-snappy", BODY),
        ("APPLICATION/X-GZIP", zlib.compress(BODY)),
    ],
)
def test_what_is_not_whole_or_not_known_is_refused(kind: str, body: bytes) -> None:
    """gzip files, bare streams, wrong checksums, streams that end too early, and names of others."""
    with pytest.raises(BodyUndecodableError):
        decompress(body, kind, ROOM)


@pytest.mark.parametrize("kind", TYPES)
def test_growth_is_bounded(kind: str) -> None:
    """One byte too many is refused, and the bound itself is not."""
    compressed, _ = kombu_compression.compress(bytes(ROOM), kind)
    assert decompress(compressed, kind, ROOM) == bytes(ROOM)
    with pytest.raises(BodyTooLargeError):
        decompress(compressed, kind, ROOM - 1)


def test_streams_behind_each_other_share_the_bound() -> None:
    """Two streams of bzip2 are one body."""
    two = bz2.compress(bytes(600)) * 2
    assert decompress(two, BZ2, 1200) == bytes(1200)
    with pytest.raises(BodyTooLargeError):
        decompress(two, BZ2, 1199)


def test_kombu_decompresses_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once told, kombu refuses what becomes too large, and reads the rest as before."""
    monkeypatch.setattr(kombu_compression, "_decoders", dict(kombu_compression._decoders))
    bound_decompression(ROOM)
    for name in ("zlib", "bzip2", "xz"):
        body, kind = kombu_compression.compress(bytes(ROOM), name)
        assert kombu_compression.decompress(body, kind) == bytes(ROOM)
        body, kind = kombu_compression.compress(bytes(ROOM + 1), name)
        with pytest.raises(BodyTooLargeError):
            kombu_compression.decompress(body, kind)


@pytest.mark.parametrize(("kind", "library"), [(BZ2, bz2), (LZMA, lzma)])
def test_bytes_behind_a_stream_are_let_be_as_by_what_kombu_uses(kind: str, library: Any) -> None:
    """SER-CMP-016: what is no stream behind one is passed over, and a second one that ends too early is refused."""
    whole = library.compress(b"body")
    assert decompress(whole + b"rest", kind, ROOM) == library.decompress(whole + b"rest") == b"body"
    with pytest.raises((ValueError, EOFError, lzma.LZMAError)):
        library.decompress(whole + whole[:-3])
    with pytest.raises(BodyUndecodableError):
        decompress(whole + whole[:-3], kind, ROOM)
