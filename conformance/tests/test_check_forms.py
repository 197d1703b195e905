"""``check`` takes one message in every form, and says the same of it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from typing import Any

import msgpack
import pytest
import yaml
from celery_conformance.check import Finding, Judge, Outcome, forms, kinds
from celery_conformance.check.reading import Input
from celery_conformance.check.words import fields
from celery_conformance.fixtures import Fixture, load

from .check_inputs import FORMS, RESULT, TASK_ID, envelope, message, publication

JUDGE = Judge()


def judged(value: Any) -> Finding:
    return JUDGE.judge(Input(0, value if isinstance(value, bytes) else json.dumps(value).encode()))


def broken(value: Any) -> list[tuple[str, str]]:
    """Sentence and place of each violation."""
    return [(one.requirement, one.pointer) for one in judged(value).broken]


@pytest.mark.parametrize("form", FORMS)
def test_a_message_is_known_in_every_form(form: str) -> None:
    """What Celery writes is a task message, whatever carries it, and nothing is wrong with it."""
    finding = judged(FORMS[form](message()))
    assert finding.title == "a task message of protocol version 2"
    assert finding.broken == ()
    assert finding.outcome is Outcome.FINE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("headers", "requirement", "header"),
    [
        ({"eta": ""}, "TASK2-HDR-022", "eta"),
        ({"eta": 5}, "TASK2-HDR-020", "eta"),
        ({"retries": "0"}, "TASK2-HDR-030", "retries"),
        ({"group": ...}, "TASK2-HDR-006", "group"),
        ({"id": ...}, "TASK2-HDR-002", "id"),
        ({"timelimit": [30]}, "TASK2-HDR-031", "timelimit"),
    ],
)
def test_a_fault_is_told_once_in_every_form(form: str, headers: Any, requirement: str, header: str) -> None:
    """The place is where the header stands in the input, and envelope and message do not both tell of it."""
    within = "/properties/headers" if "within" in form else "/headers"
    assert broken(FORMS[form](message(**headers))) == [(requirement, f"{within}/{header}")]


def test_another_correlation_id_is_told() -> None:
    """That two places have to agree, no schema can say, and ``check`` says it all the same."""
    given = message()
    given["properties"]["correlation_id"] = "other"
    assert broken(envelope(given)) == [("TASK2-HDR-004", "/properties/correlation_id")]


@pytest.mark.parametrize(
    ("status", "requirement"),
    [("SUCCESS", None), ("success", "RES-STA-001"), ("BAKING", None), ("baking", "RES-STA-001")],
)
def test_a_state_in_lower_case_is_told(status: str, requirement: str | None) -> None:
    """States are in upper case, also the application's own."""
    assert broken({**RESULT, "status": status}) == ([(requirement, "/status")] if requirement else [])


@pytest.mark.parametrize(
    ("tagged", "told"),
    [
        ({"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}, []),
        ({"__type__": "complex", "__value__": "1j"}, [("SER-TAG-002", "/body/0/0/__type__")]),
        ({"__type__": "uuid", "__value__": "00ff"}, [("SER-TAG-003", "/body/0/0/__value__")]),
        ({"__type__": "uuid", "__value__": {"hex": "00ff"}}, []),
        ({"__type__": "complex", "__value__": "1j", "more": 1}, []),
    ],
)
def test_tagged_values_are_looked_at(tagged: Any, told: list[tuple[str, str]]) -> None:
    """An object of exactly the two keys is a tagged value and has to be one that a reader knows."""
    given = message()
    given["body"] = [[tagged], *given["body"][1:]]
    assert broken(envelope(given)) == told


def test_numbers_that_json_lacks_are_a_should() -> None:
    """NaN in a body is told, and breaks no MUST."""
    given = message()
    given["body"] = json.dumps([[float("nan")], *given["body"][1:]]).encode()
    finding = judged(envelope(given))
    assert [(one.requirement, one.level) for one in finding.broken] == [("SER-JSN-003", "SHOULD NOT")]
    assert finding.outcome is Outcome.SHOULD


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("application/x-gzip", zlib.compress),
        ("zlib", zlib.compress),
        ("application/x-bz2", bz2.compress),
        ("bzip2", bz2.compress),
        ("application/x-lzma", lzma.compress),
    ],
)
def test_a_compressed_body_is_looked_into(name: str, compress: Any) -> None:
    """What stands inside is judged: here keyword arguments that are null."""
    given = message(compression=name)
    given["body"] = compress(json.dumps([[], None, given["body"][2]]).encode())
    assert broken(envelope(given)) == [("TASK2-BDY-003", "/body/1")]


