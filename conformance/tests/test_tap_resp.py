"""A Redis connection becomes commands with their replies, however its bytes are cut."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from .wire import NIL, OK, QUEUED, Heard, array, bulk, bytewise, command, error, number, pieces

_ASKED = command("SET", "k", b"a\r\nb") + command("GET", "k") + command("BRPOP", "q", "0") + command("INCR", "n")
_ANSWERED = OK + bulk(b"a\r\nb") + array(b"q", b"item") + number(7)
_UNDERSTOOD = [
    [(b"SET", b"OK")],
    [(b"GET", b"a\r\nb")],
    [(b"BRPOP", [b"q", b"item"])],
    [(b"INCR", 7)],
]


def _hear(asked: Iterable[bytes], answered: Iterable[bytes]) -> Heard:
    heard = Heard()
    session = heard.session()
    for data in asked:
        session.client(data, 1.0)
    for data in answered:
        session.server(data, 2.0)
    return heard


def test_requests_and_replies_may_be_cut_anywhere() -> None:
    """Wherever the bytes of a pipeline are cut, the same commands have the same replies."""
    for place in range(len(_ASKED)):
        assert _hear(pieces(_ASKED, place), [_ANSWERED]).steps() == _UNDERSTOOD, place
    for place in range(len(_ANSWERED)):
        assert _hear([_ASKED], pieces(_ANSWERED, place)).steps() == _UNDERSTOOD, place
    assert _hear(bytewise(_ASKED), bytewise(_ANSWERED)).steps() == _UNDERSTOOD


def test_a_command_is_told_when_it_was_sent() -> None:
    """A command is announced before it is answered, with the moment it was seen and its name in capitals."""
    heard = Heard()
    heard.session().client(command("brpop", "q", "0"), 4.5)
    (sent,) = heard.sent
    assert (sent.name, sent.arguments, sent.sent) == (b"BRPOP", (b"q", b"0"), 4.5)
    assert heard.done == []


def test_a_transaction_is_one() -> None:
    """The commands of a MULTI take effect together, when EXEC answers, each with its own reply."""
    asked = command("MULTI") + command("SETEX", "k", "9", "v") + command("PUBLISH", "k", "v") + command("EXEC")
    heard = _hear([asked], [OK, QUEUED, QUEUED])
    assert heard.done == []
    heard = _hear([asked], [OK + QUEUED + QUEUED + array(b"+OK\r\n", 0)])
    assert heard.steps() == [[(b"SETEX", b"OK"), (b"PUBLISH", 0)]]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param(command("EXEC"), b"*-1\r\n", id="a watched key changed"),
        pytest.param(command("EXEC"), b"_\r\n", id="a watched key changed, RESP3"),
        pytest.param(command("EXEC"), error("EXECABORT discarded"), id="a command was refused"),
        pytest.param(command("DISCARD"), OK, id="discarded"),
    ],
)
def test_a_transaction_that_was_given_up_did_nothing(asked: bytes, answered: bytes) -> None:
    """An aborted or discarded MULTI has no effect, and what comes after it is understood."""
    whole = command("MULTI") + command("SET", "k", "v") + asked + command("GET", "k")
    heard = _hear([whole], [OK + QUEUED + answered + NIL])
    assert heard.steps() == [[(b"GET", None)]]


def test_a_refused_command_is_left_out_of_its_transaction() -> None:
    """A command that was not queued does not shift the replies of those that were."""
    whole = command("MULTI") + command("SET") + command("SET", "k", "v") + command("INCR", "n") + command("EXEC")
    heard = _hear([whole], [OK + error("ERR wrong number") + QUEUED + QUEUED + array(b"+OK\r\n", 1)])
    assert heard.steps() == [[(b"SET", b"OK"), (b"INCR", 1)]]


def test_a_refused_multi_changes_nothing() -> None:
    """MULTI inside MULTI is an error that leaves the open transaction as it was."""
    whole = command("MULTI") + command("SET", "k", "v") + command("MULTI") + command("EXEC")
    heard = _hear([whole], [OK + QUEUED + error("ERR MULTI calls can not be nested") + array(b"+OK\r\n")])
    assert heard.steps() == [[(b"SET", b"OK")]]


def test_replies_before_a_transaction_is_over_belong_to_it() -> None:
    """An error inside EXEC stands with its command; the others took effect."""
    whole = command("MULTI") + command("INCR", "text") + command("INCR", "n") + command("EXEC")
    ((first, second),) = _hear([whole], [OK + QUEUED + QUEUED + array(error("ERR not an integer"), 1)]).steps()
    assert first[0] == b"INCR"
    assert "not an integer" in str(first[1])
    assert second == (b"INCR", 1)


def test_resp2_pushes_answer_no_command() -> None:
    """On RESP2 the messages and further confirmations of a subscription are taken for no command's reply."""
    confirmed = array(b"subscribe", b"a", 1) + array(b"subscribe", b"b", 2)
    heard = _hear(
        [command("SUBSCRIBE", "a", "b") + command("PING")],
        [confirmed + array(b"message", b"a", b"hello") + array(b"pong", b"")],
    )
    assert heard.steps() == [[(b"PING", [b"pong", b""])]]
    assert heard.pushed[-1] == [b"message", b"a", b"hello"]


