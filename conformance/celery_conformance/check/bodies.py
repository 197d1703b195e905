"""Decodes the body of a message without running anything: text encodings, compression, and what stays closed.

A pickle is never loaded, because loading it runs it; YAML is read without tags or aliases. What cannot be decoded
although the message says how is a `Problem`; what is left closed on purpose is ``opaque`` and no problem.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import importlib
import json
import lzma
import pickletools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from celery_conformance import schemas
from celery_conformance.check.model import Problem, UnreadableError
from celery_conformance.check.reading import LONGEST, parse

_MARK: Final = b"\xef\xbb\xbf"
_TAG: Final = b"__type__"
_ESCAPED: Final = b"\\u005"  # an underscore, escaped
_BETWEEN: Final = b"\0\1"
SIGNED: Final = "signed-task"
_LONGEST_YAML: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded body. Without a value there is a problem, or a reason why it stays closed."""

    value: Any = None
    problem: Problem | None = None
    opaque: str = ""
    odd_numbers: bool = False
    tagged: bool = True

    @property
    def open(self) -> bool:
        return self.problem is None and not self.opaque


def _bounded(make: Callable[[], Any]) -> Callable[[bytes], bytes]:
    """A decompressor that stops at the longest body."""

    def decompress(data: bytes) -> bytes:
        machine = make()
        found: bytes = machine.decompress(data, LONGEST + 1)
        if not getattr(machine, "eof", True) and len(found) <= LONGEST:
            raise EOFError("it ends too early")
        return found

    return decompress


def _streams(make: Callable[[], Any], error: type[Exception]) -> Callable[[bytes], bytes]:
    """A decompressor of one stream behind the other; what follows the first and is none is passed over."""
    one = _bounded(make)

    def decompress(data: bytes) -> bytes:
        found, machine = one(data), make()
        machine.decompress(data, LONGEST + 1)
        rest = machine.unused_data
        while rest and len(found) <= LONGEST:
            machine = make()
            try:
                found += machine.decompress(rest, LONGEST + 1 - len(found))
            except error:
                break
            rest = machine.unused_data
        return found

    return decompress


def _brotli(data: bytes) -> bytes:
    machine = importlib.import_module("brotli").Decompressor()
    found: bytes = machine.process(data, output_buffer_limit=LONGEST + 1)
    if not machine.is_finished() and len(found) <= LONGEST:
        raise EOFError("it ends too early")
    return found


def _zstd() -> Any:
    return importlib.import_module("backports.zstd").ZstdDecompressor()


_DECOMPRESSORS: Mapping[str, Callable[[bytes], bytes]] = {
    "application/x-gzip": _bounded(zlib.decompressobj),
    "application/x-bz2": _streams(bz2.BZ2Decompressor, OSError),
    "application/x-lzma": _streams(lzma.LZMADecompressor, lzma.LZMAError),
    "application/zstd": _bounded(_zstd),
    "application/x-brotli": _brotli,
}
_ALIASES = {
    "gzip": "application/x-gzip",
    "zlib": "application/x-gzip",
    "bzip2": "application/x-bz2",
    "bzip": "application/x-bz2",
    "lzma": "application/x-lzma",
    "xz": "application/x-lzma",
    "zstd": "application/zstd",
    "zstandard": "application/zstd",
    "brotli": "application/x-brotli",
}


def decode(data: bytes, message: Mapping[str, Any]) -> Body:
    """The body of a message whose ``content_type`` and ``headers`` say how it was made."""
    headers = message.get("headers")
    compression = headers.get("compression") if isinstance(headers, dict) else None
    if isinstance(compression, str) and compression:
        opened = decompress(data, compression)
        if isinstance(opened, Body):
            return opened
        data = opened
    name = message.get("content_type")
    if name != "application/json":
        name = str(name).partition(";")[0].strip().lower()  # a wrong letter is told, and read all the same
    return _DESERIALIZERS.get(name, _unknown)(data, message)


def decompress(data: bytes, name: str) -> bytes | Body:
    """The bytes before compression, or a body that says why they cannot be had."""
    machine = _DECOMPRESSORS.get(_ALIASES.get(name, name))
    if machine is None:
        known = ", ".join(sorted({*_DECOMPRESSORS, *_ALIASES}))
        return Body(problem=Problem("/headers/compression", f"one of {known}", json.dumps(name[:100])))
    try:
        found = machine(data)
    except ImportError:
        return Body(opaque=f"the module that decompresses {name!r} is not installed")
    except Exception as error:  # each decompressor has errors of its own, and all mean the same
        actual = f"bytes that do not decompress: {error or type(error).__name__}"
        return Body(problem=Problem("/headers/compression", f"bytes compressed as {name!r} says", actual))
    if len(found) > LONGEST:
        return Body(opaque=f"it is longer than {LONGEST} bytes once it is decompressed")
    return found


