"""Bodies: bytes to values and back, in the JSON dialect that kombu speaks, in YAML and in MessagePack.

Rules: the content type is compared letter by letter with the accept list, which holds application/json alone unless
told otherwise; a body of any other type is refused before a byte of it is read [SER-ACC-001], and nothing here ever
unpickles [SER-ACC-003]. Sizes and nesting are bounded. A value without a JSON form of its own is an object of exactly
two keys, `__type__` and `__value__`; data of an application that looks like one cannot be sent [SER-TAG-002]. `NaN`,
`Infinity` and `-Infinity` are bare tokens. A body that breaks a rule is refused as a whole.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from celery_wire import serializers
from celery_wire.errors import (
    BodyTooDeepError,
    BodyTooLargeError,
    BodyUndecodableError,
    ContentRefusedError,
    TagUndecodableError,
    ValueUnencodableError,
)

JSON = "application/json"
UTF_8 = "utf-8"
BINARY = "binary"
ACCEPT = frozenset({JSON})
KNOWN = frozenset({JSON, *serializers.READERS})
"""What can be accepted."""
SERIALIZERS = {"json": JSON, "yaml": serializers.YAML, "msgpack": serializers.MSGPACK}
"""The names of settings, and the content types they stand for [SER-CTY-001]."""

_TAG = {"__type__", "__value__"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a body: bytes after decompression, and levels of nested lists and objects."""

    size: int = 128 * 1024 * 1024
    depth: int = 512


LIMITS = Limits()

#: Tag to the reader of its value.
_READERS: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": lambda text: datetime.fromisoformat(text).date(),
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": lambda fields: uuid.UUID(**fields),
    "bytes": lambda text: text.encode(UTF_8),
    "base64": lambda text: base64.b64decode(text.encode(UTF_8)),
}

#: Type, tag, writer; datetime stands before date, its base class.
_WRITERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (datetime, "datetime", datetime.isoformat),
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (Decimal, "decimal", str),
    (uuid.UUID, "uuid", lambda value: {"hex": value.hex}),
)


def decode(body: object, content_type: object, *, accept: frozenset[str] = ACCEPT, limits: Limits = LIMITS) -> Any:
    """The value that a body holds.

    `body` is bytes (UTF-8) or text, as a broker hands it over. Raises ContentRefusedError for a content type outside
    the accept list, BodyTooLargeError, BodyTooDeepError, TagUndecodableError or BodyUndecodableError.
    """
    if not isinstance(content_type, str) or content_type not in accept & KNOWN:
        raise ContentRefusedError(content_type, accept & KNOWN)
    if not isinstance(body, bytes | str):
        raise BodyUndecodableError(f"body: expected bytes or text, got {type(body).__name__}")
    if len(body) > limits.size:
        raise BodyTooLargeError(len(body), limits.size)
    return decode_text(body, limits) if content_type == JSON else _decode_other(body, content_type, limits)


def _decode_other(body: bytes | str, content_type: str, limits: Limits) -> Any:
    try:
        value = serializers.READERS[content_type](body)
    except RecursionError as error:
        raise BodyTooDeepError(limits.depth) from error
    except serializers.UNREADABLE as error:
        raise BodyUndecodableError(f"body: expected {content_type}, got {error}") from error
    _check_depth(value, limits.depth)
    return value


def decode_text(body: bytes | str, limits: Limits = LIMITS) -> Any:
    """The value of a JSON text in the dialect; raises as `decode` does."""
    try:
        text = body if isinstance(body, str) else body.decode(UTF_8)
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise BodyTooDeepError(limits.depth) from error
    except ValueError as error:
        raise BodyUndecodableError(f"body: expected JSON in UTF-8, got {error}") from error
    # Fewer opening brackets than levels allowed: no need to look at the value.
    if text.count("[") + text.count("{") > limits.depth:
        _check_depth(value, limits.depth)
    return value


def encode(value: object, where: str = "body") -> str:
    """The JSON text of a value; raises ValueUnencodableError, which names the part of `where` that has no form."""
    try:
        return _encoded(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueUnencodableError(f"{where}{_path_to_culprit(value)}", error) from error


def encode_as(content_type: str, value: object, where: str = "body") -> tuple[str | bytes, str]:
    """The body of a value in one of `KNOWN`, and its content encoding; raises ValueUnencodableError, KeyError."""
    if content_type == JSON:
        return encode(value, where), UTF_8
    try:
        body = serializers.WRITERS[content_type](value)
    except (*serializers.UNWRITABLE, RecursionError) as error:
        raise ValueUnencodableError(where, error) from error
    return body, UTF_8 if isinstance(body, str) else BINARY


def is_encodable(value: object) -> bool:
    """Whether the value has a JSON form."""
    try:
        _encoded(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _encoded(value: object) -> str:
    text = _ENCODER.encode(value)
    if '"__type__"' in text:
        _refuse_lookalikes(value)
    return text


def _refuse_lookalikes(value: object) -> None:
    if isinstance(value, dict):
        if value.keys() == _TAG:
            raise ValueError("an object of exactly the keys __type__ and __value__, which no reader takes for data")
        for item in value.values():
            _refuse_lookalikes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_lookalikes(item)


def _tagged(value: Any) -> Any:
    """The JSON form of a value that has none of its own; called by the encoder."""
    own_form = getattr(value, "__json__", None)
    if own_form is not None:
        return own_form()
    for kind, tag, write in _WRITERS:
        if isinstance(value, kind):
            return {"__type__": tag, "__value__": write(value)}
    if isinstance(value, bytes):
        return _tagged_bytes(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _tagged_bytes(value: bytes) -> dict[str, str]:
    try:
        return {"__type__": "bytes", "__value__": value.decode(UTF_8)}
    except UnicodeDecodeError:
        return {"__type__": "base64", "__value__": base64.b64encode(value).decode()}


def _untagged(fields: dict[str, Any]) -> Any:
    """The value of a tagged object, or the object itself; called by the decoder."""
    if fields.keys() != _TAG:
        return fields
    tag, value = fields["__type__"], fields["__value__"]
    read = _READERS.get(tag) if isinstance(tag, str) else None
    if read is None:
        raise TagUndecodableError(tag, value, f"expected one of {', '.join(sorted(_READERS))}")
    try:
        return read(value)
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise TagUndecodableError(tag, value, f"expected a value of that type, got {error}") from error


def _check_depth(value: Any, limit: int) -> None:
    level = [value]
    for _ in range(limit + 1):
        level = [
            item
            for container in level
            if isinstance(container, list | dict)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
    raise BodyTooDeepError(limit)


def _path_to_culprit(value: object) -> str:
    """Where in the value the part without a JSON form stands, such as `[0]['when']`."""
    path = ""
    for _ in range(LIMITS.depth):
        items: list[tuple[object, object]] = []
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        culprit = next(((key, item) for key, item in items if not is_encodable(item)), None)
        if culprit is None:
            return path
        path, value = f"{path}[{culprit[0]!r}]", culprit[1]
    return path


_ENCODER = json.JSONEncoder(default=_tagged)
_DECODER = json.JSONDecoder(object_hook=_untagged)
