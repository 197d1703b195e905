"""The fixtures: what their files say is so, and Celery still writes and does what they show."""

from __future__ import annotations

import base64
import json
import pickle  # written here, to see that it is not loaded
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SecurityError
from celery_conformance import resources, schemas, specification
from celery_conformance.fixtures import (
    Fixture,
    bodies,
    branches,
    canvas_stage,
    capture,
    collection,
    decoding,
    faults,
    link,
    load,
    made_canvas,
    made_serialization,
    made_signing,
    made_task_v1,
    make,
    model,
    odd,
    recipes,
    recipes_canvas,
    record,
    signing,
    surroundings,
)
from celery_conformance.fixtures.made import REMOVE, change
from celery_conformance.fixtures.monitoring import recipes as watched
from celery_conformance.fixtures.monitoring import rows as monitoring
from celery_conformance.fixtures.queues import stage as queues
from celery_conformance.fixtures.stores import recipes as stores

FIXTURES = load()
RECORDED = [fixture for fixture in FIXTURES if fixture.origin["kind"] == "recorded"]
OURS = [fixture for fixture in FIXTURES if fixture not in RECORDED]
_BY_NAME = {fixture.name: fixture for fixture in FIXTURES}


_LONGEST_LIFE_ON_RABBITMQ = 2**32  # milliseconds


def each(fixtures: list[Fixture]) -> Any:
    return pytest.mark.parametrize("fixture", fixtures, ids=lambda fixture: fixture.name)


@each(FIXTURES)
def test_a_file_is_what_the_schema_of_fixtures_says(fixture: Fixture) -> None:
    """Its form is the schema's, and its name is its path."""
    assert [error.message for error in schemas.validator("fixture").iter_errors(fixture.data)] == []
    assert fixture.name.partition("/")[0] == fixture.surface
    assert (resources.folder("fixtures") / f"{fixture.name}.json").is_file()


@each(FIXTURES)
def test_decoded_is_what_the_bytes_decode_to(fixture: Fixture) -> None:
    """The document that the schemas judge is made of the bytes beside it; without one there is none in the bytes."""
    if fixture.decodable:
        assert decoding.decode(fixture.message) == fixture.decoded
    else:
        with pytest.raises(bodies.UndecodableError):
            decoding.decode(fixture.message)


@each([fixture for fixture in FIXTURES if fixture.decodable])
def test_the_schemas_judge_as_the_fixture_says(fixture: Fixture) -> None:
    """What a fixture says of its validity, the schemas say too."""
    verdicts = {name: schemas.validator(name).is_valid(fixture.decoded) for name in fixture.judged}
    assert verdicts == dict(fixture.judged)


@each(OURS)
def test_invalid_means_one_named_fault(fixture: Fixture) -> None:
    """A fixture has a fault, which ends its name, exactly when some schema refuses it."""
    assert (fixture.fault is not None) is (not fixture.valid)
    assert fixture.fault is None or fixture.name == f"{fixture.surface}/{fixture.fault}"


@each([fixture for fixture in OURS if fixture.decodable and not fixture.valid])
def test_a_fault_is_one_error_at_one_place(fixture: Fixture) -> None:
    """Each schema that refuses a fixture has one thing to say, all of the same place, if from further out."""
    found = [
        list(schemas.validator(name).iter_errors(fixture.decoded))
        for name, valid in fixture.judged.items()
        if not valid
    ]
    assert [len(errors) for errors in found] == [1] * len(found)
    places = sorted((tuple(errors[0].absolute_path) for errors in found), key=len)
    assert all(places[-1][: len(place)] == place for place in places)


@each([fixture for fixture in FIXTURES if not fixture.decodable])
def test_bytes_that_are_no_document_are_refused_by_all(fixture: Fixture) -> None:
    """What cannot be decoded is valid under no schema."""
    assert set(fixture.judged.values()) == {False}


@each([fixture for fixture in FIXTURES if fixture.origin["kind"] == "read"])
def test_what_was_only_read_claims_no_reaction(fixture: Fixture) -> None:
    """A fixture of a system that is not run says where it was read, and nothing of what was seen."""
    assert fixture.origin["sources"]
    assert "reaction" not in fixture.data


