"""What a worker does with a message when it comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from celery_wire.actions import Acknowledge, Action, Reject, Reserve, Schedule, Store
from celery_wire.codec import Limits, encode
from celery_wire.message import Delivery, WireMessage
from celery_wire.times import read_moment
from dateutil.parser import isoparse  # type: ignore[import-untyped]  # ships no type information
from hypothesis import assume, given, settings, strategies

from . import schemas
from .lives import NOW, delivery, later, receive, request, version_1


def _stored(actions: list[Action]) -> dict[str, Any]:
    [store] = [action for action in actions if isinstance(action, Store)]
    return dict(store.document)


def _settled(actions: list[Action]) -> list[Action]:
    return [action for action in actions if isinstance(action, Acknowledge | Reject)]


@given(schemas.instances("task-v2-accepted"), strategies.data())
@settings(max_examples=100, deadline=None, database=None)
def test_accepted_messages_are_taken(value: dict[str, Any], data: strategies.DataObject) -> None:
    """What the schema accepts is never rejected, unless a time is not in the calendar."""
    for name in ("eta", "expires"):
        text = value["headers"].get(name)
        assume(text is None or _is_in_calendar(text))
        # A time of the future: one of the past leads to the same action, or to an expired one.
        value["headers"][name] = data.draw(strategies.sampled_from([text, None]))
    value["headers"]["task"] = "t"
    value["content_type"] = "application/json"
    message = WireMessage(encode(value["body"]), headers=value["headers"], properties=value.get("properties", {}))
    actions = receive(Delivery(message))
    assert not any(isinstance(action, Reject) for action in actions)


def _is_in_calendar(text: str) -> bool:
    try:
        isoparse(text).timestamp()
    except (ValueError, OverflowError):
        return False
    return True


def test_two_headers_are_enough() -> None:
    """A message with nothing but task and id is reserved, with the body as it is."""
    got = request(delivery([[1], {"a": 2}, None]))
    assert (got.id, got.args, got.kwargs, got.embed) == ("i", [1], {"a": 2}, {})
    assert got.root_id == "i"


def test_unknown_headers_are_the_senders_own() -> None:
    """Headers that the protocol does not know are kept apart from those that it does."""
    got = request(delivery(mine=1, meth="x", lang="go", compression="application/x-gzip"))
    assert got.source.custom_headers == {"mine": 1, "meth": "x"}


@pytest.mark.parametrize("name", ["nope", None, 5, ["t"], {"t": 1}])
def test_unknown_task_fails(name: Any) -> None:
    """An unknown task is rejected without requeueing and leaves a FAILURE NotRegistered with its name."""
    actions = receive(delivery(task=name))
    assert _settled(actions) == [Reject(requeue=False)]
    document = _stored(actions)
    expected = {"exc_type": "NotRegistered", "exc_message": [name], "exc_module": "celery.exceptions"}
    assert (document["status"], document["result"], document["traceback"]) == ("FAILURE", expected, None)
    assert "parent_id" not in document


def test_unknown_task_is_not_decoded() -> None:
    """An unknown task leaves its FAILURE even when its body cannot be read."""
    assert _stored(receive(delivery(task="nope", raw=b"\xff")))["status"] == "FAILURE"


def test_failure_of_an_unknown_task_finds_its_caller() -> None:
    """What is stored for an unknown task carries the caller's queue and correlation id."""
    [store] = [action for action in receive(delivery(task="nope")) if isinstance(action, Store)]
    assert (store.reply_to, store.correlation_id) == ("caller", "i")


def _with(body: Any, content_type: Any = "application/json", fault: str | None = None) -> Delivery:
    return Delivery(WireMessage(body, content_type, headers={"task": "t", "id": "i"}), fault=fault)


NAMELESS: dict[str, Delivery] = {
    "no-task": delivery(drop=("task",)),
    "no-task-and-no-object": delivery(5, drop=("task",)),
    "no-id": delivery(drop=("id",)),
    "id-null": delivery(id=None),
    "id-empty": delivery(id=""),
    "id-number": delivery(id=5),
    "unknown-without-id": delivery(task="nope", drop=("id",)),
    "v1-without-id": version_1({"task": "t"}),
    "v1-refused": Delivery(WireMessage("{}", "application/x-yaml")),
    "v1-undecodable": Delivery(WireMessage(b"{")),
}


@pytest.mark.parametrize("fault", NAMELESS)
def test_messages_without_an_id_are_rejected(fault: str) -> None:
    """A message that cannot be acted upon and has no id to answer to is rejected without requeueing."""
    assert receive(NAMELESS[fault]) == [Reject(requeue=False)]


