"""Task messages as a producer writes them, in protocol version 2.

Rules: the id header and the correlation id are the same [TASK2-HDR-004]; the body is the serialized triple of args,
kwargs and embed [TASK2-BDY-001]; a number of seconds becomes an absolute moment [TASK2-HDR-020]; a message without an
explicit exchange goes to the default exchange with the queue's name as routing key [AMQP-PUB-001]. What Celery's
producer writes for the same call is written here, field by field. Unlike there, an option that would make a message
no worker can take is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from celery_wire import compression
from celery_wire.codec import SERIALIZERS, UTF_8, encode_as
from celery_wire.display import display
from celery_wire.errors import FieldInvalidError, OptionInvalidError, ValueUnencodableError
from celery_wire.message import Publication, WireMessage
from celery_wire.policy import Sender
from celery_wire.times import after, read_moment, seconds_until, write_moment

LANGUAGE = "py"
PERSISTENT = 2

Moment = datetime | str | None

_EMPTY_SIGNATURE: dict[str, Any] = {"args": [], "kwargs": {}, "options": {}, "subtask_type": None, "immutable": False}


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How a task is called; the names are Celery's.

    countdown: seconds from now; wins over `eta`. expires: seconds from now, or a moment. time_limit and
    soft_time_limit: seconds. priority: 0 to 255, on Redis 0 to 9 with 0 the most urgent. link, link_error and chain
    are lists of signatures as data, chord is one; chain is in reverse order. stamps: names to values. headers: the
    sender's own, beside those of the protocol. exchange and routing_key together replace the queue. serializer: json,
    yaml or msgpack, of which a worker accepts json unless told otherwise; the last two take plain values only.
    compression: zlib, bzip2 or lzma.
    """

    task_id: str | None = None
    queue: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    countdown: float | None = None
    eta: Moment = None
    expires: float | Moment = None
    priority: int | None = None
    headers: Mapping[str, Any] | None = None
    retries: Any = 0
    time_limit: float | None = None
    soft_time_limit: float | None = None
    ignore_result: bool | None = None
    reply_to: str | None = None
    group_id: str | None = None
    group_index: int | None = None
    root_id: str | None = None
    parent_id: str | None = None
    shadow: str | None = None
    origin: str | None = None
    replaced_task_nesting: Any = 0
    link: Any = None
    link_error: Any = None
    chain: Sequence[Any] | None = None
    chord: Mapping[str, Any] | None = None
    stamped_headers: Sequence[str] | None = None
    stamps: Mapping[str, Any] = field(default_factory=dict)
    serializer: str | None = None
    compression: str | None = None


def task_publication(
    name: str, args: Any, kwargs: Any, options: CallOptions, sender: Sender, now: datetime
) -> Publication:
    """The message that calls a task, and where it goes.

    Raises OptionInvalidError for an option that no worker can take, ValueUnencodableError for an argument without
    a JSON form.
    """
    args, kwargs = args or (), kwargs or {}
    _check_call(name, args, kwargs, options)
    task_id = options.task_id or sender.new_id()
    expires = _absolute("expires", options.expires, now)
    headers = _headers(name, task_id, args, kwargs, options, sender, now, expires)
    embed = {
        "callbacks": _completed(_listed(options.link)),
        "errbacks": _completed(_listed(options.link_error)),
        "chain": _completed(options.chain),
        "chord": _completed(options.chord),
    }
    content_type = SERIALIZERS[options.serializer or "json"]
    body, encoding = _encoded(content_type, args, kwargs, embed)
    headers |= options.headers or {}
    if options.compression is not None:
        plain = body.encode(UTF_8) if isinstance(body, str) else body
        body, headers["compression"] = compression.compress(plain, options.compression)
    properties = _properties(task_id, options, sender, now, expires)
    return _routed(WireMessage(body, content_type, encoding, headers, properties), options, sender)


def _routed(message: WireMessage, options: CallOptions, sender: Sender) -> Publication:
    if options.exchange and options.routing_key:
        return Publication(message, options.exchange, options.routing_key)
    queue = options.queue or sender.default_queue
    return Publication(message, "", queue, queue)


