"""Redis commands become facts that name effects: the same effect is the same fact, whatever the command."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from celery_conformance.tap.redis_facts import PRIORITY_SEPARATOR

from .wire import NIL, OK, RedisWorld, array, bulk, envelope, error, number, result

KEY = "celery-task-meta-t1"
_NOT_COMPARED = frozenset({"text"})


def _stored(world: RedisWorld) -> dict[str, Any]:
    fact = world.fact("result-stored")
    return {name: value for name, value in fact.data.items() if name not in _NOT_COMPARED}


_STORINGS = {
    "SETEX": ("SETEX", KEY, "3600", result()),
    "SET EX": ("SET", KEY, result(), "EX", "3600"),
    "set ex, small letters": ("set", KEY, result(), "ex", "3600"),
    "PSETEX": ("PSETEX", KEY, "3600000", result()),
    "SET PX": ("SET", KEY, result(), "PX", "3600000"),
    "SET EX NX": ("SET", KEY, result(), "EX", "3600", "NX"),
    "SET NX EX": ("SET", KEY, result(), "NX", "EX", "3600"),
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in MULTI"])
@pytest.mark.parametrize("words", _STORINGS.values(), ids=_STORINGS.keys())
def test_a_stored_result_is_one_fact_whatever_the_command(words: tuple[Any, ...], alone: bool) -> None:
    """SETEX, SET EX, PSETEX and SET PX, alone or in a MULTI, make one and the same fact."""
    world = RedisWorld()
    if alone:
        world.call("worker-1", *words)
    else:
        world.transaction("worker-1", (words, OK), (("PUBLISH", KEY, result()), number(0)))
    assert _stored(world) == {
        "store": "redis",
        "key": KEY,
        "task_id": "t1",
        "document": json.loads(result()),
        "expires": 3600.0,
        "problem": None,
    }


@pytest.mark.parametrize("together", [True, False], ids=["in MULTI", "one after the other"])
@pytest.mark.parametrize(("name", "seconds"), [("EXPIRE", "3600"), ("PEXPIRE", "3600000")])
def test_set_then_expire_is_one_stored_result(name: str, seconds: str, together: bool) -> None:
    """SET and then EXPIRE are one stored result that has an expiry."""
    steps = [(("SET", KEY, result()), OK), ((name, KEY, seconds), number(1))]
    world = RedisWorld()
    if together:
        world.transaction("worker-1", *steps)
    else:
        for words, reply in steps:
            world.call("worker-1", *words, reply=reply)
    assert _stored(world)["expires"] == 3600.0


@pytest.mark.parametrize(("unit", "name", "option"), [(1, "EXPIREAT", "EXAT"), (1000, "PEXPIREAT", "PXAT")])
def test_an_absolute_expiry_is_told_in_seconds_from_the_command(unit: int, name: str, option: str) -> None:
    """EXPIREAT, EXAT and their millisecond twins are told as seconds from the moment of the command."""
    moment = str(int((time.time() + 3600) * unit))
    for steps in ([("SET", KEY, result(), option, moment)], [("SET", KEY, result()), (name, KEY, moment)]):
        world = RedisWorld()
        for words in steps:
            world.call("worker-1", *words, reply=number(1) if words[0] == name else OK)
        assert _stored(world)["expires"] == pytest.approx(3600, abs=5)


@pytest.mark.parametrize(
    ("words", "reply", "stored"),
    [
        (("SET", KEY, result(), "NX"), NIL, 0),
        (("SET", KEY, result(), "XX"), NIL, 0),
        (("SET", KEY, result(), "NX"), b"_\r\n", 0),
        (("SET", KEY, result(), "GET"), NIL, 1),
        (("SET", KEY, result(), "GET"), bulk(b"old"), 1),
        (("SET", KEY, result(), "NX", "GET"), bulk(b"old"), 0),
        (("SET", KEY, result(), "NX", "GET"), NIL, 1),
        (("SET", KEY, result(), "XX", "GET"), NIL, 0),
        (("GETSET", KEY, result()), NIL, 1),
        (("SETNX", KEY, result()), number(1), 1),
        (("SETNX", KEY, result()), number(0), 0),
        (("SET", KEY, result()), error("OOM command not allowed"), 0),
        (("SETEX", KEY, "0", result()), error("ERR invalid expire time"), 0),
        (("SET", "some-other-key", result()), OK, 0),
    ],
)
def test_only_what_the_server_did_is_stored(words: tuple[Any, ...], reply: bytes, stored: int) -> None:
    """A refused or conditional SET makes a fact only when the value was set, and only on the key of a result."""
    world = RedisWorld()
    world.call("worker-1", *words, reply=reply)
    assert len(world.facts("result-stored")) == stored


def test_a_result_key_may_have_a_prefix() -> None:
    """A global prefix before the key of a result, its channel or its lock hides no fact."""
    key = "shop:" + KEY
    world = RedisWorld()
    world.transaction("worker-1", (("SETEX", key, "9", result()), OK), (("PUBLISH", key, result()), number(1)))
    world.call("client-1", "GET", key, reply=bulk(result()))
    world.call("client-1", "DEL", key, reply=number(1))
    kinds = [(fact.kind, fact.task_id) for fact in world.facts()]
    assert kinds == [(kind, "t1") for kind in ("result-stored", "result-announced", "result-read", "result-removed")]


def test_a_result_that_is_no_json_is_stored_all_the_same() -> None:
    """A document nobody can parse is stored, keeps its text and says why it cannot be read."""
    world = RedisWorld()
    world.call("worker-1", "SET", KEY, b"\x80\x04K\x03.")
    data = world.fact("result-stored").data
    assert data["document"] is None
    assert data["problem"].startswith("no JSON")
    assert data["text"] == "\\x80\x04K\x03."


def test_an_announcement_is_told_from_a_broadcast() -> None:
    """PUBLISH on the channel of a result announces it; on any other channel it is a broadcast."""
    world = RedisWorld()
    world.call("worker-1", "PUBLISH", KEY, result(), reply=number(2))
    world.call("worker-1", "PUBLISH", "/0.celeryev/worker.online", envelope(), reply=number(0))
    announced, broadcast = world.fact("result-announced"), world.fact("broadcast")
    assert (announced.task_id, announced.data["document"]["status"]) == ("t1", "SUCCESS")
    assert broadcast.data["channel"] == "/0.celeryev/worker.online"
    assert broadcast.data["headers"]["task"] == "conf.echo"


def test_reading_a_result_says_whether_it_was_there() -> None:
    """GET and MGET of result documents are reads of each task, found or not."""
    world = RedisWorld()
    world.call("client-1", "GET", KEY, reply=NIL)
    world.call("client-1", "MGET", KEY, "other", "celery-task-meta-t2", reply=array(result(), b"x", b"_\r\n"))
    read = [(fact.task_id, fact.data["found"]) for fact in world.facts("result-read")]
    assert read == [("t1", False), ("t1", True), ("t2", False)]


def test_removing_what_is_not_there_is_no_fact() -> None:
    """DEL and UNLINK remove a result only where there was one."""
    world = RedisWorld()
    world.call("client-1", "DEL", KEY, reply=number(0))
    world.call("client-1", "UNLINK", KEY, reply=number(1))
    assert world.fact("result-removed").task_id == "t1"


def test_subscribing_to_a_result_is_awaiting_it() -> None:
    """SUBSCRIBE to the channel of a result awaits it; any other channel is consumed."""
    world = RedisWorld()
    world.say("client-1", array(b"SUBSCRIBE", KEY.encode(), b"/0.celery.pidbox"))
    assert world.fact("result-awaited").task_id == "t1"
    assert world.fact("consuming").data["queue"] == "/0.celery.pidbox"


def test_a_broadcast_is_delivered_to_its_subscriber() -> None:
    """What a subscription pushes is delivered, but for the announcement of a result, whose receipt is no fact."""
    world = RedisWorld()
    world.say("worker-1", array(b"SUBSCRIBE", b"fan", KEY.encode()))
    world.answer("worker-1", array(b"subscribe", b"fan", 1) + array(b"subscribe", KEY.encode(), 2))
    world.answer("worker-1", array(b"message", b"fan", envelope()) + array(b"message", KEY.encode(), result()))
    delivered = world.fact("delivered")
    assert (delivered.data["queue"], delivered.data["broadcast"], delivered.task_id) == ("fan", True, "t1")


# -- queues -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "end"), [("LPUSH", "tail"), ("RPUSH", "head"), ("LPUSHX", "tail"), ("RPUSHX", "head")]
)
def test_a_push_publishes_at_the_end_it_names(name: str, end: str) -> None:
    """LPUSH publishes behind all that waits, RPUSH before it; BRPOP takes from the head."""
    world = RedisWorld()
    world.call("client-1", name, "q", envelope(), reply=number(1))
    fact = world.fact("published")
    assert (fact.party, fact.task_id, fact.data["end"]) == ("client-1", "t1", end)
    assert (fact.data["queue"], fact.data["priority_step"], fact.data["key"]) == ("q", 0, "q")
    assert fact.data["properties"] == {"correlation_id": "t1", "reply_to": "r", "delivery_mode": 2, "priority": 0}
    assert fact.data["body"][0] == [1]
    assert fact.sent < (fact.confirmed or 0)


def test_pushing_onto_a_list_that_is_not_there_publishes_nothing() -> None:
    """LPUSHX of an absent list puts nothing anywhere."""
    world = RedisWorld()
    world.call("client-1", "LPUSHX", "q", envelope(), reply=number(0))
    assert world.facts() == []


def test_one_push_may_publish_many() -> None:
    """Each item of a push is a message of its own."""
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", envelope("t1"), envelope("t2", "tag-2"), reply=number(2))
    assert [fact.task_id for fact in world.facts("published")] == ["t1", "t2"]


@pytest.mark.parametrize("step", [3, 6, 9])
def test_a_priority_list_belongs_to_its_queue(step: int) -> None:
    """The list of a priority step is the queue's, and the step is told."""
    key = f"q{PRIORITY_SEPARATOR}{step}"
    world = RedisWorld()
    world.call("client-1", "LPUSH", key, envelope(), reply=number(1))
    world.call("worker-1", "BRPOP", "q", key, "1", reply=array(key.encode(), envelope()))
    for fact in world.facts("published", "delivered"):
        assert (fact.data["queue"], fact.data["priority_step"], fact.data["key"]) == ("q", step, key)
    assert world.fact("consuming").data == {"queue": "q", "priority_steps": [0, step]}