#: Messages for the known task `t` with the id `i`, each with one fault, and the exception that is stored.
FAULTY: dict[str, tuple[Delivery, str]] = {
    "body-missing": (_with(None), "DecodeError"),
    "body-empty": (_with(b""), "DecodeError"),
    "body-not-utf-8": (_with(b"\xff"), "DecodeError"),
    "body-not-json": (_with(b"[1"), "DecodeError"),
    "body-of-an-unknown-tag": (delivery([[{"__type__": "?", "__value__": 1}], {}, {}]), "DecodeError"),
    "body-of-a-broken-tag": (delivery([[{"__type__": "uuid", "__value__": "x"}], {}, {}]), "DecodeError"),
    "compression-broken": (_with("[[],{},{}]", fault="not zlib"), "DecodeError"),
    "content-type-missing": (_with("[[],{},{}]", None), "ContentDisallowed"),
    "content-type-pickle": (_with(b"cos\n", "application/x-python-serialize"), "ContentDisallowed"),
    "content-type-upper": (_with("[[],{},{}]", "APPLICATION/JSON"), "ContentDisallowed"),
    "content-type-parameter": (_with("[[],{},{}]", "application/json; charset=utf-8"), "ContentDisallowed"),
    "content-type-list": (_with("[[],{},{}]", ["x"]), "ContentDisallowed"),
    "body-of-two": (delivery([[], {}]), "InvalidTaskError"),
    "body-of-four": (delivery([[], {}, {}, 1]), "InvalidTaskError"),
    "body-number": (delivery(5), "InvalidTaskError"),
    "body-text": (delivery("abc"), "InvalidTaskError"),
    "body-null": (delivery(raw="null"), "InvalidTaskError"),
    "body-object": (delivery({"a": 1}), "InvalidTaskError"),
    "kwargs-null": (delivery([[], None, {}]), "InvalidTaskError"),
    "kwargs-list": (delivery([[], [], {}]), "InvalidTaskError"),
    "embed-list": (delivery([[], {}, [1]]), "InvalidTaskError"),
    "embed-text": (delivery([[], {}, "x"]), "InvalidTaskError"),
    "timelimit-number": (delivery(timelimit=5), "InvalidTaskError"),
    "timelimit-of-one": (delivery(timelimit=[5]), "InvalidTaskError"),
    "timelimit-of-three": (delivery(timelimit=[1, 2, 3]), "InvalidTaskError"),
    "timelimit-text": (delivery(timelimit=["1", None]), "InvalidTaskError"),
    "eta-empty": (delivery(eta=""), "InvalidTaskError"),
    "eta-number": (delivery(eta=5), "InvalidTaskError"),
    "eta-zero": (delivery(eta=0), "InvalidTaskError"),
    "eta-false": (delivery(eta=False), "InvalidTaskError"),
    "eta-list": (delivery(eta=[]), "InvalidTaskError"),
    "eta-garbage": (delivery(eta="tomorrow"), "InvalidTaskError"),
    "eta-not-in-calendar": (delivery(eta="2026-02-30"), "InvalidTaskError"),
    "expires-empty": (delivery(expires=""), "InvalidTaskError"),
    "expires-garbage": (delivery(expires="soon"), "InvalidTaskError"),
    "v1-kwargs-list": (version_1({"task": "t", "id": "i", "args": [], "kwargs": []}), "InvalidTaskError"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_faulty_messages_fail(fault: str) -> None:
    """A faulty message is rejected without requeueing, and a FAILURE says why to whoever waits."""
    message, exception = FAULTY[fault]
    actions = receive(message)
    assert _settled(actions) == [Reject(requeue=False)]
    assert (_stored(actions)["status"], _stored(actions)["result"]["exc_type"]) == ("FAILURE", exception)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (delivery(eta="x"), "eta: expected ISO 8601 text or null, got 'x'"),
        (delivery([[], 5, {}]), "kwargs: expected an object, got 5"),
        (delivery(raw=b"[1"), "body: expected JSON in UTF-8, got Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (_with("", "text/plain"), "content_type: expected one of application/json, got 'text/plain'"),
    ],
)
def test_what_a_failure_says(message: Delivery, text: str) -> None:
    """The stored FAILURE names the field, what was expected and what came."""
    assert _stored(receive(message))["result"]["exc_message"] == [text]


def test_bounds_of_a_body() -> None:
    """A body beyond the bounds for size or nesting is rejected, one just within them is taken."""
    body = "[[[1]],{},{}]"
    assert receive(delivery(raw=body), limits=Limits(len(body), 3)) == [Reserve(request(delivery(raw=body)))]
    for limits in (Limits(len(body) - 1, 3), Limits(len(body), 2)):
        actions = receive(delivery(raw=body), limits=limits)
        assert _settled(actions) == [Reject(requeue=False)]
        assert _stored(actions)["result"]["exc_type"] == "DecodeError"


@pytest.mark.parametrize("retries", [None, "1", 1.5, [], 7])
def test_odd_headers_do_not_matter(retries: Any) -> None:
    """Headers that are not looked at on receipt may hold anything."""
    request(delivery(retries=retries, group=5, group_index="x", shadow=1, root_id=None, stamps=None, origin=[]))


FORMS = ["2026-01-02T03:04:06Z", "2026-01-02T03:04:06+00:00", "2026-01-02T12:04:06+09:00", "2026-01-02T03:04:06",
         "2026-01-02 03:04:06", "2026-01-02T03:04:06.000000Z", "20260102T030406Z"]  # fmt: skip


@pytest.mark.parametrize("text", FORMS)
def test_forms_of_a_moment(text: str) -> None:
    """Z, offsets, no offset (which is UTC), a blank for T: all mean the same moment."""
    assert receive(delivery(eta=text)) == [Schedule(request_of(text), later(1))]


def request_of(text: str) -> Any:
    [action] = receive(delivery(eta=text))
    assert isinstance(action, Schedule)
    return action.request


def test_a_date_alone_is_its_midnight() -> None:
    """A date without a time is midnight UTC of that day."""
    [action] = receive(delivery(eta="2026-01-03"))
    assert isinstance(action, Schedule)
    assert action.due.isoformat() == "2026-01-03T00:00:00+00:00"


@pytest.mark.parametrize("eta", ["2026-01-02T03:04:05Z", "2020-01-01", "0001-01-01T00:00:00", None])
def test_what_is_due_is_not_held(eta: str | None) -> None:
    """A moment of the past, however long ago, or none at all, makes a message run at once."""
    [action] = receive(delivery(eta=eta))
    assert isinstance(action, Reserve)


def test_the_end_of_time_is_held() -> None:
    """A moment in the year 9999 is held, not refused."""
    [action] = receive(delivery(eta="9999-12-31T23:59:59Z"))
    assert isinstance(action, Schedule)


def test_a_moment_before_time_fails() -> None:
    """A moment that UTC has no date for leaves a FAILURE and is rejected."""
    actions = receive(delivery(eta="0001-01-01T00:00:00+05:00"))
    assert _stored(actions)["result"]["exc_type"] == "OverflowError"
    assert _settled(actions) == [Reject(requeue=False)]


def test_a_datetime_is_a_moment() -> None:
    """A header that a broker has already made a datetime of is taken as it is."""
    assert read_moment("eta", datetime(2026, 1, 2, 3, 4, 5)) == NOW


@pytest.mark.parametrize("expires", ["2026-01-02T03:04:04.999999Z", "2020-01-01"])
def test_expired_on_receipt(expires: str) -> None:
    """An expired message is stored as REVOKED, then acknowledged, and does not run."""
    actions = receive(delivery(expires=expires, group="g", parent_id="p"))
    assert [type(action) for action in actions] == [Store, Acknowledge]
    document = _stored(actions)
    expected = {"exc_type": "TaskRevokedError", "exc_message": ["expired"], "exc_module": "celery.exceptions"}
    assert (document["status"], document["result"], document["traceback"]) == ("REVOKED", expected, None)
    assert (document["group_id"], document["parent_id"]) == ("g", "p")


def test_not_yet_expired() -> None:
    """The very moment of expiry is still in time."""
    [action] = receive(delivery(expires="2026-01-02T03:04:05Z"))
    assert isinstance(action, Reserve)


def test_expired_without_a_result() -> None:
    """An expired message whose result is ignored is acknowledged and nothing is stored."""
    assert receive(delivery(expires="2020-01-01", ignore_result=True)) == [Acknowledge()]


def test_version_1_is_converted() -> None:
    """Protocol 1: arguments, callbacks, chord and limits come from the body; its headers are the sender's own."""
    body = {
        "task": "t", "id": "i", "args": [1], "kwargs": {"a": 1}, "group": "g", "group_index": 2, "retries": 1,
        "eta": None, "expires": None, "utc": False, "callbacks": [1], "errbacks": [2], "timelimit": [3, None],
        "taskset": "x", "chord": {"c": 1}, "chain": [9],
    }  # fmt: skip
    got = request(version_1(body, {"mine": 1}))
    assert (got.id, got.args, got.kwargs) == ("i", [1], {"a": 1})
    assert got.embed == {"callbacks": [1], "errbacks": [2], "chord": {"c": 1}}
    assert (got.header("group"), got.header("group_index"), got.header("retries")) == ("g", None, 1)
    assert got.header("timelimit") == [3, None]
    assert got.source.custom_headers == {"mine": 1}


def test_version_1_without_args() -> None:
    """Protocol 1 without args: nothing is passed, and the taskset is the group."""
    got = request(version_1({"task": "t", "id": "i", "taskset": "x"}))
    assert (list(got.args), got.kwargs, got.header("group")) == ([], {}, "x")


def test_version_1_unknown_task() -> None:
    """An unknown task of protocol 1 leaves its FAILURE under the body's id."""
    [store] = [a for a in receive(version_1({"task": "nope", "id": "j"})) if isinstance(a, Store)]
    assert store.task_id == "j"


def test_version_1_moment_is_utc() -> None:
    """A moment without an offset is UTC, whatever `utc` says."""
    [action] = receive(version_1({"task": "t", "id": "i", "args": [], "eta": "2026-01-02T03:04:06", "utc": False}))
    assert isinstance(action, Schedule)
    assert action.due == later(1)


def test_transitional_message() -> None:
    """A body with `args` beside a `task` header is taken, and the headers win over the body."""
    got = request(delivery({"task": "x", "id": "x", "args": [1], "kwargs": {}, "group": "g"}))
    assert (got.id, got.task.name, got.args, got.header("group")) == ("i", "t", [1], "g")
