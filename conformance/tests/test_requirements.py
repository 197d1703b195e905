"""The requirements of this edition, as they are committed."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from celery_conformance import resources, specification
from celery_conformance.specification.__main__ import main
from celery_conformance.specification.model import KEYWORDS, PREFIXES, sentence_hash
from jsonschema import Draft202012Validator

SPEC = resources.folder("spec")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SPEC / "requirements.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads((SPEC / "schemas" / "requirements.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_committed_file_is_what_the_documents_say() -> None:
    """Every rule holds, and requirements.json is current."""
    assert main(["--check"]) == 0


def test_the_file_keeps_to_its_schema(document: dict[str, Any], validator: Draft202012Validator) -> None:
    """requirements.json is what its schema says."""
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"harm": ""},
        {"level": "MUSTN'T"},
        {"observation": True},
        {"id": "TASK2-1"},
        {"roles": []},
        {"evidence": []},
        {"evidence": [{"fixture": "task-v2/plain", "case": "x"}]},
        {"since": "5.1"},
        {"when": {"queue": "celery"}},
        {"sentence": "A producer MUST write"},
        {"hash": "short"},
        {"more": 1},
    ],
    ids=",".join,
)
def test_the_schema_refuses_what_the_contract_does(
    change: dict[str, Any], document: dict[str, Any], validator: Draft202012Validator
) -> None:
    """A MUST without harm, an unknown level, a bad id, a key too many: none of them is valid."""
    changed = copy.deepcopy(document)
    must = next(record for record in changed["requirements"] if record["level"] == "MUST")
    assert validator.is_valid({**changed, "requirements": [must]})
    must.update(change)
    assert not validator.is_valid({**changed, "requirements": [must]})


def test_loading_gives_every_requirement_as_it_stands(document: dict[str, Any]) -> None:
    """`load` returns what the file says, sorted by id."""
    loaded = specification.load()
    assert [one.id for one in loaded] == [record["id"] for record in document["requirements"]]
    assert [one.id for one in loaded] == sorted(one.id for one in loaded)
    first = next(one for one in loaded if one.id == "TASK2-HDR-004")
    assert (first.level, first.roles, first.document) == ("MUST", ("producer",), "task-v2.md")
    assert specification.Evidence("fixture", "task-v2/plain") in first.evidence


def test_the_hash_is_of_the_sentence() -> None:
    """A case that was written for another sentence is found by its hash."""
    assert sentence_hash("A  producer\n MUST write.") == sentence_hash("A producer MUST write.") == "ee59807414cb"
    assert all(one.hash == sentence_hash(one.sentence) for one in specification.load())


def test_every_document_has_requirements() -> None:
    """No document of the first slice has fallen out of the extractor."""
    assert {one.surface for one in specification.load()} == set(PREFIXES)


def test_robust_requirements_bind_softly() -> None:
    """What is better than the reference is never more than a SHOULD."""
    robust = [one for one in specification.load() if one.profile == "robust"]
    assert robust
    assert {one.level for one in robust} <= {"SHOULD", "SHOULD NOT", "MAY"}


def test_an_observation_names_no_case() -> None:
    """No test asks an implementation to have Celery's defects."""
    observations = [one for one in specification.load() if one.observation]
    assert observations
    assert all(evidence.kind != "case" for one in observations for evidence in one.evidence)


@pytest.mark.parametrize("name", ["README.md", "primer.md"])
def test_documents_that_do_not_bind_name_only_what_exists(name: str) -> None:
    """An id in the text of README or primer is the id of a requirement."""
    known = {one.id for one in specification.load()}
    assert set(re.findall(r"\b[A-Z0-9]+-[A-Z]{3}-[0-9]{3}\b", (SPEC / name).read_text())) <= known


def test_the_documents_refer_only_to_what_exists() -> None:
    """An id that a normative document mentions in passing is the id of a requirement."""
    known = {one.id for one in specification.load()}
    for path in SPEC.glob("*.md"):
        assert set(re.findall(r"\b[A-Z0-9]+-[A-Z]{3}-[0-9]{3}\b", path.read_text())) <= known, path.name


def test_the_reader_is_led_to_every_document() -> None:
    """README links every other document of the folder."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (SPEC / "README.md").read_text()))
    assert linked == {path.name for path in SPEC.glob("*.md")} - {"README.md"}


def test_keywords_mean_something() -> None:
    """The edition uses all five keywords of RFC 2119 but no sixth level beside the observation."""
    assert {one.level for one in specification.load()} == {*KEYWORDS, specification.OBSERVATION}


def test_most_of_what_can_be_run_was_seen_in_a_run() -> None:
    """Nine in ten have a message or a case as evidence; of other stores and brokers several cannot be had to run."""
    own = [one for one in specification.load() if one.document not in ("stores.md", "transports.md")]
    assert sum(one.seen for one in own) >= 0.9 * len(own)
    assert not all(one.seen for one in own)  # or there would be nothing left to mark as read