_POPS = {
    "BRPOP": (("BRPOP", "q", "0"), array(b"q", envelope()), "head"),
    "BLPOP": (("BLPOP", "q", "0"), array(b"q", envelope()), "tail"),
    "RPOP": (("RPOP", "q"), bulk(envelope()), "head"),
    "LPOP": (("LPOP", "q"), bulk(envelope()), "tail"),
    "RPOP count": (("RPOP", "q", "2"), array(envelope()), "head"),
    "RPOPLPUSH": (("RPOPLPUSH", "q", "taken"), bulk(envelope()), "head"),
    "BRPOPLPUSH": (("BRPOPLPUSH", "q", "taken", "0"), bulk(envelope()), "head"),
    "LMOVE right": (("LMOVE", "q", "taken", "RIGHT", "LEFT"), bulk(envelope()), "head"),
    "LMOVE left": (("LMOVE", "q", "taken", "LEFT", "LEFT"), bulk(envelope()), "tail"),
    "BLMOVE": (("BLMOVE", "q", "taken", "right", "left", "0"), bulk(envelope()), "head"),
    "LMPOP": (("LMPOP", "2", "q", "r", "RIGHT"), array(b"q", array(envelope())), "head"),
    "BLMPOP": (("BLMPOP", "0", "2", "q", "r", "LEFT", "COUNT", "5"), array(b"q", array(envelope())), "tail"),
}


