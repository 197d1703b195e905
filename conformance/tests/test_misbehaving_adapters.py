"""Programs that break the rules of a door: the runner says so in words, ends with the right code and leaves nothing.

Each adapter is a folder under ``adapters/``, named after what it does and told in one sentence in its program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from celery_conformance import adapter as adapters
from celery_conformance.engine import context, door2, workers
from celery_conformance.engine.door2 import Client, ClientProblem, parse_reply

from .command import ADAPTERS, Ran

CommandFixture = Callable[..., Ran]
FINE, BROKEN, NOT_JUDGED = 0, 1, 3
_SENDS = ("sends-what-it-says", "sends-under-a-given-id")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that fit programs which never answer."""
    monkeypatch.setattr(door2, "REPLY_SECONDS", 2.0)
    monkeypatch.setattr(door2, "_END_SECONDS", 0.5)
    monkeypatch.setattr(workers.WorkerKeeper.serves, "__defaults__", (1.0,))
    monkeypatch.setattr(context, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("celery_conformance.engine.run.DEADLINE_SECONDS", 2.0)


def _run(celery_wire: CommandFixture, name: str, *words: str) -> Ran:
    return celery_wire("run", ADAPTERS / name, "--seed", "5", *words)


# -- clients that work ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["good", "splits-lines", "replies-out-of-order", "floods-stderr", "keeps-children"])
def test_a_client_that_keeps_the_rules_is_judged(celery_wire: CommandFixture, name: str) -> None:
    """However a client writes its lines, in pieces or out of order, and whatever it logs, an honest one passes."""
    ran = _run(celery_wire, name, "--role", "producer", "--role", "reader")
    assert ran.verdicts == {
        **dict.fromkeys(_SENDS, "pass"),
        "reads-what-is-stored": "pass",
        "counts-down": "unsupported",
    }
    assert ran.code == FINE
    assert ran.err == ""


# -- clients that cannot be spoken to ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("crashes-at-start", "the client ended with exit code 1, its last words: this program needs a licence"),
        ("crashes-in-hello", "the client ended with exit code 7"),
        ("hangs-in-hello", "expected an answer to 'hello' within 2 s, the client stayed silent"),
        ("prints-garbage", "expected a JSON object on one line, came 'INFO connected to the broker'"),
        ("lies-about-options", "adapter.toml and the client's hello disagree about its options: ['eta', 'task_id']"),
        ("lies-about-verbs", "expected the verb 'result' in the client's hello, for the role 'reader'; came ['send']"),
        ("accepts-unknown-verb", "expected 'unsupported' to the unknown verb 'x-9f767c', came {'ok': {}}"),
        ("closes-stdout", "the client closed its stdin or stdout and went on"),
    ],
)
def test_a_client_that_cannot_be_spoken_to_ends_the_run(celery_wire: CommandFixture, name: str, said: str) -> None:
    """What went wrong is one sentence, what to do another; nothing is judged and the code says so."""
    ran = _run(celery_wire, name)
    first, *rest = ran.err.splitlines()
    assert first == f"celery-wire: {said}"
    assert len(rest) == 1
    assert ran.code == NOT_JUDGED
    assert ran.report == {}


# -- clients that break the dialogue in a case ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("answers-twice", "expected one reply a request, came one more with id "),
        ("answers-unknown-id", "expected replies to requests alone, came one with the unknown id 4711"),
        ("prints-garbage-late", "expected a JSON object on one line, came 'INFO sending \\x1b[31m[bold]conf."),
    ],
)
def test_a_client_that_breaks_the_dialogue_is_an_adapter_error(
    celery_wire: CommandFixture, name: str, said: str
) -> None:
    """A broken dialogue is no verdict on the implementation: adapter errors that say what came, and exit code 3."""
    ran = _run(celery_wire, name, "-k", "sends-")
    errors = [result for result in ran.report["results"] if result["verdict"] == "adapter error"]
    assert errors
    assert all(said in result["reason"] for result in errors)
    assert not {"fail", "suite error"} & set(ran.verdicts.values())
    assert ran.code == NOT_JUDGED
    assert "\x1b" not in ran.out


