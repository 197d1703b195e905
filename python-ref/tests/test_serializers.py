"""YAML and MessagePack: what kombu writes is read, what could harm is not."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from celery_wire.codec import JSON, KNOWN, Limits, decode
from celery_wire.errors import BodyTooDeepError, BodyUndecodableError, ContentRefusedError
from celery_wire.serializers import MSGPACK, YAML
from kombu.serialization import dumps

VALUES = ["žluť 🐴", 1, -(2**63), 1.5, None, True, [[], {}], {"key": b"\xff\x00"}]
ACCEPT = frozenset({JSON, YAML, MSGPACK})


@pytest.mark.parametrize("name", ["yaml", "msgpack"])
def test_what_kombu_writes_is_read(name: str) -> None:
    """Values come back as they were."""
    content_type, _, body = dumps(VALUES, serializer=name)
    assert decode(body, content_type, accept=ACCEPT) == VALUES


def test_yaml_keeps_moments() -> None:
    """A moment with an offset comes back as the same moment."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    _, _, body = dumps([moment], serializer="yaml")
    assert decode(body, YAML, accept=ACCEPT) == [moment]


@pytest.mark.parametrize("content_type", sorted(KNOWN - {JSON}))
def test_only_what_is_accepted_is_read(content_type: str) -> None:
    """Without being told a codec reads JSON alone."""
    with pytest.raises(ContentRefusedError):
        decode(b"[]", content_type)


def test_yaml_calls_nothing(tmp_path: Path) -> None:
    """A tag that names a function is an error, and the function is not called [SER-YML-001]."""
    place = tmp_path / "made"
    with pytest.raises(BodyUndecodableError):
        decode(f"!!python/object/apply:os.mkdir ['{place}']", YAML, accept=ACCEPT)
    assert not place.exists()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (YAML, b"[[1, 2], {}"),
        (YAML, b"\t- 1\n"),
        (YAML, b"[&a [*a]]"),
        (YAML, b"\xff\xff"),
        (YAML, b"{[1]: 2}"),
        (MSGPACK, b"\x93\x91"),
        (MSGPACK, b"\x90\xc0"),
        (MSGPACK, b"\x91\x81\x01\x02"),
        (MSGPACK, b"\x91\xa1\xff"),
        (MSGPACK, b"\xc1"),
        (MSGPACK, "text"),
    ],
)
def test_what_cannot_be_read_is_one_error(content_type: str, body: Any) -> None:
    """Broken bytes, several values, keys that are numbers, and documents that contain themselves."""
    with pytest.raises(BodyUndecodableError):
        decode(body, content_type, accept=ACCEPT)


def test_aliases_may_not_grow_without_bound() -> None:
    """Nine levels of nine aliases each are refused at once; a list that stands twice is read [SEC-SIZ-004]."""
    names = "abcdefghi"
    lines = [f"- &{names[0]} [x]"]
    lines += [f"- &{own} [{', '.join([f'*{above}'] * 9)}]" for above, own in pairwise(names)]
    with pytest.raises(BodyUndecodableError, match="aliases"):
        decode("\n".join(lines), YAML, accept=ACCEPT)
    assert decode("[&a [1], *a]", YAML, accept=ACCEPT) == [[1], [1]]


@pytest.mark.parametrize(
    ("content_type", "body"), [(YAML, b"[" * 9 + b"1" + b"]" * 9), (MSGPACK, b"\x91" * 9 + b"\x01")]
)
def test_depth_is_bounded(content_type: str, body: bytes) -> None:
    """Nine levels are one too many where eight are allowed."""
    with pytest.raises(BodyTooDeepError):
        decode(body, content_type, accept=ACCEPT, limits=Limits(depth=8))
    assert decode(body, content_type, accept=ACCEPT, limits=Limits(depth=9))


def test_an_empty_yaml_document_is_nothing() -> None:
    """A body without a document is null, which no task body is."""
    assert decode(b"", YAML, accept=ACCEPT) is None


@pytest.mark.parametrize("content_type", [YAML, MSGPACK])
def test_bottomless_nesting_is_refused(content_type: str) -> None:
    """A hundred thousand levels are an error of the body and nothing else."""
    body = b"[" * 100_000 if content_type == YAML else b"\x91" * 100_000
    with pytest.raises(BodyUndecodableError):
        decode(body, content_type, accept=ACCEPT)
