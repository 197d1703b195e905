"""An AMQP connection becomes facts, however its bytes are cut and whatever stands in its tables."""

from __future__ import annotations

import datetime
import decimal
import itertools
import json
import struct
from collections.abc import Iterable
from typing import Any

import pamqp.frame
import pytest
from celery_conformance.clock import Clock
from celery_conformance.facts import Fact, Timeline
from celery_conformance.tap.amqp import FrameReader, Method
from celery_conformance.tap.amqp_facts import AmqpConnection, AmqpState
from celery_conformance.tap.origin import Origin
from pamqp import body, commands, header, heartbeat

from .wire import bytewise, pieces

PREAMBLE = b"AMQP\x00\x00\x09\x01"
HEADERS = {"task": "conf.echo", "id": "t1", "retries": 0}
_MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
BODY = json.dumps([[1], {}, {}]).encode()


def frame(value: Any, channel: int = 1) -> bytes:
    """One frame."""
    return bytes(pamqp.frame.marshal(value, channel))


def content(method: Any, payload: bytes = BODY, cuts: Iterable[int] = (), channel: int = 1, **properties: Any) -> bytes:
    """A method with its header and body; the body is cut into frames at these places."""
    given = {"content_type": "application/json", "content_encoding": "utf-8", "correlation_id": "t1", **properties}
    sizes = [0, *cuts, len(payload)]
    bodies = [body.ContentBody(payload[left:right]) for left, right in itertools.pairwise(sizes) if left < right]
    head = header.ContentHeader(0, len(payload), commands.Basic.Properties(**given))
    return b"".join(frame(value, channel) for value in (method, head, *bodies))


def publish(routing_key: str = "q", exchange: str = "", **more: Any) -> bytes:
    """A task as it is published."""
    more.setdefault("headers", dict(HEADERS))
    return content(commands.Basic.Publish(exchange=exchange, routing_key=routing_key), **more)


def deliver(tag: int, *, redelivered: bool = False, consumer: str = "c1", task_id: str = "t1", **more: Any) -> bytes:
    """A task as it is delivered."""
    method = commands.Basic.Deliver(
        consumer_tag=consumer, delivery_tag=tag, redelivered=redelivered, exchange="", routing_key="elsewhere"
    )
    return content(method, headers={**HEADERS, "id": task_id}, **more)


class Wire:
    """One connection and what became of it."""

    def __init__(self, state: AmqpState | None = None) -> None:
        self.timeline = Timeline(Clock())
        self.connection = AmqpConnection(self.timeline, state or AmqpState(), Origin("client-1", 1), lambda: 1.0)

    def says(self, *data: bytes) -> Wire:
        """The client sends bytes."""
        for piece in data:
            self.connection.client(piece, 1.0)
        return self

    def hears(self, *data: bytes) -> Wire:
        """The broker sends bytes."""
        for piece in data:
            self.connection.server(piece, 1.0)
        return self

    def facts(self, kind: str) -> list[Fact]:
        """The facts of a kind."""
        return [fact for fact in self.timeline.facts if fact.kind == kind]

    def fact(self, kind: str) -> Fact:
        """The one fact of a kind."""
        (found,) = self.facts(kind)
        return found


def test_bytes_may_be_cut_anywhere() -> None:
    """Wherever the bytes of a connection are cut, the same message is published."""
    data = PREAMBLE + frame(commands.Connection.Open(virtual_host="v"), 0) + publish(cuts=[3, 4])
    expected = Wire().says(data).fact("published").data
    assert expected["body"] == [[1], {}, {}]
    for place in range(len(data)):
        assert Wire().says(*pieces(data, place)).fact("published").data == expected, place
    assert Wire().says(*bytewise(data)).fact("published").data == expected


def test_the_brokers_bytes_may_be_cut_anywhere() -> None:
    """Wherever the broker's bytes are cut, the same message is delivered."""
    data = frame(heartbeat.Heartbeat(), 0) + deliver(4, cuts=[1])
    expected = Wire().hears(data).fact("delivered").data
    assert (expected["task_id"], expected["delivery_tag"]) == ("t1", 4)
    for place in range(len(data)):
        assert Wire().hears(*pieces(data, place)).fact("delivered").data == expected, place


