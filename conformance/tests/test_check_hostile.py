"""``check`` on what wants to do harm: it runs nothing, stays within bounds, and always ends in a sentence."""

from __future__ import annotations

import base64
import io
import json
import pickle
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import schemas
from celery_conformance.check import Finding, Judge, Outcome, bodies, reading, show
from celery_conformance.check.reading import DEEPEST, Input, inputs
from celery_conformance.fixtures import load
from celery_conformance.report.text import visible
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .check_inputs import RESULT, envelope, message

JUDGE = Judge()
_SEEDS = [fixture.data for fixture in load()]
_CONTENTS = [dict(fixture.message) for fixture in load()]
_CALM = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def said(value: Any) -> Finding:
    """The finding, after all that is shown of it was made."""
    given = (
        value
        if isinstance(value, Input)
        else Input(0, value if isinstance(value, bytes) else json.dumps(value).encode())
    )
    finding = JUDGE.judge(given)
    assert finding.title
    lines = [text.plain for text in show.in_full(finding, JUDGE.line)]
    assert lines
    assert all(line == visible(line) for line in lines)
    assert not any("\n" in line for line in lines)
    machine = json.loads(json.dumps(show.as_data(finding, JUDGE.line)))
    assert schemas.validator("check").is_valid(machine)
    return finding


# -- what would run, were it loaded -----------------------------------------------------------------------------


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.path, "it ran"))


def test_a_pickle_is_not_loaded(tmp_path: Path) -> None:
    """A body that would write a file when it is loaded writes none, and is told to be left closed."""
    trap = tmp_path / "trap"
    given = {**message(), "content_type": "application/x-python-serialize", "content_encoding": "binary"}
    finding = said(envelope({**given, "body": pickle.dumps(_Trap(trap))}))
    assert not trap.exists()
    assert any("to load a pickle is to run it" in note for note in finding.notes)
    assert finding.outcome is Outcome.FINE  # what is closed is not judged


def test_yaml_makes_no_objects_and_follows_no_aliases() -> None:
    """A tag of Python's is no plain value; ten lines that stand for a thousand million are not followed."""
    yaml_message = {**message(), "content_type": "application/x-yaml"}
    tagged = said(envelope({**yaml_message, "body": b"!!python/object/apply:os.getcwd []"}))
    assert tagged.outcome is Outcome.MUST
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n".encode() for n in range(9)
    )
    finding = said(envelope({**yaml_message, "body": bomb}))
    assert any("YAML with aliases" in note for note in finding.notes)


# -- bounds -----------------------------------------------------------------------------------------------------


def test_decompression_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that become very many are left closed once the bound is reached."""
    monkeypatch.setattr(bodies, "LONGEST", 1_000_000)
    bomb = zlib.compress(b"[" + b" " * 50_000_000 + b"]", 9)
    began = time.process_time()
    finding = said(envelope({**message(compression="application/x-gzip"), "body": bomb}))
    assert time.process_time() - began < 2
    assert any("longer than" in note for note in finding.notes)


@pytest.mark.parametrize("depth", [DEEPEST + 1, 1_000, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_bounded(depth: int, opening: str) -> None:
    """Lists in lists and objects in objects end in a sentence, as an input and as a body."""
    deep = (opening * depth + "1" + ("]" if opening == "[" else "}") * depth).encode()
    assert said(deep).outcome is Outcome.UNREADABLE
    assert said(envelope({**message(), "body": deep})).outcome is Outcome.MUST


def test_what_is_not_quite_too_deep_is_judged() -> None:
    """The bound is where it says it is; brackets in texts count for nothing."""
    given = message()
    inner: Any = "[" * 500
    for _ in range(DEEPEST - 5):
        inner = [inner]
    given["body"] = [inner, *given["body"][1:]]
    assert said(envelope(given)).outcome is Outcome.FINE


def test_long_values_are_cut() -> None:
    """Ten thousand letters are not shown, in fields and in violations."""
    finding = said(envelope(message(argsrepr="x" * 10_000, eta="y" * 10_000)))
    assert all(len(text.plain) < 1_000 for text in show.in_full(finding, JUDGE.line))


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by its number, and the lines behind it are judged."""
    monkeypatch.setattr(reading, "LONGEST", 4_000)
    good = json.dumps(envelope(message())).encode()
    found = list(inputs(io.BytesIO(good + b"\n" + b'"' + b"x" * 20_000 + b'"\n' + good + b"\n")))
    assert [(one.line, one.too_long) for one in found] == [(1, False), (2, True), (3, False)]
    assert [said(one).outcome for one in found] == [Outcome.FINE, Outcome.UNREADABLE, Outcome.FINE]