@pytest.mark.parametrize(("words", "reply", "end"), _POPS.values(), ids=_POPS.keys())
def test_every_pop_delivers(words: tuple[str, ...], reply: bytes, end: str) -> None:
    """Whatever the pop, its party asked for the queue's messages and was given one, from the end the pop names."""
    world = RedisWorld()
    world.call("worker-1", *words, reply=reply)
    assert "q" in [fact.data["queue"] for fact in world.facts("consuming")]
    fact = world.fact("delivered")
    assert (fact.party, fact.data["queue"], fact.task_id, fact.data["end"]) == ("worker-1", "q", "t1", end)
    assert fact.data["redelivered"] is False


@pytest.mark.parametrize("reply", [NIL, b"*-1\r\n", b"_\r\n"])
@pytest.mark.parametrize("words", [words for words, _, _ in _POPS.values()], ids=_POPS.keys())
def test_a_pop_that_got_nothing_delivers_nothing(words: tuple[str, ...], reply: bytes) -> None:
    """A pop that ran out of time or found an empty list is no delivery."""
    world = RedisWorld()
    world.call("worker-1", *words, reply=reply)
    assert world.facts("delivered") == []


def test_a_delivery_happens_when_it_is_answered() -> None:
    """A blocking pop is sent long before the message exists: the delivery is as late as the answer."""
    world = RedisWorld()
    world.say("worker-1", array(b"BRPOP", b"q", b"0"))
    world.call("client-1", "LPUSH", "q", envelope(), reply=number(1))
    world.answer("worker-1", array(b"q", envelope()))
    assert world.fact("consuming").sent < world.fact("published").sent < world.fact("delivered").sent