def _json(data: bytes, _: Mapping[str, Any]) -> Body:
    try:
        value, odd = parse(data)
    except UnreadableError as error:
        return Body(problem=_no_json(data, str(error)))
    return Body(value, odd_numbers=odd, tagged=_TAG in data or _ESCAPED in data)


def _no_json(data: bytes, reason: str) -> Problem:
    """JSON in another encoding breaks one sentence, and what is no JSON another."""
    encoded = data.startswith(_MARK) or "no UTF-8" in reason
    requirements = ("SER-JSN-001",) if encoded else ()
    return Problem("/content_type", "JSON in UTF-8, as the content type says", f"{shown(data)}: {reason}", requirements)


def _pickle(data: bytes, _: Mapping[str, Any]) -> Body:
    try:
        for _operation in pickletools.genops(data):  # reads the operations and carries out none
            pass
    except Exception as error:  # whatever a broken one meets, it is broken
        actual = f"{shown(data)}: {error or type(error).__name__}"
        return Body(problem=Problem("/content_type", "a whole pickle, as the content type says", actual))
    return Body(opaque=f"it is a pickle of {len(data)} bytes, and to load a pickle is to run it")


def _msgpack(data: bytes, _: Mapping[str, Any]) -> Body:
    try:
        unpack = importlib.import_module("msgpack").unpackb
    except ImportError:
        return Body(opaque="it is msgpack, and the module that reads it is not installed")
    try:
        value = unpack(data, raw=False)
    except Exception as error:  # msgpack's errors have no common base but this
        actual = f"{shown(data)}: {error or type(error).__name__}"
        return Body(problem=Problem("/content_type", "msgpack, as the content type says", actual))
    return Body(plain(value))


def _signed(data: bytes, message: Mapping[str, Any]) -> Body:
    """What the ``auth`` serializer writes: base64 of signer, signature, content type, encoding and body.

    Whether the signature is right is not looked at: that takes the signer's certificate.
    """
    if f"{SIGNED}-emitted" not in schemas.documents():
        return _unknown(data, message)
    try:
        signer, signature, name, encoding, inner = from_base64(data.decode("ascii")).split(_BETWEEN, 4)
        fields = {"signer": from_base64(signer.decode("ascii")).decode(), "signature": _bytes(signature)}
        fields |= {"content_type": name.decode(), "content_encoding": encoding.decode()}
    except (UnreadableError, ValueError) as error:
        actual = f"{shown(data)}: {error}"
        expected = "a signed body of five fields, as the content type says"
        return Body(problem=Problem("/content_type", expected, actual, ("SIGN-LAY-003",)))
    if fields["content_type"] == "application/data":
        return Body(opaque="it is signed more than once")
    opened = decode(inner, {"content_type": fields["content_type"]})
    return replace(opened, value={**fields, "body": opened.value}) if opened.open else opened


def _bytes(text: bytes) -> dict[str, str]:
    return {"$bytes": base64.b64encode(from_base64(text.decode("ascii"))).decode()}


def _yaml(data: bytes, _: Mapping[str, Any]) -> Body:
    if len(data) > _LONGEST_YAML:
        return Body(opaque=f"it is more than {_LONGEST_YAML} bytes of YAML")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, yaml.SafeLoader)):
            return Body(opaque="it is YAML with aliases, which a few bytes can make endless")
        return Body(plain(yaml.safe_load(data)))
    except RecursionError:
        return Body(opaque="it is YAML that is nested too deeply")
    except (yaml.YAMLError, ValueError) as error:
        actual = f"{shown(data)}: {' '.join(str(error).split())[:200]}"
        return Body(problem=Problem("/content_type", "YAML of plain values, as the content type says", actual))


def plain(value: Any, depth: int = 0) -> Any:
    """A value with nothing in it that JSON does not have: bytes become base64 text, tagged."""
    if depth > 100:
        return "…"
    if isinstance(value, dict):
        return {str(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, bytes | bytearray):
        return {"__type__": "base64", "__value__": base64.b64encode(value).decode()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _unknown(data: bytes, message: Mapping[str, Any]) -> Body:
    name = message.get("content_type")
    if name is None:  # a fault of its own; what most write is tried
        return _json(data, message)
    return Body(opaque=f"its content type, {str(name)[:100]!r}, is not one that is decoded here")


_DESERIALIZERS: Mapping[str, Callable[[bytes, Mapping[str, Any]], Body]] = {
    "application/json": _json,
    "application/x-python-serialize": _pickle,
    "application/x-msgpack": _msgpack,
    "application/x-yaml": _yaml,
    "application/data": _signed,
}


def from_base64(text: str) -> bytes:
    """Bytes of base64 text.

    Raises:
        UnreadableError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError(f"it is no base64: {error}") from None


def shown(data: bytes) -> str:
    """The first bytes of a body as text."""
    if not data:
        return "no byte at all"
    return repr(data[:60])[1:] + ("…" if len(data) > 60 else "")