@each([fixture for fixture in FIXTURES if fixture.origin["kind"] != "read"])
def test_celery_was_seen_to_react(fixture: Fixture) -> None:
    """Every fixture says what Celery does with it, and a made one on which versions that was seen."""
    assert fixture.data.get("reaction")
    if fixture.origin["kind"] == "made":
        assert {"celery", "kombu"} <= fixture.origin["seen"].keys()


#: Commands that end a worker because they are meant to.
_ENDING = {"control/shutdown", "control/shutdown-bare", "control/shutdown-message"}


def test_celery_ends_when_it_is_told_to() -> None:
    """The command shutdown ends a worker on both brokers, in each of its forms."""
    assert {(_BY_NAME[name].reaction(broker)) for name in _ENDING for broker in ("redis", "amqp")} == {"terminates"}


#: A row that another worker has taken: a worker passes over it.
_TAKEN = "broker-sqlalchemy/taken"


def test_a_row_that_was_taken_is_not_taken_again() -> None:
    """No worker runs the task of a row that is not visible any more."""
    assert _BY_NAME[_TAKEN].reaction("redis") == "lost"


@each([fixture for fixture in FIXTURES if fixture.valid and fixture.name not in {_TAKEN, *_ENDING}])
def test_celery_takes_what_is_valid(fixture: Fixture) -> None:
    """No valid fixture ends a worker, is lost, or cannot be read; a broker may find that it is to live too long."""
    assert fixture.reaction("redis") not in {"terminates", "loops", "lost", "refuses"}
    life = fixture.data["message"].get("properties", {}).get("expiration", "0")
    refused = {"refuses"} if int(life) < _LONGEST_LIFE_ON_RABBITMQ else set()
    assert fixture.reaction("amqp") not in {"terminates", "loops", "lost", *refused}


@each(OURS)
def test_a_fixture_names_no_machine(fixture: Fixture) -> None:
    """Neither a host but ``host`` nor a path from the root of a file system is in a fixture."""
    text = json.dumps(fixture.data).replace(".celery.pidbox", " ")  # a node's queue: its name and this
    assert socket.gethostname() == surroundings.HOST_NAME or f"@{socket.gethostname()}" not in text
    hosts = {name.removesuffix(".celery.pidbox") for name in re.findall(r"(?:gen\d+|celery)@([\w.-]+)", text)}
    assert hosts <= {surroundings.HOST_NAME}
    assert not re.search(r'File \\+"/', text)


@each(RECORDED)
def test_a_recorded_fixture_names_no_machine_but_the_one_it_was_recorded_on(fixture: Fixture) -> None:
    """The bytes are left alone, and the only host in them has a name that says nothing."""
    text = json.dumps(fixture.data)
    assert set(re.findall(r'"origin": "(?:\d+@)?(\w+)(?:@\d+)?"', text)) <= {"vm"}


@each(FIXTURES)
def test_a_fixture_lists_the_requirements_that_name_it(fixture: Fixture) -> None:
    """Fixtures and specification say the same of each other (python -m celery_conformance.fixtures.link)."""
    assert link.linked(fixture, link.shown(specification.load()))


def test_made_fixtures_are_what_the_tables_make() -> None:
    """The rows and the files agree: none changed by hand, none missing, none left over."""
    made = {data["name"]: data for data in make.made()}
    on_disk = {fixture.name: fixture.data for fixture in FIXTURES if fixture.origin["kind"] in ("made", "read")}
    assert made.keys() == on_disk.keys()
    kept = ("requirements", "reaction", "origin")
    assert [name for name, data in made.items() if change(data, _gone(data, kept)) != _cut(on_disk[name], kept)] == []


