"""Every fixture is taken apart and put together again, with the codec and the text of the specification alone.

What comes out says the same to every reader as what went in: the same tokens, or the same values where a token has
several forms. What Celery wrote in JSON, YAML and MessagePack comes out byte for byte. A compressed body does so once
it is decompressed, as the bytes of a compression depend on the library. What the codec refuses to read is a fixture
with a fault, or a pickle.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from struct import unpack
from typing import Any

import brotli
import pytest
from amqp import Message
from backports import zstd
from celery_wire import compression, models
from celery_wire.codec import JSON, KNOWN, UTF_8, decode, decode_text, encode, encode_as
from celery_wire.errors import ContentRefusedError, WireError
from pydantic import TypeAdapter

FOLDER = Path(__file__).parents[2] / "fixtures"
SIGNED, PICKLE = "application/data", "application/x-python-serialize"
#: Between the fields of a signed body [SIGN-LAY-003].
SEPARATOR = b"\x00\x01"
#: Before and behind the name of the compression of a stored result [RES-CMP-002].
COMPRESSED, END = b"\x00celery-compressed\x00", b"\x00"
LIMIT = 1 << 24
#: Kinds of AMQP frames, the class of basic properties, and the length of class, weight and size before these.
HEADER, BODY, BASIC, SIZES = 2, 3, 60, 12
#: Compressions that the reference does not know, and how the libraries that kombu uses undo and do them.
FOREIGN: dict[Any, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    **dict.fromkeys(("application/zstd", "zstd", "zstandard"), (zstd.decompress, zstd.compress)),
    **dict.fromkeys(("application/x-brotli", "brotli"), (brotli.decompress, brotli.compress)),
}


class Other(Exception):
    """What came out is not what went in."""


@cache
def fixtures() -> dict[str, dict[str, Any]]:
    """Name to content of every fixture."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*/*.json")))
    return {fixture["name"]: fixture for fixture in found}


def tokens(text: str | bytes) -> Any:
    """A JSON text without its white space and escapes: numbers as they are written, keys in their order."""
    return json.loads(text, parse_int=_token, parse_float=_token, parse_constant=_token, object_pairs_hook=tuple)


def _token(text: str) -> tuple[str]:
    return (text,)