def test_waiting_again_is_no_new_consumer() -> None:
    """A worker that asks for the same queues over and over is told once; other queues are told anew."""
    world = RedisWorld()
    for keys in (("q", "r"), ("r", "q"), ("s",)):
        world.call("worker-1", "BRPOP", *keys, "1", reply=NIL)
    assert [fact.data["queue"] for fact in world.facts("consuming")] == ["q", "r", "s"]


def _deliver(world: RedisWorld) -> None:
    world.call("client-1", "LPUSH", "q", envelope(), reply=number(1))
    world.call("worker-1", "BRPOP", "q", "1", reply=array(b"q", envelope()))


def _held_copy() -> bytes:
    return json.dumps([json.loads(envelope()), "", "q"]).encode()


@pytest.mark.parametrize("name", ["HSET", "HMSET", "HSETNX"])
def test_an_unacknowledged_copy_is_held(name: str) -> None:
    """The copy of a delivered message in the hash of unacknowledged ones is held, with its task and queue."""
    world = RedisWorld()
    _deliver(world)
    world.call("worker-1", name, "unacked", "tag-1", _held_copy(), reply=number(1))
    data = world.fact("held").data
    assert (data["key"], data["delivery_tag"], data["task_id"], data["queue"]) == ("unacked", "tag-1", "t1", "q")
    assert data["entry"][1:] == ["", "q"]


@pytest.mark.parametrize("options", [(), ("NX",), ("xx", "CH"), ("GT",)])
def test_the_index_of_a_copy_is_told(options: tuple[str, ...]) -> None:
    """ZADD of a delivery tag is told with its score, whatever the options; any other member is nothing."""
    world = RedisWorld()
    _deliver(world)
    world.call("worker-1", "ZADD", "unacked_index", *options, "1700000000.5", "tag-1", reply=number(1))
    world.call("worker-1", "ZADD", "scores", "1", "somebody", reply=number(1))
    data = world.fact("indexed").data
    assert (data["key"], data["delivery_tag"], data["score"], data["task_id"]) == (
        "unacked_index", "tag-1", 1700000000.5, "t1",
    )  # fmt: skip


def test_a_copy_whose_delivery_nobody_saw_is_known() -> None:
    """The held copy of a message that came another way makes its task known to what follows."""
    world = RedisWorld()
    world.call("worker-1", "HSET", "unacked", "tag-1", _held_copy(), reply=number(1))
    world.call("worker-1", "HDEL", "unacked", "tag-1", reply=number(1))
    assert world.fact("acknowledged").task_id == "t1"