def _gone(data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {f"/{name}": REMOVE for name in names if name in data}


def _cut(data: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def test_a_row_is_valid_or_has_a_fault() -> None:
    """The rows of ``odd`` and ``ODD`` are valid and those of ``faults`` and ``FAULTS`` are not, by their own claim."""
    assert all(all(row.judged.values()) and row.fault is None for row in (*odd.ROWS, *monitoring.ODD))
    assert all(not all(row.judged.values()) and row.fault for row in (*faults.ROWS, *monitoring.FAULTS))
    mixed = [*made_canvas.ROWS, *made_serialization.ROWS, *made_signing.ROWS, *made_task_v1.ROWS]
    assert all(all(row.judged.values()) is (row.fault is None) for row in mixed)


def test_every_recipe_has_its_fixtures_and_no_other_is_captured() -> None:
    """The recipes and the captured files agree."""
    redelivery = {"redis-unacked/plain", "redis-envelope/redelivered", "task-v2/redelivered"}
    messages = {f"{surface}/{recipe.name}" for recipe in collection.MESSAGES for surface in recipe.surfaces}
    messages |= {f"task-v2/{recipe.name}" for recipe in (recipes_canvas.UNLOCK, *recipes_canvas.REPLACING)}
    cuts = {f"signature/{recipe.name}" for recipe in recipes_canvas.CUTS}
    kept = {f"redis-chord-part/{recipe.name}" for recipe in recipes_canvas.PARTS}
    kept |= {f"group-result/{recipe.name}" for recipe in recipes_canvas.GROUPS}
    documents = {f"result/{recipe.name}" for recipe in collection.DOCUMENTS}
    replies = {f"rpc/{recipe.name}" for recipe in recipes.REPLIES}
    kept |= {f"store-{name}/{recipe.name}" for name, rows in stores.RECIPES.items() for recipe in rows}
    carried = {f"broker-{name}/{row.name}" for name, rows in queues.RECIPES.items() for row in rows}
    captured = {fixture.name for fixture in FIXTURES if fixture.origin["kind"] == "captured"}
    kept |= watched.captured()
    assert captured == redelivery | messages | cuts | kept | carried | documents | replies


#: What is captured, by part: the surfaces.
_PARTS = {
    "redis": {
        "task-v2", "task-v1", "serialization", "signing", "redis-envelope", "redis-unacked", "result",
        *canvas_stage.JUDGES,
    },
    "amqp": {"amqp", "rpc"},
    "monitoring": {"event", "control", "control-reply", "monitoring-redis", "monitoring-amqp", "beat"},
    "stores": {"store-filesystem", "store-memcached", "store-redis", "store-sqlalchemy", "store-django"},
    "brokers": {"broker-filesystem", "broker-sqlalchemy"},
}  # fmt: skip


def _run(tool: str, *words: str) -> str:
    command = [sys.executable, "-m", f"celery_conformance.fixtures.{tool}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        *("redis", "stores", "brokers"),
        *(pytest.param(name, marks=pytest.mark.rabbitmq) for name in ("amqp", "monitoring")),
    ],
)
def test_celery_still_writes_what_was_captured(part: str, tmp_path: Path) -> None:
    """A new capture repeats every fixture, apart from ids that Celery chooses, times and process ids."""
    if part == "stores" and shutil.which("memcached") is None:
        pytest.skip("memcached is not on this machine")
    _run("capture", "--all", "--only", part, "--folder", str(tmp_path))
    surfaces = _PARTS[part]
    again = {fixture.name: capture.stable(fixture.data) for fixture in load(tmp_path)}
    before = {
        fixture.name: capture.stable(fixture.data)
        for fixture in FIXTURES
        if fixture.origin["kind"] == "captured" and fixture.surface in surfaces
    }
    assert again == before


def test_the_release_of_python_makes_no_difference_to_a_capture_but_the_place_in_celery_does() -> None:
    """Another release of Python has other lines in its own files and draws other marks below those of Celery."""
    data = _BY_NAME["result/unserializable"].data

    def with_traceback(change: Callable[[str], str]) -> str:
        document = json.loads(data["message"]["document"])
        changed = {**document, "traceback": change(document["traceback"])}
        return capture.stable({**data, "message": {"document": json.dumps(changed)}, "decoded": changed})

    before = with_traceback(lambda text: text)
    assert "json/encoder.py" in data["decoded"]["traceback"]
    assert with_traceback(lambda text: re.sub(r"line \d+", "line 9", text)) == before
    assert with_traceback(lambda text: re.sub(r"\n +\^+", "", text).replace("gen.throw(typ, ", "gen.throw(")) == before
    assert with_traceback(lambda text: text.replace("in mark_as_done", "in mark_as_failure")) != before
    assert with_traceback(lambda text: text.replace("kombu/utils/json.py", "kombu/utils/text.py")) != before
    assert with_traceback(lambda text: text.replace("TypeError: Object", "TypeError: object")) != before


#: One fixture for each reaction there is on Redis.
_ONE_OF_EACH = (
    "task-v2/plain",
    "task-v2/unknown-task",
    "task-v2/fault-no-task",
    "task-v2/fault-kwargs-null",
    "task-v2/fault-body-two-elements",
    "task-v2/fault-no-id",
    "redis-envelope/fault-no-exchange",
    "result/success",
    "result/failure",
    "result/retry",
    "result/fault-no-status",
    "event/task-received",
    "event/fault-no-type",
    "control/ping",
    "control/cast",
    "schedule/interval",
)


@pytest.mark.slow
def test_celery_still_does_what_was_seen() -> None:
    """Shown to Celery once more, one fixture of each reaction meets the one in its file."""
    lines = [line.split() for line in _run("observe", "--only", "redis", *_ONE_OF_EACH).splitlines()]
    seen = {words[2]: words[1] for words in lines}
    assert seen == {name: _BY_NAME[name].reaction("redis") for name in _ONE_OF_EACH}
    assert len(set(seen.values())) == len(_ONE_OF_EACH)


def test_a_changed_message_must_be_observed_again(tmp_path: Path) -> None:
    """Making a fixture whose message changed drops what was seen of the old one; otherwise it is kept."""
    row = next(row for row in odd.ROWS if row.name == "task-v2/eta-z")
    data = next(data for data in make.made() if data["name"] == row.name)
    seen = {**data, "reaction": "runs", "origin": {"kind": "made", "seen": {"celery": "5.7.0"}}}
    path = model.write(seen, tmp_path)
    assert make.keep(data, path)["reaction"] == "runs"
    changed = {**data, "message": {**data["message"], "headers": {}}}
    assert "reaction" not in make.keep(changed, path)
    assert make.keep(changed, path)["origin"]["seen"] == {}


def test_a_capture_keeps_what_the_other_tools_wrote(tmp_path: Path) -> None:
    """Capturing again leaves requirements and reaction as they are."""
    old = {**_BY_NAME["task-v2/plain"].data, "requirements": ["A-B-001"], "reaction": "runs"}
    kept = capture.carry_over({**old, "requirements": [], "title": "new"}, model.write(old, tmp_path))
    assert (kept["requirements"], kept["reaction"], kept["title"]) == (["A-B-001"], "runs", "new")


def test_only_what_varies_is_left_out_of_a_comparison() -> None:
    """Two captures are the same when only ids, times, process ids and life times differ, and only then."""
    data = _BY_NAME["task-v2/expires"].data
    text = json.dumps(data)
    varied = re.sub(r"gen\d+@", "gen1@", text)
    varied = re.sub(r'("expiration": ")\d+', r"\g<1>1", varied)
    varied = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}", "01234567-89ab", varied)
    assert capture.stable(json.loads(varied)) == capture.stable(data)
    assert capture.stable(json.loads(text.replace('"retries": 0', '"retries": 1'))) != capture.stable(data)