def test_the_neutral_message_has_the_properties_apart() -> None:
    """Content type, encoding and headers stand apart from the other properties; absent ones are absent."""
    wire = Wire().says(publish(reply_to="r", delivery_mode=2, priority=0, expiration="60000", timestamp=_MOMENT))
    data = wire.fact("published").data
    assert data["content_type"] == "application/json"
    assert data["content_encoding"] == "utf-8"
    assert data["headers"] == HEADERS
    assert data["properties"] == {
        "correlation_id": "t1",
        "reply_to": "r",
        "delivery_mode": 2,
        "priority": 0,
        "expiration": "60000",
        "timestamp": {"$datetime": "2026-01-02T03:04:05+00:00"},
    }


def test_a_body_may_come_in_many_frames_and_channels_may_mix() -> None:
    """Bodies of two channels whose frames alternate stay apart."""
    one = publish(cuts=[5], channel=1)
    two = publish(cuts=[7], channel=2, payload=b'["two"]      ', headers={**HEADERS, "id": "t2"})
    frames = [_split(data) for data in (one, two)]
    mixed = b"".join(piece for pair in zip(*frames, strict=True) for piece in pair)
    told = {fact.task_id: fact.data["body"] for fact in Wire().says(mixed).facts("published")}
    assert told == {"t1": [[1], {}, {}], "t2": ["two"]}


def _split(data: bytes) -> list[bytes]:
    frames = []
    while data:
        size = 7 + struct.unpack(">I", data[3:7])[0] + 1
        frames.append(data[:size])
        data = data[size:]
    return frames


@pytest.mark.parametrize("extra", [b"", b"\x03\x00\x01\x00\x00\x00\x00\xce"], ids=["no frame", "an empty frame"])
def test_an_empty_body_is_a_message(extra: bytes) -> None:
    """A message without a body is complete with its header; an empty piece of a body changes nothing."""
    wire = Wire().says(publish(payload=b"") + extra + publish(headers={**HEADERS, "id": "t2"}))
    assert [(fact.task_id, fact.data["size"]) for fact in wire.facts("published")] == [("t1", 0), ("t2", len(BODY))]
    assert wire.facts("undecodable") == []


def test_a_message_to_the_default_exchange_comes_to_the_queue_it_names() -> None:
    """The routing key of the default exchange is the queue."""
    data = Wire().says(publish("tasks")).fact("published").data
    assert (data["exchange"], data["routing_key"], data["queue"]) == ("", "tasks", "tasks")


def test_a_message_to_another_exchange_comes_to_the_bound_queue() -> None:
    """Bindings of any connection count, on their own virtual host only."""
    state = AmqpState()
    bind = frame(commands.Queue.Bind(queue="tasks", exchange="ex", routing_key="k", arguments={"x": 1}))
    worker = Wire(state).says(frame(commands.Connection.Open(virtual_host="v"), 0) + bind)
    bound = worker.fact("bound").data
    assert bound == {"exchange": "ex", "routing_key": "k", "queue": "tasks", "arguments": {"x": 1}}
    for host, queue in (("v", "tasks"), ("w", None)):
        opened = frame(commands.Connection.Open(virtual_host=host), 0)
        data = Wire(state).says(opened + publish("k", "ex")).fact("published").data
        assert (data["exchange"], data["queue"]) == ("ex", queue)


def test_a_declared_queue_is_told_with_its_arguments() -> None:
    """A named queue is declared when the client says so, once."""
    declare = commands.Queue.Declare(queue="q", durable=True, arguments={"x-max-priority": 9, "x-expires": 1.5})
    answer = frame(commands.Queue.DeclareOk(queue="q", message_count=0, consumer_count=0))
    data = Wire().says(frame(declare)).hears(answer).fact("declared").data
    assert data == {
        "what": "queue",
        "name": "q",
        "passive": False,
        "durable": True,
        "exclusive": False,
        "auto_delete": False,
        "arguments": {"x-max-priority": 9, "x-expires": 1.5},
    }