def test_bytes_that_do_not_decompress_are_told() -> None:
    """gzip's own format is not what application/x-gzip means to Celery, and half a stream is nothing at all."""
    whole = json.dumps(message()["body"]).encode()
    for body in (gzip.compress(whole), zlib.compress(whole)[:-8], b"no stream"):
        assert broken(envelope({**message(compression="application/x-gzip"), "body": body})) == [
            ("TASK2-HDR-047", "/body")
        ]


@pytest.mark.parametrize(
    ("content_type", "write"),
    [("application/x-msgpack", msgpack.packb), ("application/x-yaml", lambda value: yaml.safe_dump(value).encode())],
)
def test_other_serializers_are_looked_into(content_type: str, write: Any) -> None:
    """msgpack and YAML are decoded and judged; what is none is told."""
    given = {**message(), "content_type": content_type, "content_encoding": "binary"}
    body = given["body"]
    assert broken(envelope({**given, "body": write(body)})) == []
    assert broken(envelope({**given, "body": write(body[:2])})) == [("TASK2-BDY-001", "/body")]
    assert broken(envelope({**given, "body": b"\xc1{["})) == [("TASK2-PRP-003", "/body")]


def test_a_body_in_another_encoding_breaks_the_sentence_on_encodings() -> None:
    """A byte order mark, and JSON that is no UTF-8."""
    for body in (b"\xef\xbb\xbf[[], {}, {}]", "[[], {}, {}]".encode("utf-16")):
        assert broken(envelope({**message(), "body": body})) == [("SER-JSN-001", "/body")]


def test_a_result_says_what_it_is() -> None:
    """A stored document is known as one, and as the text that a recorder wrote down."""
    assert judged(RESULT).title == "a result document"
    assert broken({"document": json.dumps(RESULT), "key": f"celery-task-meta-{TASK_ID}"}) == []
    assert broken({**RESULT, "status": "FAILURE"}) == [("RES-STA-002", "/result")]


def test_a_copy_of_an_unacknowledged_message_is_known() -> None:
    """The value of the hash is a list of three."""
    finding = judged([envelope(message()), "", "celery"])
    assert finding.form == "a copy in the hash of unacknowledged messages"
    assert finding.broken == ()


def test_a_broken_body_encoding_is_one_fault() -> None:
    """Without body_encoding the body is no JSON either, which is not told again."""
    given = envelope(message())
    del given["properties"]["body_encoding"]
    assert broken(given) == [("REDIS-ENV-002", "/properties/body_encoding")]


@pytest.mark.parametrize("value", [{}, {"a": 1}, 5, "text", None, True, [], [1, 2, 3], {"judged": 1, "message": 2}])
def test_what_is_nothing_known_is_unreadable(value: Any) -> None:
    """A sentence says that it is no message or document, and nothing is called fine."""
    finding = judged(value)
    assert finding.outcome is Outcome.UNREADABLE
    assert finding.title.startswith("unreadable: expected ")


def test_a_message_of_no_known_kind_is_not_called_fine() -> None:
    """An envelope around something else is told as such."""
    finding = judged(envelope({**message(), "headers": {}, "body": {"no": "task"}}))
    assert finding.title == "a message of no kind that this edition knows (its body is an object)"
    assert finding.outcome is Outcome.UNREADABLE


#: Captured fixtures that break a sentence with SHOULD, because whoever sent them asked for it.
_AS_ASKED = {
    "task-v2/naive-eta": {"TASK2-HDR-023"},
    "task-v2/nan": {"SER-JSN-003"},
    "task-v2/transient": {"TASK2-PRP-006"},
}
#: Fixtures have ids of their own, so that whoever reads them knows them again.
_READABLE_ID = "TASK2-HDR-005"


@pytest.mark.parametrize(
    "fixture",
    [one for one in load() if one.origin["kind"] == "captured" and one.valid],
    ids=lambda one: one.name,
)
def test_what_celery_wrote_breaks_nothing(fixture: Fixture) -> None:
    """A message that the newest Celery wrote is in order, recommendations included."""
    if fixture.origin["versions"]["celery"] != "5.7.0":
        pytest.skip("another line wrote it")
    try:
        carried = forms.carried(dict(fixture.message))
    except forms.UnreadableError:
        pytest.skip("a form that only a fixture has")
    if not carried.known:
        pytest.skip("no row of kinds knows it")
    told = {one.requirement for one in JUDGE.carried(carried).broken} - {_READABLE_ID}
    assert told == _AS_ASKED.get(fixture.name, set())