def test_frames_are_written_as_they_are_read() -> None:
    """The publication in a captured fixture, put into frames again, reads the same."""
    frames = base64.b64decode(_BY_NAME["amqp/priority"].message["frames"])
    _, _, body = decoding.published(frames)
    properties = {**_BY_NAME["amqp/priority"].decoded["properties"]}
    again = decoding.frames({"exchange": "", "routing_key": "celery", "properties": properties}, body)
    assert decoding.published(again)[1:] == decoding.published(frames)[1:]


def test_a_traceback_names_files_from_where_they_were_imported() -> None:
    """No path of the machine stands in a traceback, whether the file is Celery's, Python's own or ours."""
    import celery

    for module, short in ((celery, "celery/__init__.py"), (json, "json/__init__.py"), (model, "model.py")):
        shortened = surroundings.shorten(f'  File "{module.__file__}", line 1, in f\n')
        assert re.search(rf'File "[^/][^"]*{re.escape(short)}"|File "{re.escape(short)}"', shortened)


def test_a_capturing_process_knows_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """In neutral surroundings Celery finds another host name and no settings in its environment."""
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://elsewhere")
    program = (
        "from celery_conformance.fixtures import surroundings; surroundings.make_neutral();"
        "import celery; from celery.utils.nodenames import nodename, gethostname;"
        "print(nodename('a', gethostname()), celery.Celery(set_as_current=False).conf.broker_url)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"a@{surroundings.HOST_NAME}", "None"]


def test_the_surroundings_are_not_changed_too_late() -> None:
    """Once Celery is imported it has remembered the host's name, so the change is refused."""
    with pytest.raises(RuntimeError, match="before Celery is imported"):
        surroundings.make_neutral()


@each(RECORDED)
def test_what_is_said_of_a_recorded_message_is_what_the_schemas_say(fixture: Fixture) -> None:
    """Verdicts, deviations and the task message inside are those that judging it anew gives, and fit each other."""
    assert record.judged(dict(fixture.data)) == dict(fixture.data)
    for seen in (fixture.data, fixture.data.get("carried", fixture.data)):
        assert {name for name, valid in seen["judged"].items() if not valid} == seen["deviations"].keys()


def test_the_recorded_clients_are_six() -> None:
    """Every client and broker of the recording is there: 56 messages, 26 on Redis and 30 on AMQP."""
    brokers = [fixture.origin["broker"] for fixture in RECORDED]
    assert (brokers.count("redis"), brokers.count("amqp")) == (26, 30)
    assert {fixture.origin["module"] for fixture in RECORDED} == record.CLIENTS.keys()


@pytest.mark.parametrize(
    ("name", "schema", "deviation"),
    [
        ("celerygo-args-amqp", "task-v2-emitted", "/headers: required 'ignore_result'"),
        ("celery-go-client-args-amqp", "task-v1-accepted", '/body: type "object"'),
        ("celery-go-client-raw-args-redis", "redis-envelope-accepted", '/body: type "string"'),
        ("gocelery-args-redis", "redis-envelope-emitted", "/: required 'headers'"),
    ],
)
def test_known_deviations_of_recorded_clients_are_found(name: str, schema: str, deviation: str) -> None:
    """What is known of a client stands in its listing."""
    assert deviation in _BY_NAME[f"recorded-go/{name}"].data["deviations"][schema]


def test_signed_fixtures_can_be_checked_with_the_keys_beside_them() -> None:
    """Celery's own reader takes the right one, with the certificate in the store, and refuses another body."""
    reader = signing.serializer()
    assert reader.deserialize(_BY_NAME["signing/right"].body) == [["a"], {}, {"chain": None}]
    with pytest.raises(SecurityError):
        reader.deserialize(_BY_NAME["signing/body-changed"].body)


def test_no_function_is_called_by_reading_a_pickle() -> None:
    """A pickle that names a function is no document here."""
    with pytest.raises(bodies.UndecodableError):
        bodies.decode_body(pickle.dumps(_Calling()), "application/x-python-serialize")


class _Calling:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a function was called",))


def test_the_body_of_a_message_is_bytes() -> None:
    """Text means its UTF-8, base64 the bytes themselves."""
    assert model.body_bytes({"body": {"text": "ž"}}) == b"\xc5\xbe"
    assert model.body_bytes({"body": {"base64": "/wA="}}) == b"\xff\x00"
    assert branches.subjects([_BY_NAME["task-v2/fault-body-not-json"]]) == []


def test_a_signature_is_cut_out_as_it_stands_in_the_body() -> None:
    """The text of a piece is that of the body; one that is written in another way is not made up."""
    body = '[[1], {}, {"callbacks": [{"task": "a", "args": [1, 2]}], "chord": null}]'
    assert canvas_stage.cut_out(body, "/2/callbacks/0") == '{"task": "a", "args": [1, 2]}'
    with pytest.raises(ValueError, match="expected"):
        canvas_stage.cut_out(body.replace(", 2", ",2"), "/2/callbacks/0")