def test_a_published_message_leads_to_its_queue() -> None:
    """Where an envelope's exchange and routing key lead is told, by the bindings seen so far."""
    world = RedisWorld()
    member = PRIORITY_SEPARATOR.join(["key", "", "bound-queue"])
    world.call("client-1", "SADD", "_kombu.binding.ex", member, reply=number(1))
    for exchange, key in (("", "direct"), ("ex", "key"), ("ex", "other")):
        whole = json.loads(envelope())
        whole["properties"]["delivery_info"] = {"exchange": exchange, "routing_key": key}
        world.call("client-1", "LPUSH", "q", json.dumps(whole), reply=number(1))
    assert [fact.data["leads_to"] for fact in world.facts("published")] == ["direct", "bound-queue", None]


def test_a_message_published_before_it_was_delivered_is_no_restoration() -> None:
    """A push whose answer comes after the delivery of its own message published it; it restored nothing."""
    world = RedisWorld()
    world.say("worker-1", array(b"LPUSH", b"q", envelope()))
    world.call("worker-2", "BRPOP", "q", "1", reply=array(b"q", envelope()))
    world.answer("worker-1", number(1))
    assert world.facts("restored") == []
    assert world.fact("published").task_id == "t1"


def test_other_hashes_are_not_held() -> None:
    """A hash that holds anything else makes no fact."""
    world = RedisWorld()
    world.call("worker-1", "HSET", "stats", "tag-1", "5", reply=number(1))
    world.call("worker-1", "HDEL", "stats", "tag-1", reply=number(1))
    assert world.facts() == []


@pytest.mark.parametrize("together", [True, False], ids=["in MULTI", "alone"])
def test_removing_the_copy_acknowledges(together: bool) -> None:
    """HDEL of a held copy acknowledges the message, with or without its index in the same transaction."""
    world = RedisWorld()
    _deliver(world)
    if together:
        steps = ((("ZREM", "unacked_index", "tag-1"), number(1)), (("HDEL", "unacked", "tag-1"), number(1)))
        world.transaction("worker-1", *steps)
    else:
        world.call("worker-1", "HDEL", "unacked", "tag-1", reply=number(1))
    data = world.fact("acknowledged").data
    assert data == {"key": "unacked", "delivery_tag": "tag-1", "task_id": "t1", "queue": "q"}


def test_removing_a_copy_that_is_gone_acknowledges_nothing() -> None:
    """HDEL that removed nothing is no acknowledgement: somebody else had already taken the copy away."""
    world = RedisWorld()
    _deliver(world)
    world.call("worker-1", "HDEL", "unacked", "tag-1", reply=number(0))
    assert world.facts("acknowledged") == []


@pytest.mark.parametrize("name", ["RPUSH", "LPUSH"])
def test_putting_a_copy_back_restores_and_acknowledges_nothing(name: str) -> None:
    """Removal of the copy and a push of the same message in one transaction is a restoration."""
    world = RedisWorld()
    _deliver(world)
    steps = ((("HDEL", "unacked", "tag-1"), number(1)), ((name, "q", envelope()), number(1)))
    world.transaction("worker-2", *steps)
    assert world.facts("acknowledged") == []
    restored = world.fact("restored")
    assert (restored.party, restored.task_id, restored.data["queue"]) == ("worker-2", "t1", "q")


def test_an_aborted_restoration_is_none() -> None:
    """A restoration whose watched key changed did not happen."""
    world = RedisWorld()
    _deliver(world)
    world.say("worker-2", array(b"MULTI") + array(b"RPUSH", b"q", envelope()) + array(b"EXEC"))
    world.answer("worker-2", OK + b"+QUEUED\r\n*-1\r\n")
    assert world.facts("restored") == []


def test_a_new_message_is_published_even_beside_an_acknowledgement() -> None:
    """A push of another message beside the removal of a copy leaves both what they are."""
    world = RedisWorld()
    _deliver(world)
    steps = ((("HDEL", "unacked", "tag-1"), number(1)), (("LPUSH", "q", envelope("t2", "tag-2")), number(1)))
    world.transaction("worker-1", *steps)
    assert world.fact("acknowledged").task_id == "t1"
    assert [fact.task_id for fact in world.facts("published")] == ["t1", "t2"]


def test_a_redelivered_message_says_so() -> None:
    """The envelope's header `redelivered` shows in the delivery."""
    marked = envelope(headers={"task": "conf.echo", "id": "t1", "redelivered": True})
    world = RedisWorld()
    world.call("worker-1", "BRPOP", "q", "1", reply=array(b"q", marked))
    assert world.fact("delivered").data["redelivered"] is True