def test_fields_are_put_into_plain_words() -> None:
    """Moments, limits, callbacks and tagged values are said as a person says them."""
    given = message(eta="2026-11-24T19:25:47.5+09:00", timelimit=[30, None], expires="2027-01-01T00:00:00")
    signature = {
        "task": "mail",
        "args": [1],
        "kwargs": {"to": "x"},
        "options": {},
        "subtask_type": None,
        "immutable": True,
    }
    given["body"] = [
        [
            {"__type__": "datetime", "__value__": "2026-01-02T03:04:05Z"},
            {"__type__": "uuid", "__value__": {"hex": "00ff"}},
        ],
        {},
        {"callbacks": [signature], "errbacks": None, "chain": [], "chord": None},
    ]
    carried = judged(envelope(given)).carried
    assert carried is not None
    said = {one.pointer: one.words for one in fields(carried)}
    assert said["/headers/eta"] == "2026-11-24T19:25:47.5+09:00 (24 November 2026, 10:25:47.5 UTC)"
    assert said["/headers/expires"].endswith("(1 January 2027, 00:00:00 without an offset, which means UTC)")
    assert said["/headers/timelimit"] == "hard limit 30 s, soft limit none"
    assert said["/body/0"].startswith("[the moment 2026-01-02T03:04:05Z (2 January 2026, 03:04:05 UTC), the UUID 00ff]")
    assert said["/body/2/callbacks"] == 'mail(1, to="x"), without the result before it'
    assert said["/body/2/chain"] == "none"
    assert said["/properties/delivery_info/routing_key"] == "celery"


def test_a_failure_is_put_into_plain_words() -> None:
    """An exception reads as one, and a group among the children as one."""
    failure = {"exc_type": "QuotaError", "exc_message": ["full", 3], "exc_module": "shop"}
    children = [[["g", None], [[["a", None], None], [["b", None], None]]], [["c", [["b", None], None]], None]]
    carried = judged({**RESULT, "status": "FAILURE", "result": failure, "children": children}).carried
    assert carried is not None
    said = {one.pointer: one.words for one in fields(carried)}
    assert said["/result"] == 'QuotaError("full", 3) of the module shop'
    assert said["/children"] == "g, a group of 2; c, after b"


def test_every_field_of_an_input_is_shown_once() -> None:
    """Envelope and message do not both show a field, and none is missing."""
    given = envelope(message())
    carried = judged(given).carried
    assert carried is not None
    pointers = [one.pointer for one in fields(carried) if one.words]
    assert len(pointers) == len(set(pointers))
    assert {f"/headers/{name}" for name in given["headers"]} <= set(pointers)
    assert {"/properties/delivery_tag", "/properties/correlation_id", "/body/0", "/body/2/chord"} <= set(pointers)


@pytest.mark.parametrize("kind", [kind for kind in kinds.rows() if kind.known], ids=lambda kind: kind.stem)
def test_every_kind_has_a_schema_and_binds_somebody(kind: kinds.Kind) -> None:
    """A row of the table leads to a schema, and to roles that the specification knows."""
    assert kind.schema("emitted") or kind.schema("accepted")
    assert kind.writers


def test_an_amqp_publication_is_judged_as_one() -> None:
    """What only the publication's schema says is told, with the place in the publication."""
    given = publication(message())
    del given["properties"]["content_encoding"]
    assert broken(given) == [("AMQP-PUB-003", "/properties/content_encoding")]


def test_message_properties_are_put_in_words_for_every_version() -> None:
    """Version 1 has the properties of version 2, and its schema does not say them again."""
    body = json.dumps({"id": "a", "task": "tasks.add", "args": [1, 2], "kwargs": {}})
    properties = {"delivery_mode": 2, "correlation_id": "a", "own": 1}
    encoded = {"content_type": "application/json", "content_encoding": "utf-8", "headers": {}, "body": {"text": body}}
    carried = forms.carried({**encoded, "properties": properties})
    assert carried.title == "a task message of protocol version 1"
    says = {field.name: field.says for field in fields(carried)}
    assert says["delivery_mode"].startswith("2 for a message that survives")
    assert says["own"] == ""