def test_a_queue_that_the_broker_names_is_declared_under_that_name() -> None:
    """A queue without a name is told with the broker's, even when declarations were sent in one go."""
    asked = [
        frame(commands.Queue.Declare(queue="first")),
        frame(commands.Queue.Declare(queue="quiet", nowait=True)),
        frame(commands.Queue.Declare(queue="", exclusive=True)),
        frame(commands.Basic.Consume(queue="first")),
    ]
    answers = [
        frame(commands.Queue.DeclareOk(queue="first", message_count=0, consumer_count=0)),
        frame(commands.Queue.DeclareOk(queue="amq.gen-1", message_count=0, consumer_count=0)),
        frame(commands.Basic.ConsumeOk(consumer_tag="ctag-1")),
    ]
    wire = Wire().says(*asked).hears(*answers)
    told = [(fact.data["name"], fact.data["exclusive"]) for fact in wire.facts("declared")]
    assert told == [("first", False), ("quiet", False), ("amq.gen-1", True)]


def test_no_name_means_the_queue_declared_last() -> None:
    """Binding, consuming and getting without a queue's name mean the one the channel declared last."""
    wire = Wire().says(frame(commands.Queue.Declare(queue="")))
    wire.hears(frame(commands.Queue.DeclareOk(queue="amq.gen-1", message_count=0, consumer_count=0)))
    wire.says(frame(commands.Queue.Bind(queue="", exchange="ex", routing_key="k")))
    wire.says(frame(commands.Basic.Consume(queue="", consumer_tag="c1"))).hears(deliver(1))
    for kind in ("bound", "consuming", "delivered"):
        assert wire.fact(kind).data["queue"] == "amq.gen-1", kind


def test_an_exchange_and_a_prefetch_are_told() -> None:
    """Exchange.Declare and Basic.Qos are facts with what they ask for."""
    asked = frame(commands.Exchange.Declare(exchange="ex", exchange_type="topic", durable=True))
    wire = Wire().says(asked + frame(commands.Basic.Qos(prefetch_count=4, global_=True)))
    declared = wire.fact("declared").data
    assert (declared["what"], declared["name"], declared["type"], declared["durable"]) == (
        "exchange",
        "ex",
        "topic",
        True,
    )
    assert wire.fact("limited").data == {"count": 4, "global": True}


@pytest.mark.parametrize("tag", ["c1", ""], ids=["own tag", "the broker's tag"])
def test_a_delivery_names_the_queue_of_its_consumer(tag: str) -> None:
    """The queue of a delivery is its consumer's, not its routing key, whoever gave the consumer its tag."""
    wire = Wire().says(frame(commands.Basic.Consume(queue="tasks", consumer_tag=tag)))
    wire.hears(frame(commands.Basic.ConsumeOk(consumer_tag="c1")) + deliver(1, redelivered=True))
    assert wire.fact("consuming").data == {"queue": "tasks", "no_ack": False, "exclusive": False}
    data = wire.fact("delivered").data
    assert (data["queue"], data["routing_key"], data["redelivered"]) == ("tasks", "elsewhere", True)


def _got(tag: int) -> bytes:
    method = commands.Basic.GetOk(delivery_tag=tag, redelivered=False, exchange="ex", routing_key="k", message_count=0)
    return content(method, headers=dict(HEADERS))


def test_a_message_that_was_got_comes_from_the_queue_that_was_asked() -> None:
    """Basic.Get delivers from the queue it names; an empty answer delivers nothing."""
    wire = Wire().says(*(frame(commands.Basic.Get(queue=name)) for name in ("empty", "full")))
    wire.hears(frame(commands.Basic.GetEmpty()) + _got(1))
    assert wire.fact("delivered").data["queue"] == "full"


def test_what_needs_no_acknowledgement_is_acknowledged_by_nobody() -> None:
    """Acknowledging many messages leaves out those that were taken without acknowledgement."""
    wire = Wire().says(
        frame(commands.Basic.Consume(queue="a", consumer_tag="quiet", no_ack=True)),
        frame(commands.Basic.Consume(queue="b", consumer_tag="c1")),
        frame(commands.Basic.Get(queue="c", no_ack=True)),
    )
    wire.hears(deliver(1, consumer="quiet", task_id="x"), deliver(2, task_id="y"), _got(3))
    wire.says(frame(commands.Basic.Ack(delivery_tag=0, multiple=True)))
    assert wire.fact("acknowledged").data == {"delivery_tag": 2, "task_id": "y", "queue": "b", "channel": 1}