@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_a_binding_is_bound(prefix: str) -> None:
    """Each member of a binding table binds a queue; routing key, pattern and queue are told apart."""
    first = PRIORITY_SEPARATOR.join(["celery", "", "celery"])
    second = PRIORITY_SEPARATOR.join(["worker.#", "worker[.]", "events"])
    world = RedisWorld()
    world.call("worker-1", "SADD", f"{prefix}_kombu.binding.celeryev", first, second, reply=number(2))
    world.call("worker-1", "SADD", "some-set", "member", reply=number(1))
    told = [
        (data["exchange"], data["routing_key"], data["pattern"], data["queue"])
        for data in (fact.data for fact in world.facts("bound"))
    ]
    assert told == [("celeryev", "celery", "", "celery"), ("celeryev", "worker.#", "worker[.]", "events")]


def test_a_result_over_rpc_is_stored() -> None:
    """A document pushed onto its caller's reply queue is a stored result, not a published task."""
    document = json.loads(result())
    world = RedisWorld()
    world.call("worker-1", "LPUSH", "reply-1", envelope(headers={}, body=document), reply=number(1))
    data = world.fact("result-stored").data
    assert (data["store"], data["task_id"], data["document"], data["queue"]) == ("rpc", "t1", document, "reply-1")


def test_a_version_1_task_is_published() -> None:
    """A body with a task in it is a message of version 1, whatever else it holds."""
    body = {"task": "conf.echo", "id": "t7", "status": "odd"}
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", envelope(headers={}, body=body), reply=number(1))
    assert world.fact("published").task_id == "t7"


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        pytest.param(b"\x00\xff", "no JSON", id="no text"),
        pytest.param(b"{", "no JSON", id="cut JSON"),
        pytest.param(b"[1]", "the envelope is no JSON object", id="a list"),
        pytest.param(b"[" * 100_000, "no JSON", id="too deep"),
        pytest.param(
            envelope(body=7).replace(b'"body": "Nw=="', b'"body": 7'), "the envelope's body is no text", id="body"
        ),
        pytest.param(envelope(body=7).replace(b"Nw==", b"N?=="), "the body is no base64", id="base64"),
        pytest.param(envelope(body=7).replace(b"Nw==", b"ew=="), "no JSON", id="body no JSON"),
    ],
)
def test_a_message_nobody_can_read_is_a_message(item: bytes, problem: str) -> None:
    """An item that cannot be decoded is published and delivered all the same, and says why it cannot be."""
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", item, reply=number(1))
    world.call("worker-1", "BRPOP", "q", "1", reply=array(b"q", item))
    for fact in (world.fact("published"), world.fact("delivered")):
        assert problem in fact.data["problem"]
        assert fact.data["queue"] == "q"


def test_a_body_that_is_no_json_by_its_type_is_kept_as_bytes() -> None:
    """A body of another content type is not parsed; its bytes are kept."""
    item = envelope(**{"content-type": "application/x-yaml"})
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", item, reply=number(1))
    data = world.fact("published").data
    assert data["body"] is None
    assert "problem" not in data
    assert data["raw"] == json.loads(item)["body"]
    assert data["content_type"] == "application/x-yaml"


def test_a_body_without_encoding_is_taken_as_text() -> None:
    """Without `body_encoding` the body stands in the envelope as it is."""
    whole = json.loads(envelope())
    del whole["properties"]["body_encoding"]
    whole["body"] = '[["é"], {}, {}]'
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", json.dumps(whole), reply=number(1))
    assert world.fact("published").data["body"][0] == ["é"]


def test_a_refused_command_is_no_fact() -> None:
    """What the server answers with an error did not happen."""
    world = RedisWorld()
    world.call("client-1", "LPUSH", "q", envelope(), reply=error("WRONGTYPE not a list"))
    world.call("worker-1", "HDEL", "unacked", "tag-1", reply=error("WRONGTYPE not a hash"))
    world.call("worker-1", "BLMPOP", "0", "many", "q", "LEFT", reply=error("ERR numkeys"))
    assert world.facts() == []
