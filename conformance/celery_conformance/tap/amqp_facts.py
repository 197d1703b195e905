"""What AMQP methods mean: from methods of one connection to facts.

Where a message comes to is computed from the bindings seen on the same virtual host; the default exchange comes
to the queue that the routing key names. An acknowledgement of many messages becomes one fact a message.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.facts import Timeline
from celery_conformance.tap.amqp import FrameReader, Method
from celery_conformance.tap.message import as_text, neutral, published_as
from celery_conformance.tap.origin import Origin


@dataclass(slots=True)
class AmqpState:
    """What is known of a broker from all connections: bindings by virtual host and exchange."""

    bindings: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def destination(self, host: str, exchange: str, routing_key: str) -> str | None:
        """The queue a message comes to: the first whose binding has the same key."""
        if not exchange:
            return routing_key
        bound = self.bindings.get((host, exchange), [])
        return next((queue for key, queue in bound if key == routing_key), None)


@dataclass(slots=True)
class _Channel:
    """What is known of a channel. The lists hold what waits for the broker's answer, in the order of asking."""

    consumers: dict[str, str] = field(default_factory=dict)
    no_ack: set[str] = field(default_factory=set)
    delivered: dict[int, dict[str, Any]] = field(default_factory=dict)
    declaring: list[dict[str, Any]] = field(default_factory=list)
    subscribing: list[tuple[str, bool]] = field(default_factory=list)
    getting: list[Any] = field(default_factory=list)
    last_queue: str = ""


def plain(value: Any) -> Any:
    """A field value as JSON has it; what JSON lacks is tagged."""
    if isinstance(value, dict):
        return {as_text(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes | bytearray):
        return as_text(bytes(value))
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, decimal.Decimal):
        return {"$decimal": str(value)}
    return value