def _headers(
    name: str,
    task_id: str,
    args: Any,
    kwargs: Any,
    options: CallOptions,
    sender: Sender,
    now: datetime,
    expires: Moment,
) -> dict[str, Any]:
    eta = _absolute("countdown", options.countdown, now) if options.countdown else options.eta
    stamped = list(options.stamped_headers) if options.stamped_headers is not None else None
    return {
        "lang": LANGUAGE,
        "task": name,
        "id": task_id,
        "shadow": options.shadow,
        "eta": write_moment(eta),
        "expires": write_moment(expires),
        "group": options.group_id,
        "group_index": options.group_index,
        "retries": options.retries,
        "timelimit": [options.time_limit, options.soft_time_limit],
        "root_id": options.root_id or task_id,
        "parent_id": options.parent_id,
        "argsrepr": display(args),
        "kwargsrepr": display(kwargs),
        "origin": options.origin or sender.origin,
        "ignore_result": options.ignore_result,
        "replaced_task_nesting": options.replaced_task_nesting,
        "stamped_headers": list(options.stamps) if stamped is None and options.stamps else stamped,
        "stamps": dict(options.stamps),
    }


def _properties(task_id: str, options: CallOptions, sender: Sender, now: datetime, expires: Moment) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "correlation_id": task_id,
        "reply_to": options.reply_to or sender.reply_to,
        "delivery_mode": PERSISTENT,
        "priority": options.priority or 0,
    }
    moment = read_moment("expires", expires)
    if moment is not None:
        properties["expiration"] = str(max(0, int(_life_time(options.expires, moment, now) * 1000)))
    return properties


def _life_time(given: float | Moment, moment: datetime, now: datetime) -> float:
    """Seconds in the queue: the number that was given, unrounded by the way through a moment, or what is left."""
    return given if isinstance(given, int | float) else seconds_until(moment, now)


def _absolute(option: str, value: float | Moment, now: datetime) -> Moment:
    if not isinstance(value, int | float):
        return value
    try:
        return after(now, value)
    except (OverflowError, ValueError) as error:
        raise OptionInvalidError(option, "seconds that lead to a moment of the calendar", value) from error


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, Mapping) else value


def _completed(value: Any) -> Any:
    """A signature, or each of a list of them, with all the keys that a signature has [TASK2-BDY-009]."""
    if isinstance(value, list | tuple):
        return [_completed(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {**value, **{key: empty for key, empty in _EMPTY_SIGNATURE.items() if key not in value}}


def _encoded(content_type: str, args: Any, kwargs: Any, embed: Any) -> tuple[str | bytes, str]:
    try:
        return encode_as(content_type, [args, kwargs, embed])
    except ValueUnencodableError:
        for name, part in (("args", args), ("kwargs", kwargs), ("embed", embed)):
            encode_as(content_type, part, name)
        raise


def _check_call(name: Any, args: Any, kwargs: Any, options: CallOptions) -> None:
    if not isinstance(name, str) or not name:
        raise OptionInvalidError("task", "a name", name)
    if not isinstance(args, list | tuple):
        raise OptionInvalidError("args", "a list or tuple", args)
    if not isinstance(kwargs, Mapping):
        raise OptionInvalidError("kwargs", "a mapping", kwargs)
    for option, value in (("eta", options.eta), ("expires", options.expires)):
        if isinstance(value, str):
            _check_moment(option, value)
    for option, names in (("serializer", SERIALIZERS), ("compression", compression.NAMES)):
        value = getattr(options, option)
        if value is not None and value not in names:
            raise OptionInvalidError(option, f"one of {', '.join(names)}", value)
    for option in ("countdown", "time_limit", "soft_time_limit"):
        value = getattr(options, option)
        if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
            raise OptionInvalidError(option, "a number of seconds", value)


def _check_moment(option: str, value: str) -> None:
    try:
        read_moment(option, value)
    except FieldInvalidError as error:
        raise OptionInvalidError(option, "a datetime or ISO 8601 text", value) from error