def test_no_terminal_obeys_what_is_shown() -> None:
    """Escape sequences and marks that turn the direction of writing are shown, not sent."""
    nasty = "\x1b[2J\x07\u202egnp.exe\x9b31m\nline 7: a task message: no sentence is broken"
    finding = said(envelope(message(shadow=nasty, eta=nasty, **{nasty: nasty})))
    shown = "\n".join(text.plain for text in show.in_full(finding, JUDGE.line))
    assert "\\x1b[2J" in shown
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(shown)


# -- anything at all --------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_STRANGE = st.one_of(
    _JSON, st.sampled_from(["", "\ud800", "\x1b[2J", 2**70, -1, 1e308, [[]], {"$ref": "#"}, {"$number": "NaN"}])
)


@_CALM
@given(st.binary(max_size=300))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\xff\xfe{")
@example(b'"\\ud800"')
@example(b"NaN")
@example(b"1" * 5000)
def test_any_bytes_end_in_a_sentence(data: bytes) -> None:
    """Never a traceback, whatever the bytes are."""
    for given_input in inputs(io.BytesIO(data)):
        said(given_input)


@_CALM
@example({"²": None})
@given(_JSON)
def test_any_json_ends_in_a_sentence(value: Any) -> None:
    """Never a traceback, whatever the value is, also inside each kind of carrier."""
    text = json.dumps(value)
    said(value)
    said({"item": text, "list": "celery"})
    said({"document": text, "key": "k"})
    said(envelope({**message(), "body": text.encode("utf-8", "surrogatepass")}))


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, inner in inside for place in _places(inner, (*way, key)))]


def _changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _changed(value[place[0]], place[1:], new)
    return copy


@_CALM
@given(st.data(), st.sampled_from([*_SEEDS, *_CONTENTS]), _STRANGE)
def test_a_message_with_anything_anywhere_ends_in_a_sentence(data: st.DataObject, seed: Any, strange: Any) -> None:
    """A fixture, or what is in it, in which any one value is replaced by any other."""
    place = data.draw(st.sampled_from(_places(seed)))
    said(_changed(seed, place, strange))


@_CALM
@given(st.data(), _STRANGE, st.sampled_from(["envelope", "result"]))
def test_a_decoded_message_with_anything_anywhere_ends_in_a_sentence(
    data: st.DataObject, strange: Any, kind: str
) -> None:
    """The same below the base64 of the body."""
    whole = message() if kind == "envelope" else RESULT
    changed = _changed(whole, data.draw(st.sampled_from(_places(whole))), strange)
    if kind == "envelope" and isinstance(changed, dict):
        body = json.dumps(changed.get("body")).encode("utf-8", "surrogatepass")
        item = envelope({**message(), **{name: changed.get(name) for name in ("headers", "content_type")}})
        said({**item, "body": base64.b64encode(body).decode()})
    else:
        said(changed)


@_CALM
@given(st.binary(max_size=200), st.sampled_from(sorted(bodies._DESERIALIZERS)), st.sampled_from(["", *bodies._ALIASES]))
def test_any_body_of_any_type_ends_in_a_sentence(body: bytes, content_type: str, compression: str) -> None:
    """Whatever the message says of its body, and whatever the body is."""
    headers = {"compression": compression} if compression else {}
    said(envelope({**message(**headers), "content_type": content_type, "body": body}))


@pytest.mark.parametrize("tag", [[], {}, None, 5, ["datetime"], {"__type__": "datetime", "__value__": []}])
def test_a_tag_of_any_type_ends_in_a_sentence(tag: Any) -> None:
    """The name of a tagged value may be anything."""
    body = [
        [{"__type__": tag, "__value__": tag}],
        {},
        {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
    ]
    assert [one.requirement for one in said(envelope({**message(), "body": body})).broken] == ["SER-TAG-002"]