def test_resp2_replies_are_replies_again_once_nothing_is_subscribed() -> None:
    """After the last UNSUBSCRIBE a list that begins like a push is a reply."""
    heard = _hear(
        [command("SUBSCRIBE", "a") + command("UNSUBSCRIBE"), command("LRANGE", "l", "0", "-1")],
        [array(b"subscribe", b"a", 1), array(b"unsubscribe", b"a", 0), array(b"message", b"x")],
    )
    assert heard.steps() == [[(b"LRANGE", [b"message", b"x"])]]


def test_a_refused_subscription_does_not_shift_replies() -> None:
    """The error that answers SUBSCRIBE answers nothing else."""
    heard = _hear([command("SUBSCRIBE", "a") + command("GET", "k")], [error("NOPERM no permissions") + bulk(b"v")])
    assert heard.steps()[-1] == [(b"GET", b"v")]


def test_lists_of_lists_are_replies() -> None:
    """A reply whose first entry is a list is no push, subscribed or not."""
    heard = _hear([command("SUBSCRIBE", "a")], [array(b"subscribe", b"a", 1) + array(array(b"x"))])
    assert len(heard.pushed) == 1
    assert heard.broken == []


def test_resp3_pushes_answer_no_command() -> None:
    """On RESP3 pushes come between any two replies and shift none of them."""
    hello = b"%1\r\n" + bulk(b"proto") + number(3)
    heard = _hear(
        [command("HELLO", "3") + command("SUBSCRIBE", "a") + command("BRPOP", "message", "0") + command("GET", "k")],
        [
            hello + array(b"subscribe", b"a", 1, mark=b">") + array(b"message", b"a", b"m1", mark=b">"),
            array(b"message", b"item") + array(b"message", b"a", b"m2", mark=b">") + bulk(b"v"),
        ],
    )
    assert heard.steps() == [
        [(b"HELLO", {b"proto": 3})],
        [(b"BRPOP", [b"message", b"item"])],  # a queue named "message"
        [(b"GET", b"v")],
    ]
    assert heard.pushed[1:] == [[b"message", b"a", b"m1"], [b"message", b"a", b"m2"]]


@pytest.mark.parametrize(
    ("answered", "value"),
    [
        pytest.param(b"#f\r\n", False, id="false"),
        pytest.param(b"#t\r\n", True, id="true"),
        pytest.param(b"_\r\n", None, id="null"),
        pytest.param(b",1.5\r\n", 1.5, id="double"),
        pytest.param(b"%1\r\n+a\r\n:1\r\n", {b"a": 1}, id="map"),
        pytest.param(b"~1\r\n:5\r\n", [5], id="set"),
        pytest.param(b"=7\r\ntxt:abc\r\n", b"abc", id="verbatim"),
    ],
)
def test_resp3_values_are_replies_of_their_own(answered: bytes, value: object) -> None:
    """Each RESP3 value answers one command, cut anywhere: false is not taken for "nothing yet"."""
    for place in range(len(answered)):
        heard = _hear([command("GET", "k") + command("GET", "l")], [*pieces(answered, place), bulk(b"next")])
        assert heard.steps() == [[(b"GET", value)], [(b"GET", b"next")]], place


@pytest.mark.parametrize(
    "corrupt",
    [
        pytest.param(b"PING\r\n", id="inline"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", id="TLS"),
        pytest.param(array(1, 2), id="numbers"),
        pytest.param(b":7\r\n", id="a number"),
        pytest.param(b"*99999999999999999999\r\n", id="absurd length"),
    ],
)
def test_corrupt_requests_end_the_decoding_with_one_fact(corrupt: bytes) -> None:
    """What is no request is told once; after it nothing of the connection is interpreted."""
    heard = _hear([command("PING"), corrupt, corrupt, command("SET", "k", "v")], [b"+PONG\r\n" + OK])
    assert len(heard.broken) == 1
    assert [sent.name for sent in heard.sent] == [b"PING"]


def test_corrupt_replies_end_the_decoding_with_one_fact() -> None:
    """What came before the corrupt bytes counts, what comes after them does not."""
    heard = _hear([command("PING") * 3], [b"+PONG\r\n", b"?what\r\n", b"+PONG\r\n"])
    assert heard.steps() == [[(b"PING", b"PONG")]]
    assert len(heard.broken) == 1


def test_a_map_with_a_list_as_key_is_corrupt() -> None:
    """A RESP3 map that Python cannot hold is told like corrupt bytes, and raises nothing."""
    heard = _hear([command("PING")], [b"%1\r\n*1\r\n:1\r\n:1\r\n"])
    assert len(heard.broken) == 1


def test_empty_requests_are_passed_over() -> None:
    """An empty array is no command: the server does not answer it."""
    heard = _hear([b"*0\r\n" + command("PING")], [b"+PONG\r\n"])
    assert heard.steps() == [[(b"PING", b"PONG")]]
    assert heard.broken == []
