"""What a call refuses before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from celery_wire.context import call_options
from celery_wire.errors import OptionInvalidError, ValueUnencodableError
from celery_wire.policy import Sender
from celery_wire.produce import task_publication

from .lives import NOW

WRONG: dict[str, tuple[tuple[Any, Any, Any], dict[str, Any], str]] = {
    "name-empty": (("", [], {}), {}, "task: expected a name, got ''"),
    "args-text": (("t", "ab", {}), {}, "args: expected a list or tuple, got 'ab'"),
    "kwargs-list": (("t", [], [1]), {}, "kwargs: expected a mapping, got [1]"),
    "eta-garbage": (("t", [], {}), {"eta": "tomorrow"}, "eta: expected a datetime or ISO 8601 text, got 'tomorrow'"),
    "eta-empty": (("t", [], {}), {"eta": ""}, "eta: expected a datetime or ISO 8601 text, got ''"),
    "expires-garbage": (
        ("t", [], {}),
        {"expires": "soon"},
        "expires: expected a datetime or ISO 8601 text, got 'soon'",
    ),
    "countdown-text": (("t", [], {}), {"countdown": "5"}, "countdown: expected a number of seconds, got '5'"),
    "countdown-true": (("t", [], {}), {"countdown": True}, "countdown: expected a number of seconds, got True"),
    "countdown-beyond": (
        ("t", [], {}),
        {"countdown": 1e15},
        "countdown: expected seconds that lead to a moment of the calendar, got 1000000000000000.0",
    ),
    "time-limit-text": (("t", [], {}), {"time_limit": "1"}, "time_limit: expected a number of seconds, got '1'"),
    "serializer-pickle": (
        ("t", [], {}),
        {"serializer": "pickle"},
        "serializer: expected one of json, yaml, msgpack, got 'pickle'",
    ),
    "compression-unknown": (
        ("t", [], {}),
        {"compression": "deflate"},
        "compression: expected one of zlib, gzip, bzip2, bzip, lzma, xz, got 'deflate'",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_wrong_calls_are_refused(fault: str) -> None:
    """A call that no worker could take is refused; the error names the field, what was expected and what came."""
    call, options, text = WRONG[fault]
    with pytest.raises(OptionInvalidError) as caught:
        task_publication(*call, call_options(options), Sender(), NOW)
    assert str(caught.value) == text


def test_unknown_options_are_refused() -> None:
    """An option that there is not is refused by name, and the error lists those that there are."""
    with pytest.raises(OptionInvalidError, match=r"^countdwn: expected one of the options chain, .*, got 5$"):
        call_options({"countdwn": 5})


@pytest.mark.parametrize(("args", "kwargs", "where"), [([1, {2}], {}, r"args\[1\]"), ([], {"a": 1j}, r"kwargs\['a'\]")])
def test_arguments_without_a_form_are_refused(args: Any, kwargs: Any, where: str) -> None:
    """An argument without a JSON form is refused, and the error says which."""
    with pytest.raises(ValueUnencodableError, match=f"^{where}: expected"):
        task_publication("t", args, kwargs, call_options({}), Sender(), NOW)


@pytest.mark.parametrize("serializer", ["yaml", "msgpack"])
def test_arguments_without_a_form_in_another_serializer_are_refused(serializer: str) -> None:
    """The error says whether it is among the arguments or the keyword arguments."""
    call = call_options({"serializer": serializer})
    with pytest.raises(ValueUnencodableError, match=r"^kwargs: expected"):
        task_publication("t", [1], {"a": 1j}, call, Sender(), NOW)


def test_every_call_has_an_id_of_its_own() -> None:
    """Two calls without an id get two ids, each the same in header and correlation id."""
    messages = [task_publication("t", (), {}, call_options({}), Sender(), NOW).message for _ in range(2)]
    ids = {message.headers["id"] for message in messages}
    assert len(ids) == 2
    assert ids == {message.properties["correlation_id"] for message in messages}
