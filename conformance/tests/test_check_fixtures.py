"""``check`` on every fixture: nothing is wrong with the valid ones, and of the others it names the planted fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import resources, schemas, specification
from celery_conformance.check import Finding, Judge, Outcome, engine, forms, judge, rules, show
from celery_conformance.check.model import Carried, Layer
from celery_conformance.check.reading import Input
from celery_conformance.fixtures import Fixture, load

FIXTURES = load()
#: What other implementations were recorded to write breaks as much as they break, and is read one by one.
OURS = [fixture for fixture in FIXTURES if fixture.origin["kind"] != "recorded"]
GOLDEN = Path(__file__).parent / "golden" / "check-faults.json"
JUDGE = Judge()
_REQUIREMENTS = {requirement.id: requirement for requirement in specification.load()}


def each(fixtures: list[Fixture]) -> Any:
    return pytest.mark.parametrize("fixture", fixtures, ids=lambda fixture: fixture.name)


def checked(fixture: Fixture) -> Finding:
    """What is said of a fixture's file."""
    path = resources.folder("fixtures") / f"{fixture.name}.json"
    return JUDGE.judge(Input(0, path.read_bytes()))


@each([fixture for fixture in OURS if fixture.valid])
def test_a_valid_fixture_breaks_no_must(fixture: Fixture) -> None:
    """What Celery writes or takes is in order."""
    finding = checked(fixture)
    assert [one for one in finding.broken if one.must] == []
    assert finding.outcome is not Outcome.UNREADABLE


@each([fixture for fixture in OURS if not fixture.valid])
def test_of_an_invalid_fixture_the_fault_is_named_and_only_that(fixture: Fixture) -> None:
    """One sentence is broken, at the place where the schema that refuses it sees the fault."""
    (broken,) = checked(fixture).broken
    assert broken.requirement in _REQUIREMENTS
    assert broken.link
    assert any(_covers(broken.pointer, place) for place in _places_of_fault(fixture)), broken


def _covers(pointer: str, place: str) -> bool:
    """Whether two places lie on one way: the message inside an envelope has other pointers than the envelope."""
    return pointer == place or pointer.startswith(f"{place}/") or place.startswith(pointer)


def _places_of_fault(fixture: Fixture) -> list[str]:
    """Where jsonschema, the arbiter, sees the fault; anywhere for bytes that are no document."""
    if not fixture.decodable:
        return [""]
    errors = [
        error
        for name, valid in fixture.judged.items()
        if not valid
        for error in schemas.validator(name).iter_errors(fixture.decoded)
    ]
    places = ["".join(f"/{step}" for step in error.absolute_path) for error in errors]
    if not isinstance(fixture.decoded, dict) or "routing_key" not in fixture.decoded:
        return places
    # The headers of a publication stand in its properties, and in the message that it carries beside them.
    absent = [
        error for error in errors if error.validator == "required" and list(error.absolute_path) == ["properties"]
    ]
    return places + [f"/{name}" for error in absent for name in error.validator_value if name not in error.instance]


@each([fixture for fixture in OURS if not fixture.valid])
def test_the_sentence_named_is_one_that_names_the_fixture(fixture: Fixture) -> None:
    """Where sentences on writing give the fixture as their evidence, the one named is among those of its document."""
    finding = checked(fixture)
    assert finding.carried is not None
    bound = [
        found
        for found in (_REQUIREMENTS[name] for name in fixture.requirements)
        if found.level.startswith("MUST") and " write " in found.sentence and set(found.roles) & finding.carried.writers
    ]
    for one in finding.broken:
        beside = [found.id for found in bound if found.document == _REQUIREMENTS[one.requirement].document]
        assert not beside or one.requirement in beside


def test_what_is_named_is_what_was_read_and_found_right() -> None:
    """The fault of each listed fixture is told with the sentence and at the place that somebody has confirmed."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    by_name = {fixture.name: fixture for fixture in FIXTURES}
    told = {
        name: [[one.requirement, one.pointer, one.expected] for one in checked(by_name[name]).broken]
        for name in golden
        if name in by_name
    }
    assert told == golden


@each([fixture for fixture in FIXTURES if fixture.decodable])
def test_both_engines_judge_alike(fixture: Fixture) -> None:
    """jsonschema-rs and jsonschema give the same verdict on a fixture, and see its errors at the same places."""
    for name in fixture.judged:
        assert engine.is_valid(name, fixture.decoded) is schemas.validator(name).is_valid(fixture.decoded)
        found = {tuple(error.instance_path) for error in engine.compiled(name).iter_errors(fixture.decoded)}
        assert found == {tuple(error.absolute_path) for error in schemas.validator(name).iter_errors(fixture.decoded)}


def _as_raw(fixture: Fixture) -> Carried | None:
    """A fixture's content as somebody would give it who knows nothing of fixtures."""
    content = dict(fixture.message)
    try:
        return forms.carried(content.get("record", content))
    except forms.UnreadableError:
        return None