def alike(one: Any, other: Any) -> bool:
    """Equal values of equal types; a number that equals nothing equals itself, and keys stand in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN


def through_json(text: str | bytes, exact: bool) -> Any:
    """A JSON text through the codec; returns its value."""
    value = decode_text(text)
    again = encode(value)
    plain = text if isinstance(text, str) else text.decode(UTF_8)
    if again != plain and (exact or tokens(again) != tokens(plain)) and (exact or not alike(decode_text(again), value)):
        raise Other(f"{plain!r} became {again!r}")
    return value


def through_body(body: bytes, message: Mapping[str, Any], exact: bool) -> None:
    """The body of a message through compression, signature and serializer, and back."""
    kind, name = message.get("content_type"), (message.get("headers") or {}).get("compression")
    if name in FOREIGN:
        undo, do = FOREIGN[name]
        body = undo(do(undo(body)))
    elif isinstance(name, str) and name:
        plain = compression.decompress(body, name, LIMIT)
        again, written = compression.compress(plain, name)
        if compression.decompress(again, written, LIMIT) != plain:
            raise Other(f"{plain!r} was lost in {written}")
        body = plain
    if kind == SIGNED:
        through_signature(body, exact)
    else:
        through_serializer(body, kind, exact)


def through_serializer(body: bytes, kind: Any, exact: bool) -> None:
    """Serialized bytes to values and back."""
    if kind == JSON:
        through_json(body, exact)
        return
    value = decode(body, kind, accept=KNOWN)
    written, _ = encode_as(kind, value)
    again = written.encode(UTF_8) if isinstance(written, str) else written
    if again != body and (exact or not alike(decode(again, kind, accept=KNOWN), value)):
        raise Other(f"{body!r} became {again!r}")


def through_signature(body: bytes, exact: bool) -> None:
    """A signed body to its five fields and back [SIGN-LAY-003, SIGN-LAY-004]."""
    fields = base64.b64decode(body).split(SEPARATOR, 4)
    signer, signature, kind, encoding, inner = fields
    through_serializer(inner, kind.decode(), exact)
    names = [base64.b64encode(base64.b64decode(field, validate=True)) for field in (signer, signature)]
    if base64.b64encode(SEPARATOR.join([*names, kind, encoding, inner])) != body:
        raise Other(f"{body!r} is not its fields")


def through_item(text: str, exact: bool) -> None:
    """What lies in a list, a file or a row of a broker: an envelope, with the body of a message inside."""
    envelope = through_json(text, exact)
    envelope = envelope[0] if isinstance(envelope, list) and envelope else envelope
    if not isinstance(envelope, dict) or not isinstance(envelope.get("body"), str):
        return
    body, properties = envelope["body"], envelope.get("properties")
    plain = body.encode(UTF_8)
    if isinstance(properties, dict) and properties.get("body_encoding") == "base64":
        plain = base64.b64decode(body, validate=True)
        if base64.b64encode(plain).decode() != body:
            raise Other(f"{body!r} is not the base64 text of its bytes")
    through_body(plain, {"content_type": envelope.get("content-type"), "headers": envelope.get("headers")}, exact)


def through_frames(data: bytes, exact: bool) -> None:
    """The frames of a message: its properties as py-amqp, which Celery uses, reads and writes them, and its body."""
    header, body = Message(), b""
    for kind, payload in _frames(data):
        if kind == HEADER:
            header = _properties(payload[SIZES:])
            again = header._serialize_properties()
            if again != payload[SIZES:] and (exact or _properties(again).properties != header.properties):
                raise Other(f"{payload!r} became {again!r}")
        elif kind == BODY:
            body += payload
    if body:
        named = header.properties
        message = {"content_type": named.get("content_type"), "headers": named.get("application_headers")}
        through_body(body, message, exact)


def _frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and payload of each frame, which ends in the octet 206."""
    while data:
        kind, _, size = unpack(">BHI", data[:7])
        payload, data = data[7 : 7 + size], data[8 + size :]
        yield kind, payload


def _properties(payload: bytes) -> Any:
    message: Any = Message()
    message._load_properties(BASIC, payload, 0)
    return message


def parts(fixture: Mapping[str, Any]) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """What there is to be taken apart in a fixture, and the function that does so."""
    message = fixture["message"]
    if "body" in message:
        yield through_body, (_bytes(message["body"]), message)
    elif "item" in message:
        yield through_item, (message["item"],)
    elif "frames" in message:
        yield through_frames, (base64.b64decode(message["frames"]),)
    elif "value" in message:
        yield through_value, (_bytes(message["value"]),)
    elif "record" in message:
        for place, kind in message["encoded"].items():
            yield through_encoded, (_at(message["record"], place), kind)
    else:
        yield through_json, (message.get("document", message.get("signature")),)


def through_value(value: bytes, exact: bool) -> None:
    """What a store keeps under a key and is no text: a result that was compressed [RES-CMP-002]."""
    if not value.startswith(COMPRESSED):
        through_json(value, exact)
        return
    name, _, stream = value.removeprefix(COMPRESSED).partition(END)
    plain = compression.decompress(stream, name.decode(), LIMIT)
    again, written = compression.compress(plain, name.decode())
    if written.encode() != name:
        raise ValueError(f"expected a MIME type, got {name!r}")
    if compression.decompress(again, written, LIMIT) != plain:
        raise Other(f"{value!r} was lost")
    through_json(plain, exact)