def test_an_option_that_is_dropped_is_an_adapter_error(celery_wire: CommandFixture) -> None:
    """A client that drops an option it does not have, instead of refusing it, is found out."""
    ran = _run(celery_wire, "accepts-unknown-option", "--role", "producer")
    assert ran.verdicts == {**dict.fromkeys(_SENDS, "pass"), "counts-down": "adapter error"}
    assert "adapter.toml does not name the client option 'countdown'" in ran.result("counts-down")["reason"]
    assert ran.code == NOT_JUDGED


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("crashes-in-send", "the client ended with exit code 1, its last words: RuntimeError: out of stamps"),
        ("hangs-in-send", "expected an answer to 'send' within 2 s, the client stayed silent"),
    ],
)
def test_a_client_that_dies_of_a_case_has_failed_it(celery_wire: CommandFixture, name: str, said: str) -> None:
    """A client that ends or hangs when it is asked to send fails each such case, alone, with its last words."""
    ran = _run(celery_wire, name, "-k", "sends-what")
    assert ran.verdicts == {"sends-what-it-says": "fail"}
    result = ran.result("sends-what-it-says")
    assert said in result["reason"]
    assert result["card"]["actual"] == result["reason"]
    assert ran.code == BROKEN


def test_a_client_that_dies_afterwards_has_not_failed_before(celery_wire: CommandFixture) -> None:
    """A client that ends after each send is started anew: what it had sent by then counts."""
    ran = _run(celery_wire, "crashes-after-send", "-k", "sends-what")
    assert ran.verdicts == {"sends-what-it-says": "pass"}
    assert ran.code == FINE


def test_what_was_not_sent_has_failed(celery_wire: CommandFixture) -> None:
    """A client that says it has sent what never came to the broker fails: the tap saw nothing."""
    ran = _run(celery_wire, "sends-nothing", "-k", "sends-what")
    card = ran.result("sends-what-it-says")["card"]
    assert (card["expected"], card["requirement"]) == ('published (of "sent", by "client")', "TASK2-HDR-004")
    assert card["actual"].startswith("nothing of the kind within 2 s")
    assert ran.code == BROKEN


# -- workers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["good", "worker-keeps-children"])
def test_a_worker_that_keeps_the_rules_is_judged(celery_wire: CommandFixture, name: str) -> None:
    """A minimal worker over a plain Redis client passes; a process it leaves behind is ended with it."""
    ran = _run(celery_wire, name, "--role", "worker")
    assert ran.verdicts == {"adds": "pass", "pings": "pass"}
    assert ran.code == FINE


def test_a_worker_that_ends_at_once_cannot_be_judged(celery_wire: CommandFixture) -> None:
    """A worker that does not start is no verdict; its exit code, its last words and what to do are told."""
    ran = _run(celery_wire, "worker-exits")
    said = "the worker of 'worker-exits' ended with code 1 before it ran a task:"
    assert ran.err.splitlines()[:2] == [f"celery-wire: {said}", "no module named tasks"]
    assert "celery-wire doctor" in ran.err
    assert ran.code == NOT_JUDGED


@pytest.mark.parametrize("name", ["worker-never-consumes", "worker-never-runs"])
def test_a_worker_that_never_runs_a_task_has_failed(celery_wire: CommandFixture, name: str) -> None:
    """A worker that starts and never runs a task fails every case at once, and nothing waits out its deadline."""
    ran = _run(celery_wire, name)
    assert ran.verdicts == {"adds": "fail", "pings": "fail"}
    reasons = [ran.result(case)["reason"] for case in ran.verdicts]
    assert any("never ran a task: within 1.5 s it ran no task" in reason for reason in reasons)
    assert ran.code == BROKEN
    assert ran.report["seconds"] < 10


def test_a_worker_that_dies_on_every_task_has_failed(celery_wire: CommandFixture) -> None:
    """A worker that takes a message off its queue and ends has started: its cases fail, and none waits for long."""
    ran = _run(celery_wire, "worker-dies-on-every-task")
    assert ran.verdicts == {"adds": "fail", "pings": "fail"}
    assert ran.code == BROKEN


