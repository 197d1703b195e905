"""The AsyncAPI document: it is current, says of each message what the specification says, and AsyncAPI accepts it."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from celery_conformance import asyncapi, fixtures, resources, schemas, specification
from celery_conformance.adapter import alone, cache_folder
from celery_conformance.asyncapi import draft7
from celery_conformance.asyncapi.__main__ import main
from celery_conformance.asyncapi.document import TOOLS
from jsonschema import Draft7Validator
from jsonschema.validators import extend

HERE = Path(__file__).parent / "asyncapi"
MINUTES = 5 * 60

needs_node = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="needs Node.js and npm"),
]


@cache
def document() -> dict[str, Any]:
    return asyncapi.build()


@cache
def every_fixture() -> tuple[fixtures.Fixture, ...]:
    return tuple(fixtures.load())


@cache
def validator(reference: str) -> Any:
    """A validator of draft 7 for a part of the document; patterns mean what they do in the specification."""
    draft = extend(Draft7Validator, {"pattern": schemas._pattern})
    return draft({"$ref": reference, "components": document()["components"]})


def test_the_committed_document_is_what_the_command_writes() -> None:
    """A changed schema or part is not forgotten."""
    assert main(["--check"]) == 0


def test_a_stale_document_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The check can fail, and says what to do."""
    monkeypatch.setattr("celery_conformance.asyncapi.__main__.build", lambda: {"asyncapi": "3.0.0"})
    assert main(["--check"]) == 1
    assert "python -m celery_conformance.asyncapi" in capsys.readouterr().err


def test_every_schema_of_the_protocol_is_in_it() -> None:
    """Types can be generated for each message and document that the specification describes."""
    assert set(schemas.documents()) - TOOLS <= set(document()["components"]["schemas"])
    assert set(schemas.documents()) >= TOOLS


@pytest.mark.parametrize("name", sorted(set(schemas.documents()) - TOOLS))
def test_a_translated_schema_judges_each_fixture_as_the_original_does(name: str) -> None:
    """The other dialect loses nothing: what the schema accepts is accepted, what it refuses is refused."""
    for fixture in every_fixture():
        if name in fixture.judged and fixture.decodable:
            assert validator(f"#/components/schemas/{name}").is_valid(fixture.decoded) is fixture.judged[name], (
                fixture.name
            )


def test_examples_are_what_their_schemas_say() -> None:
    """AsyncAPI's validator does not look at examples in version 3; here each is judged."""
    judged = 0
    for message in document()["components"]["messages"].values():
        for example in message.get("examples", ()):
            for part in {"headers", "payload"} & set(message):
                assert validator(message[part]["$ref"]).is_valid(example[part]), example["name"]
                judged += 1
    assert judged >= 5


def test_an_unknown_keyword_is_refused() -> None:
    """A keyword that draft 7 lacks cannot be lost in silence."""
    with pytest.raises(draft7.UnknownKeyword, match="unevaluatedProperties"):
        draft7.translate({"unevaluatedProperties": False}, "any")


def test_what_stands_beside_a_reference_is_kept() -> None:
    """Draft 7 looks at nothing beside a reference."""
    made = draft7.translate({"$ref": "urn:celery-wire:common#/$defs/embed", "required": ["chain"]}, "any")
    assert made == {"required": ["chain"], "allOf": [{"$ref": "#/components/schemas/common.embed"}]}


def test_every_requirement_that_it_names_exists() -> None:
    """Descriptions lead to sentences that are there."""
    known = {one.id for one in specification.load()}
    text = (resources.folder("spec") / "asyncapi.yaml").read_text()
    named = set(re.findall(r"\[([A-Z][A-Z0-9]*-[A-Z]{3}-[0-9]{3})\]", text))
    assert named
    assert named <= known


@pytest.fixture(scope="session")
def parser() -> Path:
    """AsyncAPI's validator from npm, set up once for this user and this version of it."""
    folder = (
        cache_folder()
        / "asyncapi"
        / json.loads((HERE / "package.json").read_text())["dependencies"]["@asyncapi/parser"]
    )
    with alone(folder):
        if not (folder / ".ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            shutil.copy(HERE / "package.json", folder)
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MINUTES, check=False)
            assert ran.returncode == 0, ran.stderr
            (folder / ".ready").touch()
        copy = shutil.copy(HERE / "validate.js", folder / "new.js")
        Path(copy).replace(folder / "validate.js")  # another process may be about to run it
    return folder


def told(parser: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What AsyncAPI's validator says of a document."""
    ran = subprocess.run(
        ["node", "validate.js"],
        input=json.dumps(given),
        cwd=parser,
        capture_output=True,
        text=True,
        timeout=MINUTES,
        check=True,
    )
    return dict(json.loads(ran.stdout))


class TestAsyncApisOwnValidator:
    """The document is valid in the eyes of those who wrote AsyncAPI."""

    pytestmark = needs_node

    def test_it_accepts_the_document(self, parser: Path) -> None:
        """No error, and the only advice is that a newer AsyncAPI exists."""
        answer = told(parser, document())
        assert [one for one in answer["told"] if one["code"] != "asyncapi-latest-version"] == []
        assert set(answer["channels"]) == set(document()["channels"])

    @pytest.mark.parametrize(("section", "name"), [("messages", "result"), ("schemas", "common.embed")])
    def test_it_refuses_a_document_without_a_part(self, parser: Path, section: str, name: str) -> None:
        """The test can fail: what is referred to and missing is an error."""
        broken = copy.deepcopy(document())
        del broken["components"][section][name]
        assert not told(parser, broken)["valid"]