def through_encoded(value: Any, kind: str, exact: bool) -> None:
    """A serialized value in a row or an item: text or bytes of JSON, or the base64 text of that."""
    data = base64.b64decode(value["$bytes"]) if isinstance(value, dict) else str(value).encode()
    through_item((base64.b64decode(data) if kind == "base64" else data).decode(), exact)


def _bytes(given: Mapping[str, str]) -> bytes:
    return given["text"].encode() if "text" in given else base64.b64decode(given["base64"])


def _at(record: Any, place: str) -> Any:
    for step in place.strip("/").split("/"):
        record = record[step]
    return record


def trip(fixture: Mapping[str, Any], exact: bool) -> int:
    """Take everything apart and put it together; how many parts that were. Raises what the codec or a part raises."""
    found = list(parts(fixture))
    for function, arguments in found:
        function(*arguments, exact)
    return len(found)


CAPTURED = [name for name, fixture in fixtures().items() if fixture["origin"]["kind"] == "captured"]


def _is_pickle(fixture: Mapping[str, Any]) -> bool:
    return bool(fixture["message"].get("content_type") == PICKLE)


@pytest.mark.parametrize("name", fixtures())
def test_nothing_is_lost(name: str) -> None:
    """A message comes back as it was; only what is faulty or a pickle cannot be read at all."""
    fixture = fixtures()[name]
    try:
        trip(fixture, exact=False)
    except (WireError, ValueError, TypeError, AttributeError):
        assert fixture["fault"] is not None or _is_pickle(fixture)


@pytest.mark.parametrize("name", CAPTURED)
def test_what_celery_wrote_comes_back_byte_for_byte(name: str) -> None:
    """The codec's own form of JSON, YAML and MessagePack is Celery's."""
    fixture = fixtures()[name]
    if _is_pickle(fixture):
        with pytest.raises(ContentRefusedError):
            trip(fixture, exact=True)
        return
    assert trip(fixture, exact=True) or not fixture["message"]["encoded"]


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
        ("[1]", "[1.0]"),
        ("[1]", "[true]"),
        ('["\\u00e9"]', '["e"]'),
        ("[[1, 2], {}]", "[[1, 2], {}, null]"),
    ],
)
def test_a_loss_is_seen(monkeypatch: pytest.MonkeyPatch, text: str, again: str) -> None:
    """The comparison itself: order of keys, kinds of numbers, letters and length count."""
    monkeypatch.setattr(f"{__name__}.encode", lambda _value: again)
    with pytest.raises(Other):
        through_json(text, exact=False)


#: Schema to the model that takes what it accepts.
MODELS: dict[str, TypeAdapter[Any]] = {
    "task-v2-accepted": TypeAdapter(models.AcceptedTask),
    "task-v2-emitted": TypeAdapter(models.EmittedTask),
    "redis-envelope-accepted": TypeAdapter(models.AcceptedEnvelope),
    "redis-envelope-emitted": TypeAdapter(models.EmittedEnvelope),
    "redis-unacked": TypeAdapter(models.UnackedEntry),
    "result-accepted": TypeAdapter(models.AcceptedResult),
    "result-emitted": TypeAdapter(models.EmittedResult),
    "rpc-result-emitted": TypeAdapter(models.EmittedRpcResult),
}
JUDGED = [
    (name, schema)
    for name, fixture in fixtures().items()
    for schema, valid in fixture["judged"].items()
    if valid and schema in MODELS
]


@pytest.mark.parametrize(("name", "schema"), JUDGED)
def test_a_model_keeps_everything(name: str, schema: str) -> None:
    """A document that a schema accepts goes into its model and comes out with every key and value."""
    decoded, adapter = fixtures()[name]["decoded"], MODELS[schema]
    again = adapter.dump_python(adapter.validate_python(decoded), by_alias=True, exclude_unset=True)
    assert listed(again) == decoded


def listed(value: Any) -> Any:
    """A value with lists for the tuples that arrays of fixed length are in a model."""
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, list | tuple) else value