@pytest.mark.parametrize("name", ["worker-dies-on-add", "worker-falls-silent"])
def test_only_what_kills_a_worker_has_failed(celery_wire: CommandFixture, name: str) -> None:
    """A worker that ends or falls silent at one kind of task fails that case alone; its neighbours run again."""
    ran = _run(celery_wire, name)
    assert ran.verdicts == {"adds": "fail", "pings": "pass"}
    assert ran.code == BROKEN


def test_a_worker_that_is_held_up_has_missed_nothing(celery_wire: CommandFixture) -> None:
    """A result that comes after its deadline counts when the worker came to a later ping only then."""
    ran = _run(celery_wire, "worker-held-up", "--patience", "0.5")
    assert ran.verdicts == {"adds": "pass", "pings": "pass"}


def test_a_worker_given_up_does_not_do_the_cases_that_run_again(celery_wire: CommandFixture) -> None:
    """What it does late, when the case runs again with another worker, is not taken for what that one does."""
    ran = _run(celery_wire, "worker-held-up", "--patience", "0.2")
    assert ran.verdicts["adds"] == "fail"


# -- the dialogue itself ----------------------------------------------------------------------------------------


def test_a_client_that_stops_reading_holds_up_nobody(tmp_path: Path) -> None:
    """A request larger than a pipe holds, to a client that reads no more, ends at its deadline as silence."""

    async def talk() -> None:
        adapter = adapters.read(ADAPTERS / "stops-reading")
        assert adapter.client is not None
        url = "redis://127.0.0.1:1/0"
        environment = {"CELERY_WIRE_BROKER_URL": url, "CELERY_WIRE_RESULT_URL": url, "CELERY_WIRE_QUEUES": "q"}
        client = Client(adapter, adapter.client, environment, tmp_path / "log", "client-1")
        await client.start()
        try:
            with pytest.raises(ClientProblem, match="the client stayed silent") as told:
                await client.ask("send", {"task": "x", "args": ["x" * 8_000_000], "kwargs": {}, "options": {}}, 0.5)
            assert told.value.kind == "hang"
        finally:
            await client.stop()

    asyncio.run(asyncio.wait_for(talk(), 20))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello\n", "expected a JSON object on one line, came 'hello'"),
        (b"\xff\xfe\n", "expected a JSON object on one line, came "),
        (b"[" * 100_000, "expected a JSON object on one line, came '[[["),
        (b"[1]\n", "expected a JSON object with an integer id, came '[1]'"),
        (b'{"ok": {}}\n', "expected a JSON object with an integer id, came "),
        (b'{"id": "1", "ok": {}}\n', "expected a JSON object with an integer id, came "),
        (b'{"id": true, "ok": {}}\n', "expected a JSON object with an integer id, came "),
        (b'{"id": 1}\n', "expected one of ok, unsupported and error in a reply, came "),
        (b'{"id": 1, "ok": {}, "error": {}}\n', "expected one of ok, unsupported and error in a reply, came "),
        (b'{"id": 1, "ok": null}\n', "expected dict in 'ok', came "),
        (b'{"id": 1, "unsupported": ["x"]}\n', "expected str in 'unsupported', came "),
    ],
)
def test_a_line_that_is_no_reply_is_told(line: bytes, said: str) -> None:
    """Whatever a line holds instead of a reply is told with what was expected and what came."""
    with pytest.raises(ClientProblem) as told:
        parse_reply(line)
    assert said in told.value.cause
    assert told.value.kind == "garbage"
    assert len(told.value.cause) < 400


_PROGRAMS = [f"{program.parent.name}/{program.name}" for program in sorted(ADAPTERS.glob("*/*.py"))]


@pytest.mark.parametrize("program", _PROGRAMS)
def test_each_double_says_what_it_does(program: str) -> None:
    """Every program of a misbehaving adapter begins with one sentence that says what it does."""
    first = (ADAPTERS / program).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith('"""')
    assert first.endswith('."""')
