"""The schemas: every property explained, every branch held by a fixture, and in accord with Celery's own reading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from celery.utils.time import maybe_iso8601
from celery_conformance import schemas, specification
from celery_conformance.fixtures import branches, load
from celery_conformance.fixtures.branches import Subject
from celery_conformance.schemas import PREFIX, documents
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from . import unreachable_monitoring
from .fixture_files import BROKEN, LAWFUL

FORMS = {"adapter", "case", "check", "door2", "fixture", "report", "requirements"}
MESSAGES = [name for name in documents() if name not in FORMS]
OURS = [*MESSAGES, "fixture"]

#: Branches that no message can reach, and why.
UNREACHABLE = {
    "amqp-task-emitted#/properties/exchange demanded": "a publication on AMQP always has an exchange",
    "amqp-task-emitted#/properties/routing_key demanded": "a publication on AMQP always has a routing key",
    "amqp-task-emitted#/properties/properties demanded": "a publication on AMQP always has properties",
    "django-group#/properties/date_created demanded": "the table takes no row without it",
    "django-group#/properties/date_done demanded": "the table takes no row without it",
    "django-task#/properties/date_created demanded": "the table takes no row without it",
    "django-task#/properties/date_done demanded": "the table takes no row without it",
    "dynamodb-counter#/properties/id/properties/S demanded": "a value of DynamoDB always names its type",
    "dynamodb-item#/properties/id/properties/S demanded": "a value of DynamoDB always names its type",
    "dynamodb-item#/properties/result/properties/B demanded": "a value of DynamoDB always names its type",
    "group-result#/$defs/group/prefixItems/0 free": "what it refers to says what stands there",
    "result-accepted#/if/required/status": "a document without status is refused all the same",
    "result-accepted#/then/properties/result demanded": "a document without result is refused all the same",
    "result-compressed#/properties/compression demanded": "the bytes always give one, empty at worst",
    "result-compressed#/properties/document demanded": "bytes without a document cannot be decoded",
    "result-emitted#/allOf/0/if/required/status": "a document without status is refused all the same",
    "result-emitted#/allOf/0/then/properties/result demanded": "a document without result is refused all the same",
    "result-emitted#/allOf/1/if/required/status": "a document without status is refused all the same",
    "result-emitted#/allOf/1/then/properties/result demanded": "a document without result is refused all the same",
    "rpc-result-emitted#/type": "a neutral message is an object by its own definition",
    "rpc-result-emitted#/required/body": "a message always has a body, which may be empty",
    "signature-accepted#/allOf/4/then/properties/kwargs demanded": "chunks without keywords are refused all the same",
    "signature-accepted#/properties/options demanded": "a signature without options is refused all the same",
    **{
        f"signature-emitted#/allOf/{kind}/then/properties/kwargs demanded": "keywords are demanded of every signature"
        for kind in range(5)
    },
    "signature-emitted#/properties/options demanded": "a signature without options is refused all the same",
    **{
        f"task-{name}#/required/body": "a message always has a body, which may be empty"
        for name in ("accumulate", "chord-unlock", "map")
    },
    "sqlalchemy-message#/properties/queue_id demanded": "a row always has every column",
    "sqlalchemy-message#/properties/version demanded": "a row always has every column",
    "sqlalchemy-message#/properties/visible demanded": "a row always has every column",
    "sqlalchemy-queue#/properties/id demanded": "a row always has every column",
    "sqlalchemy-task#/properties/result demanded": "a row always has every column",
    "sqlalchemy-task#/properties/status demanded": "a row always has every column",
    "sqlalchemy-task#/properties/task_id demanded": "a row always has every column",
    "store-common#/$defs/exceptional/if/required/status": "a row without status is refused all the same",
    "store-common#/$defs/exceptional/then/properties/result demanded": "a row without result is refused all the same",
    "task-v2-accepted#/type": "a neutral message is an object by its own definition",
    "task-v2-accepted#/required/body": "a message always has a body, which may be empty",
    "task-v2-emitted#/type": "a neutral message is an object by its own definition",
    "task-v2-emitted#/required/body": "a message always has a body, which may be empty",
    **unreachable_monitoring.UNREACHABLE,
}

_NEUTRAL = "a neutral message is an object by its own definition"
_BODY = "a message always has a body, which may be empty"
for _name in (
    "task-v1-accepted",
    "task-v1-emitted",
    "task-hybrid-accepted",
    "signed-task-accepted",
    "signed-task-emitted",
):
    UNREACHABLE |= {f"{_name}#/type": _NEUTRAL, f"{_name}#/required/body": _BODY}

_FIVE = "a signed body is taken apart into five fields or not at all"
_TYPE = "a body is taken apart only under the content type of signed bodies"
for _name in ("signed-task-accepted", "signed-task-emitted"):
    UNREACHABLE |= {
        f"{_name}#/required/content_type": _TYPE,
        f"{_name}#/properties/content_type free": _TYPE,
        f"{_name}#/properties/content_type/const": _TYPE,
        f"{_name}#/properties/body/type": _FIVE,
        f"{_name}#/properties/body/properties/signature/properties/$bytes demanded": _FIVE,
        **{
            f"{_name}#/properties/body/required/{_field}": _FIVE
            for _field in ("signer", "signature", "content_type", "content_encoding", "body")
        },
    }

for _name, _arms in (("json-values-accepted", 2), ("json-values-emitted", 6)):
    UNREACHABLE |= {f"{_name}#/type": _NEUTRAL, f"{_name}#/properties/body demanded": _BODY}
    UNREACHABLE |= {
        f"{_name}#/$defs/tagged/anyOf/{_arm}/properties/{_key} demanded": "a tagged value has both keys"
        for _arm in range(_arms)
        for _key in ("__type__", "__value__")
    }


_TOY = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"{PREFIX}toy"}


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    for steps, inner in branches.subschemas(schema):
        for name, described in inner.get("properties", {}).items():
            yield "/".join(map(str, (*steps, name))), described


def _ids(text: str) -> list[str]:
    return re.findall(r"\[([A-Z0-9]+-[A-Z]+-[0-9]{3})\]", text)


@pytest.mark.parametrize("name", OURS)
def test_a_schema_is_one_and_is_found_under_its_own_name(name: str) -> None:
    """A schema is valid JSON Schema 2020-12 and its $id is made of the name of its file."""
    Draft202012Validator.check_schema(documents()[name])
    assert documents()[name]["$id"] == PREFIX + name


@pytest.mark.parametrize("name", OURS)
def test_every_property_is_explained(name: str) -> None:
    """Each property has a description, as the schemas are what people read first."""
    silent = [place for place, inner in _properties(documents()[name]) if not inner.get("description")]
    assert silent == []


@pytest.mark.parametrize("name", MESSAGES)
def test_every_property_names_its_requirements(name: str) -> None:
    """Each property of a message kind says which sentences of the specification stand behind it."""
    bare = [place for place, inner in _properties(documents()[name]) if not _ids(inner.get("description", ""))]
    assert bare == []


@pytest.mark.parametrize("name", OURS)
def test_every_requirement_that_a_schema_names_exists(name: str) -> None:
    """An id in a description stands in the specification."""
    known = {requirement.id for requirement in specification.load()}
    named = {
        identifier
        for _, inner in branches.subschemas(documents()[name])
        for identifier in _ids(inner.get("description", ""))
    }
    assert named - known == set()


@pytest.mark.parametrize("name", MESSAGES)
def test_every_branch_of_a_message_schema_is_held_by_a_fixture(name: str) -> None:
    """Whatever is changed in the schema, the verdict on some fixture flips; what cannot be reached is listed."""
    loose = {branch.name for branch in branches.loose(documents(), name, branches.subjects(load()))}
    assert loose == {place for place in UNREACHABLE if place.startswith(f"{name}#")}


def test_every_branch_of_the_fixture_schema_is_held() -> None:
    """Whatever is changed in the schema of fixtures, the verdict on some fixture file, or a broken one, flips."""
    files = [fixture.data for fixture in load()]
    valid = [Subject("fixture", document, valid=True) for document in (*LAWFUL, *files)]
    broken = [Subject("fixture", document, valid=False) for document in BROKEN]
    assert branches.loose(documents(), "fixture", [*broken, *valid]) == []


def test_a_branch_that_nothing_holds_is_found() -> None:
    """The measure itself: a keyword, an alternative and a property that no subject needs are reported."""
    schema = {
        **_TOY,
        "type": "object",
        "required": ["held"],
        "properties": {"held": {"type": ["integer", "null"]}, "loose": {"minLength": 2}},
    }
    known = [Subject("toy", {"held": 1}, valid=True), Subject("toy", {"held": "1"}, valid=False)]
    known.append(Subject("toy", {}, valid=False))
    loose = {branch.place for branch in branches.loose({"toy": schema}, "toy", known)}
    assert loose == {
        "/type",
        "/properties/held/type/null",
        "/properties/loose free",
        "/properties/loose forbidden",
        "/properties/loose/minLength",
    }


@pytest.mark.parametrize("kind", ["task-v2", "redis-envelope", "result", "event", "control", "control-reply"])
def test_what_may_be_written_must_be_taken(kind: str) -> None:
    """No fixture is valid as emitted and refused as accepted."""
    emitted, accepted = (schemas.validator(f"{kind}-{side}") for side in ("emitted", "accepted"))
    decodable = [fixture for fixture in load() if fixture.surface == kind and fixture.decodable]
    written = [fixture for fixture in decodable if emitted.is_valid(fixture.decoded)]
    assert [fixture.name for fixture in written if not accepted.is_valid(fixture.decoded)] == []
    assert written


_TIMESTAMP = documents()["common"]["$defs"]["timestamp"]["pattern"]


@given(st.from_regex(_TIMESTAMP, fullmatch=True))
def test_celery_reads_every_moment_that_the_schema_accepts(text: str) -> None:
    """What fits the pattern, Celery's own reader of eta and expires takes, unless the calendar has no such day."""
    if not text.startswith("0000") and text[8:10] <= "28":
        assert maybe_iso8601(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "03:04:05",
        "2026-13-01",
        "2026-01-32",
        "2026-01-02T",
        "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05Z\n",
        "2026-01-02T03:04:05+01:00:30",
        " 2026-01-02",
        "2026-01-02  03:04:05",
    ],
)
def test_celery_refuses_moments_that_the_schema_refuses(text: str) -> None:
    """The pattern does not refuse for its own sake: these are refused by Celery's reader as well."""
    assert not re.fullmatch(_TIMESTAMP.replace("$", r"\Z"), text)
    with pytest.raises(ValueError, match=r".+"):
        maybe_iso8601(text)


def test_a_pattern_ends_where_the_text_ends() -> None:
    """A line feed behind a moment is refused, as ECMA-262 has it, where Python's dollar sign would let it pass."""
    toy = {**_TOY, "type": "string", "pattern": "^a$"}
    validator = schemas.make_validator("toy", {"toy": toy})
    assert [validator.is_valid(text) for text in ("a", "a\n", "ab")] == [True, False, False]


def test_asking_for_an_unknown_schema_names_the_known_ones() -> None:
    """The error says what was expected and what came."""
    with pytest.raises(KeyError, match=r"expected one of the schemas .*task-v2-emitted.*; got 'nonsense'"):
        schemas.validator("nonsense")