@each([fixture for fixture in FIXTURES if fixture.decodable])
def test_the_quick_way_passes_what_the_long_way_passes(fixture: Fixture) -> None:
    """What is said in one go of a whole document agrees with the schemas and rules one by one."""
    carried = _as_raw(fixture)
    if carried is not None and carried.known and not carried.opaque:
        in_order = JUDGE.carried(carried)
        quick = judge.breaks_nothing(carried)
        assert quick is not bool(in_order.broken or in_order.not_asked)


@each([fixture for fixture in FIXTURES if fixture.decodable])
def test_the_table_as_one_schema_says_what_its_rows_say(fixture: Fixture) -> None:
    """A document fits the table of recommendations exactly when no row tells of it."""
    for stem in rules.recommendations():
        told = [one for row in rules.recommendations()[stem] for one in row.broken(fixture.decoded)]
        fits = engine.jsonschema_rs.Draft202012Validator(rules.table(stem)).is_valid(fixture.decoded)
        assert fits is not bool(told), (stem, told)


@each(FIXTURES)
def test_what_is_said_for_machines_fits_its_schema(fixture: Fixture) -> None:
    """The object of --json is what spec/schemas/check.schema.json describes."""
    said = show.as_data(checked(fixture), JUDGE.line)
    assert [error.message for error in schemas.validator("check").iter_errors(said)] == []
    assert json.loads(json.dumps(said)) == said


def test_every_recommendation_is_a_should_of_the_specification() -> None:
    """A row of the table stands for a sentence with SHOULD, and every rule's stem is a schema's."""
    for rows in rules.recommendations().values():
        assert {_REQUIREMENTS[row.requirement].level for row in rows} <= {"SHOULD", "SHOULD NOT"}
    stems = {name.removesuffix("-emitted") for name in schemas.documents()}
    assert {*rules.recommendations(), *rules.RULES} <= stems


@pytest.mark.parametrize("stem", sorted(rules.recommendations()))
def test_every_recommendation_can_be_broken(stem: str) -> None:
    """Each row tells of some document: one that has nothing, or only wrong things, at the row's place."""
    for row in rules.recommendations()[stem]:
        assert any(list(row.broken(document)) for document in _odd_documents(row)), row


def _odd_documents(row: rules.Recommendation) -> list[Any]:
    """Documents that fit what a row is for and have a strange value at its place."""
    found = []
    for strange in ({"strange": 1}, "2026-01-02T03:04:05", [], None, 99):
        for status in ("SUCCESS", "FAILURE", "STARTED", None):
            document: dict[str, Any] = {
                "status": status,
                "result": {"exc_type": "ValueError"},
                "headers": {"id": "no UUID", "eta": "2026-01-02T03:04:05", "expires": "2026-01-02T03:04:05",
                            "group": "g", "stamped_headers": ["a"]},
                "properties": {},
                "body": [[], {}, {"callbacks": [{}], "errbacks": [{}], "chain": [{}]}],
            }  # fmt: skip
            found += [document, {**document, "body": [[], {}, {}]}]
            found.append(_with(json.loads(json.dumps(document)), row.at, strange))
    return found


def _with(document: Any, steps: tuple[str, ...], value: Any) -> Any:
    place = document
    for step in steps[:-1]:
        place = place[0 if step == "*" else int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if not isinstance(place, dict | list):
            return document
    if isinstance(place, dict):
        place[steps[-1]] = value
    return document


def test_a_layer_says_where_its_places_are_in_the_input() -> None:
    """The longest prefix that fits is replaced, and only whole steps fit."""
    layer = Layer("task-v2", {}, {"/headers": "/properties/headers", "/content_type": "/content-type"})
    assert layer.outside("/headers/id") == "/properties/headers/id"
    assert layer.outside("/content_type") == "/content-type"
    assert layer.outside("/headersets") == "/headersets"