_ACK, _REJECT, _NACK = commands.Basic.Ack, commands.Basic.Reject, commands.Basic.Nack


@pytest.mark.parametrize(
    ("method", "kind", "settled"),
    [
        (_ACK(delivery_tag=2), "acknowledged", ["t2"]),
        (_ACK(delivery_tag=2, multiple=True), "acknowledged", ["t1", "t2"]),
        (_ACK(delivery_tag=0, multiple=True), "acknowledged", ["t1", "t2", "t3"]),
        (_REJECT(delivery_tag=3, requeue=False), "rejected", ["t3"]),
        (_REJECT(delivery_tag=3, requeue=True), "rejected", ["t3"]),
        (_NACK(delivery_tag=2, multiple=True, requeue=False), "rejected", ["t1", "t2"]),
        (_NACK(delivery_tag=1, multiple=False, requeue=True), "rejected", ["t1"]),
    ],
)
def test_each_settled_message_is_a_fact(method: Any, kind: str, settled: list[str]) -> None:
    """Ack, reject and nack, of one or of many, are one fact a message, with its task; twice settles nothing more."""
    wire = Wire().says(frame(commands.Basic.Consume(queue="q", consumer_tag="c1")))
    wire.hears(*(deliver(tag, task_id=f"t{tag}") for tag in (1, 2, 3))).says(frame(method))
    facts = wire.facts(kind)
    assert [fact.task_id for fact in facts] == settled
    if kind == "rejected":
        assert {fact.data["requeue"] for fact in facts} == {method.requeue}
    wire.says(frame(_ACK(delivery_tag=0, multiple=True)))
    left = {"t1", "t2", "t3"} - set(settled)
    assert {fact.task_id for fact in wire.facts("acknowledged")} - set(
        settled if kind == "acknowledged" else ()
    ) == left


def test_a_message_is_settled_on_a_channel() -> None:
    """Delivery tags are those of a channel: what is settled on another is another message."""
    wire = Wire().says(*(frame(commands.Basic.Consume(queue="q", consumer_tag="c1"), channel) for channel in (1, 2)))
    wire.hears(deliver(1, task_id="t1"), deliver(1, task_id="t2", channel=2))
    wire.says(frame(_ACK(delivery_tag=1), 2), frame(_REJECT(delivery_tag=1, requeue=True), 1))
    acknowledged, rejected = wire.fact("acknowledged"), wire.fact("rejected")
    assert (acknowledged.task_id, acknowledged.data["channel"]) == ("t2", 2)
    assert (rejected.task_id, rejected.data["channel"]) == ("t1", 1)


def test_a_reopened_channel_starts_anew() -> None:
    """The delivery tags of a closed channel mean nothing on the next channel of the same number."""
    wire = Wire().says(frame(commands.Basic.Consume(queue="q", consumer_tag="c1"))).hears(deliver(1), deliver(2))
    wire.says(frame(commands.Channel.Open()), frame(_ACK(delivery_tag=0, multiple=True)))
    assert wire.facts("acknowledged") == []


def test_a_result_to_its_caller_is_stored() -> None:
    """A document sent to a reply queue over the default exchange is a stored result."""
    document = {"status": "SUCCESS", "result": 3, "task_id": "t1", "traceback": None, "children": []}
    data = Wire().says(publish("reply-1", payload=json.dumps(document).encode(), headers={})).fact("result-stored").data
    assert (data["store"], data["task_id"], data["document"], data["queue"]) == ("rpc", "t1", document, "reply-1")


def test_a_document_to_a_named_exchange_is_no_result() -> None:
    """What goes to an exchange with a name is published, even if its body looks like a result."""
    payload = json.dumps({"status": "SUCCESS", "result": 3}).encode()
    wire = Wire().says(publish("reply-1", "ex", payload=payload, headers={}))
    assert wire.facts("result-stored") == []
    assert wire.fact("published").data["exchange"] == "ex"