@dataclass(slots=True)
class AmqpConnection:
    """One connection's two directions."""

    timeline: Timeline
    state: AmqpState
    origin: Origin
    now: Callable[[], float]
    host: str = "/"
    _channels: dict[int, _Channel] = field(default_factory=dict)
    _client: FrameReader = field(init=False)
    _server: FrameReader = field(init=False)

    def __post_init__(self) -> None:
        self._client = FrameReader(self._handle(_FROM_CLIENT), self._broken)
        self._server = FrameReader(self._handle(_FROM_SERVER), self._broken)

    def client(self, data: bytes, _now: float) -> None:
        """Take bytes the client sent."""
        self._client.feed(data)

    def server(self, data: bytes, _now: float) -> None:
        """Take bytes the broker sent."""
        self._server.feed(data)

    def _handle(self, table: dict[str, Handler]) -> Callable[[Method], None]:
        def handle(method: Method) -> None:
            handler = table.get(method.name)
            if handler is not None:
                handler(self, method, self._channels.setdefault(method.channel, _Channel()))

        return handle

    def _broken(self, reason: str, data: bytes) -> None:
        self._add("undecodable", {"reason": reason, "bytes": data.hex()})

    def _add(self, kind: str, data: dict[str, Any]) -> None:
        origin = self.origin
        self.timeline.add(kind, origin.party, data, connection=origin.connection, sent=self.now())

    # -- declarations ---------------------------------------------------------------------------------------

    def open_host(self, method: Method, _channel: _Channel) -> None:
        self.host = method.frame.virtual_host

    def open_channel(self, method: Method, _channel: _Channel) -> None:
        self._channels[method.channel] = _Channel()  # the number of a closed channel starts anew, tags included

    def declare_queue(self, method: Method, channel: _Channel) -> None:
        """A queue without a name gets its fact when the broker has named it."""
        frame = method.frame
        data = {
            "what": "queue",
            "name": frame.queue,
            "passive": frame.passive,
            "durable": frame.durable,
            "exclusive": frame.exclusive,
            "auto_delete": frame.auto_delete,
            "arguments": plain(frame.arguments or {}),
        }
        channel.last_queue = frame.queue
        if not frame.nowait:
            channel.declaring.append(data)
        if frame.queue:
            self._add("declared", data)

    def declared_queue(self, method: Method, channel: _Channel) -> None:
        data = channel.declaring.pop(0) if channel.declaring else {"name": method.frame.queue}
        if not data["name"]:
            channel.last_queue = method.frame.queue
            self._add("declared", {**data, "name": method.frame.queue})

    def declare_exchange(self, method: Method, _channel: _Channel) -> None:
        frame = method.frame
        data = {
            "what": "exchange",
            "name": frame.exchange,
            "type": frame.exchange_type,
            "passive": frame.passive,
            "durable": frame.durable,
            "auto_delete": frame.auto_delete,
            "arguments": plain(frame.arguments or {}),
        }
        self._add("declared", data)

    def bind_queue(self, method: Method, channel: _Channel) -> None:
        frame = method.frame
        queue = frame.queue or channel.last_queue
        known = self.state.bindings.setdefault((self.host, frame.exchange), [])
        known.append((frame.routing_key, queue))
        data = {"exchange": frame.exchange, "routing_key": frame.routing_key, "queue": queue}
        self._add("bound", data | {"arguments": plain(frame.arguments or {})})

    def limit(self, method: Method, _channel: _Channel) -> None:
        self._add("limited", {"count": method.frame.prefetch_count, "global": method.frame.global_})

    # -- messages -------------------------------------------------------------------------------------------

    def publish(self, method: Method, _channel: _Channel) -> None:
        frame = method.frame
        exchange, routing_key = frame.exchange, frame.routing_key
        place = {"exchange": exchange, "routing_key": routing_key}
        queue = self.state.destination(self.host, exchange, routing_key)
        kind, data = published_as({**place, "queue": queue, **self._message(method)})
        self._add(kind, data)

    def deliver(self, method: Method, channel: _Channel) -> None:
        tag = method.frame.consumer_tag
        queue = channel.consumers.get(tag, method.frame.routing_key)
        self._delivery(method, channel, queue, awaits_ack=tag not in channel.no_ack)

    def got(self, method: Method, channel: _Channel) -> None:
        asked = channel.getting.pop(0) if channel.getting else None
        queue = (asked.queue or channel.last_queue) if asked is not None else method.frame.routing_key
        self._delivery(method, channel, queue, awaits_ack=asked is None or not asked.no_ack)

    def got_nothing(self, _method: Method, channel: _Channel) -> None:
        del channel.getting[:1]

    def _delivery(self, method: Method, channel: _Channel, queue: str, *, awaits_ack: bool) -> None:
        frame = method.frame
        place = {"queue": queue, "exchange": frame.exchange, "routing_key": frame.routing_key}
        data = {
            **place,
            "redelivered": frame.redelivered,
            "delivery_tag": frame.delivery_tag,
            "channel": method.channel,
        }
        message = data | self._message(method)
        if awaits_ack:
            channel.delivered[frame.delivery_tag] = {name: message[name] for name in ("task_id", "queue")}
        self._add("delivered", message)

    def _message(self, method: Method) -> dict[str, Any]:
        properties = {name: plain(value) for name, value in method.properties.items()}
        content_type = properties.pop("content_type", None)
        content_encoding = properties.pop("content_encoding", None)
        headers = properties.pop("headers", None)
        return neutral(method.body, headers, properties, content_type, content_encoding)

    def consume(self, method: Method, channel: _Channel) -> None:
        """A consumer without a tag is known by it when the broker has given one."""
        frame = method.frame
        queue = frame.queue or channel.last_queue
        self._add("consuming", {"queue": queue, "no_ack": frame.no_ack, "exclusive": frame.exclusive})
        if frame.consumer_tag:
            self._remember(channel, frame.consumer_tag, queue, frame.no_ack)
        else:
            channel.subscribing.append((queue, frame.no_ack))

    def consuming(self, method: Method, channel: _Channel) -> None:
        tag = method.frame.consumer_tag
        if tag not in channel.consumers and channel.subscribing:
            self._remember(channel, tag, *channel.subscribing.pop(0))

    def _remember(self, channel: _Channel, tag: str, queue: str, no_ack: bool) -> None:
        channel.consumers[tag] = queue
        if no_ack:
            channel.no_ack.add(tag)
        else:
            channel.no_ack.discard(tag)

    def get(self, method: Method, channel: _Channel) -> None:
        channel.getting.append(method.frame)

    # -- what becomes of them -------------------------------------------------------------------------------

    def acknowledge(self, method: Method, channel: _Channel) -> None:
        for tag, known in self._settled(method, channel):
            self._add("acknowledged", {"delivery_tag": tag, "channel": method.channel, **known})

    def reject(self, method: Method, channel: _Channel) -> None:
        requeue = method.frame.requeue
        for tag, known in self._settled(method, channel):
            self._add("rejected", {"delivery_tag": tag, "channel": method.channel, "requeue": requeue, **known})

    def _settled(self, method: Method, channel: _Channel) -> list[tuple[int, dict[str, Any]]]:
        tag = method.frame.delivery_tag
        if getattr(method.frame, "multiple", False):
            tags = [known for known in channel.delivered if known <= tag or tag == 0]
        else:
            tags = [tag]
        return [(known, channel.delivered.pop(known, {})) for known in tags]


Handler = Callable[[AmqpConnection, Method, _Channel], None]
_FROM_CLIENT: dict[str, Handler] = {
    "Connection.Open": AmqpConnection.open_host,
    "Channel.Open": AmqpConnection.open_channel,
    "Queue.Declare": AmqpConnection.declare_queue,
    "Exchange.Declare": AmqpConnection.declare_exchange,
    "Queue.Bind": AmqpConnection.bind_queue,
    "Basic.Qos": AmqpConnection.limit,
    "Basic.Publish": AmqpConnection.publish,
    "Basic.Consume": AmqpConnection.consume,
    "Basic.Get": AmqpConnection.get,
    "Basic.Ack": AmqpConnection.acknowledge,
    "Basic.Reject": AmqpConnection.reject,
    "Basic.Nack": AmqpConnection.reject,
}
_FROM_SERVER: dict[str, Handler] = {
    "Queue.DeclareOk": AmqpConnection.declared_queue,
    "Basic.ConsumeOk": AmqpConnection.consuming,
    "Basic.Deliver": AmqpConnection.deliver,
    "Basic.GetOk": AmqpConnection.got,
    "Basic.GetEmpty": AmqpConnection.got_nothing,
}