# -- field types ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(3.0, 3.0, id="double"),
        pytest.param(3, 3, id="integer"),
        pytest.param(True, True, id="boolean"),
        pytest.param(2**40, 2**40, id="long"),
        pytest.param(-(2**40), -(2**40), id="negative long"),
        pytest.param("é", "é", id="text"),
        pytest.param(None, None, id="nothing"),
        pytest.param([1, "a", [2.5], {"b": [None]}], [1, "a", [2.5], {"b": [None]}], id="array"),
        pytest.param({"a": {"b": 1}, "c": []}, {"a": {"b": 1}, "c": []}, id="table"),
        pytest.param(bytearray(b"\xff\x00"), "\\xff\x00", id="bytes"),
        pytest.param(decimal.Decimal("1.25"), {"$decimal": "1.25"}, id="decimal"),
        pytest.param(
            datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
            {"$datetime": "2026-01-02T00:00:00+00:00"},
            id="timestamp",
        ),
    ],
)
def test_a_header_keeps_its_type(value: Any, told: Any) -> None:
    """Each field type comes through as JSON has it, a double as a double; what JSON lacks is tagged."""
    data = Wire().says(publish(headers={**HEADERS, "x": value})).fact("published").data
    assert data["headers"]["x"] == told
    assert type(data["headers"]["x"]) is type(told)
    json.dumps(data)


def test_a_header_that_is_no_utf8_is_a_header() -> None:
    """A long string that is no UTF-8 is escaped; the message is told."""
    data = publish(headers={**HEADERS, "x": "abcd"}).replace(b"abcd", b"\xff\xfe\xfd\xfc")
    assert Wire().says(data).fact("published").data["headers"]["x"] == "\\xff\\xfe\\xfd\\xfc"


# -- what is broken ---------------------------------------------------------------------------------------------


def _garbled_header() -> bytes:
    return publish(headers={**HEADERS, "x": 7}).replace(b"\x01xl", b"\x01xZ").replace(b"\x01xb", b"\x01xZ")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"\x01\x00\x01\x00\x00\x00\x04\x7f\x7f\x7f\x7f\xce", id="unknown method"),
        pytest.param(b"\x01\x00\x01\x00\x00\x00\x01\x00\xce", id="cut method"),
        pytest.param(b"\x02\x00\x01\x00\x00\x00\x03\x00\x3c\x00\xce", id="cut header"),
        pytest.param(_garbled_header(), id="unknown field type"),
    ],
)
def test_a_broken_frame_is_a_fact_and_decoding_goes_on(broken: bytes) -> None:
    """A frame nobody can decode is told with its bytes, and what follows it is understood."""
    wire = Wire().says(broken + publish())
    fact = wire.fact("undecodable")
    assert fact.party == "client-1"
    assert bytes.fromhex(fact.data["bytes"]) in broken
    assert fact.data["reason"]
    assert [published.task_id for published in wire.facts("published")] == ["t1"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "expected the type of a frame ([1, 2, 3, 8]), came 71"),
        (frame(commands.Basic.Qos(prefetch_count=1))[:-1] + b"\x00", "expected a frame to end with 0xce, came 0x0"),
    ],
)
def test_where_no_frame_can_begin_the_reading_ends(broken: bytes, reason: str) -> None:
    """Once nobody can say where the next frame begins, there is one fact and no guess; the other direction is read."""
    wire = Wire().says(broken, publish(), broken).hears(deliver(1))
    assert wire.fact("undecodable").data["reason"] == reason
    assert wire.facts("published") == []
    assert wire.fact("delivered").task_id == "t1"


def test_heartbeats_are_no_facts() -> None:
    """Heartbeats between any two frames change nothing, not even between a header and its body."""
    beat = frame(heartbeat.Heartbeat(), 0)
    data = beat + beat.join(_split(publish(cuts=[4]))) + beat
    assert [fact.kind for fact in Wire().says(data).timeline.facts] == ["published"]


def test_a_refused_protocol_version_is_no_frame() -> None:
    """The broker's own preamble, its way of refusing a version, is passed over."""
    wire = Wire().hears(PREAMBLE + deliver(1))
    assert [fact.kind for fact in wire.timeline.facts] == ["delivered"]


def test_a_body_without_a_method_is_nothing() -> None:
    """Content frames that no method began make no message and spoil none."""
    told: list[Method] = []
    reader = FrameReader(told.append, lambda reason, _data: pytest.fail(reason))
    reader.feed(frame(body.ContentBody(b"x")) + publish())
    assert [method.body for method in told] == [BODY]
