"""Whatever a command is given, it ends in one clear sentence, the right exit code, and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from celery_conformance import adapter, cli
from celery_conformance.brokers.redis_server import RedisServer
from celery_conformance.cases import load as case_files
from celery_conformance.commands import run as run_command
from celery_conformance.commands.settings import shown
from celery_conformance.engine.testbed import _given, parse_target
from celery_conformance.errors import InstallError, UsageError
from celery_conformance.report.document import RunDocument

from .command import ADAPTERS, CASES, Ran, Running, left_processes

CommandFixture = Callable[..., Ran]
GOOD = ADAPTERS / "good"
FINE, BROKEN, STALE, USAGE, SUITE, INTERRUPTED = 0, 1, 2, 3, 4, 130


def _told(ran: Ran) -> tuple[str, str]:
    """The sentence and the hint of an error that is told in two lines."""
    first, second = ran.err.splitlines()
    assert first.startswith("celery-wire: ")
    return first.removeprefix("celery-wire: "), second


def _copy(folder: Path, *, toml: str | None = None, baseline: str | None = None, name: str = "any name") -> Path:
    """A copy of the good adapter, with another adapter.toml or a baseline."""
    target = folder / name
    shutil.copytree(GOOD, target, ignore=shutil.ignore_patterns("__pycache__"))
    if toml is not None:
        (target / "adapter.toml").write_text(toml, encoding="utf-8")
    if baseline is not None:
        (target / "baseline.yaml").write_text(baseline, encoding="utf-8")
    return target


# -- help -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("run",), ("list",), ("explain",), ("doctor",)], ids=" ".join)
def test_help_names_the_exit_codes(celery_wire: CommandFixture, words: tuple[str, ...]) -> None:
    """The help of every command says what each exit code means."""
    ran = celery_wire(*(words or ("list",))[: len(words)] or ("--help",), "--help")
    assert ran.code == FINE
    assert "exit codes: 0 fine; 1 a requirement is broken; 2 the baseline is stale; 3 usage" in ran.out
    assert "130 interrupted" in ran.out


def test_version_names_package_and_edition(celery_wire: CommandFixture) -> None:
    """--version says both versions that matter to a reader of a report."""
    ran = celery_wire("--version")
    assert ran.out.startswith("celery-wire ")
    assert ", specification " in ran.out


# -- the command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("frobnicate",), "invalid choice: 'frobnicate' (choose from 'run', 'check', 'list', 'explain', 'doctor')"),
        (("run",), "the following arguments are required: implementation"),
        (("run", GOOD, "--role", "monitor"), "argument --role: invalid choice: 'monitor' (choose from 'producer'"),
        (("run", GOOD, "--jobs", "many"), "argument --jobs: expected a whole number, came 'many'"),
        (("run", GOOD, "--seed", "1.5"), "argument --seed: expected a whole number, came '1.5'"),
        (("run", GOOD, "--brokr", "redis"), "unrecognized arguments: --brokr redis"),
        (("list", "everything"), "argument what: invalid choice: 'everything' (choose from 'adapters', 'cases'"),
        (("explain",), "the following arguments are required: id"),
        (("doctor",), "the following arguments are required: folder"),
        (("doctor", GOOD, "--broker", "kafka"), "argument --broker: invalid choice: 'kafka' (choose from 'redis'"),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(str(GOOD), "GOOD") if isinstance(value, tuple) else "",
)
def test_a_wrong_word_is_a_usage_error(celery_wire: CommandFixture, words: tuple[object, ...], said: str) -> None:
    """A word the parser does not know ends with usage, what was expected, where help is, and exit code 3."""
    if not words:
        with pytest.raises(SystemExit) as end:
            cli.main([])
        assert end.value.code == USAGE
        return
    ran = celery_wire(*words)
    assert said in ran.err
    assert ran.err.splitlines()[-1].startswith("see celery-wire")
    assert ran.code == USAGE


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("--broker", "nonsense"), "expected redis, amqp or a URL in --broker, came 'nonsense'", "--broker redis"),
        (("--broker", ""), "expected redis, amqp or a URL in --broker, came ''", "--broker redis"),
        (("--broker", "http://x"), "expected redis, amqp or a URL in --broker, came 'http://x'", "--broker redis"),
        (("--broker", "redis://"), "expected redis, amqp or a URL in --broker, came 'redis://'", "--broker redis"),
        (("--broker", "redis://h:x/0"), "expected a URL in --broker, came 'redis://h:x/0': port could", "--broker"),
        (("--broker", "redis://h:99999/0"), "expected a URL in --broker, came 'redis://h:99999/0': port", "--broker"),
        (("--broker", "redis://[::1"), "expected a URL in --broker, came 'redis://[::1': invalid ipv6", "--broker"),
        (
            ("--broker", "rediss://h/0"),
            "expected an unencrypted URL in --broker, came rediss://…",
            "the tap cannot look",
        ),
        (("--store", "amqps://h"), "expected an unencrypted URL in --store, came amqps://…", "the tap cannot look"),
        (("--broker", "amqp"), "expected a broker of 'good' (redis) in --broker, came 'amqp'", "adapter.toml names"),
        (("--store", "rpc"), "expected a store of 'good' (redis) in --store, came 'rpc'", "adapter.toml names"),
        (("--store", "file"), "expected redis, rpc or a URL in --store, came 'file'", "for example"),
        (("--jobs", "0"), "expected a number from 1 up in --jobs, came 0", "for example --jobs 8"),
        (("--jobs", "-3"), "expected a number from 1 up in --jobs, came -3", "for example --jobs 8"),
        (
            ("--broker", "redis://127.0.0.1:1/0"),
            "expected a server at 127.0.0.1:1 (--broker), came: connection refused",
            "start it, or leave --broker a URL out",
        ),
        (
            ("--store", "redis://127.0.0.1:1/0"),
            "expected a server at 127.0.0.1:1 (--store), came: connection refused",
            "start it, or leave --store a URL out",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_that_makes_no_sense_is_told(
    celery_wire: CommandFixture, words: tuple[str, ...], said: str, hint: str
) -> None:
    """An option of `run` says in one sentence what was expected and what came, and in another what to do."""
    ran = celery_wire("run", GOOD, *words)
    sentence, what_to_do = _told(ran)
    assert sentence.startswith(said)
    assert hint in what_to_do
    assert ran.code == USAGE


def test_a_role_the_adapter_lacks_is_told(celery_wire: CommandFixture) -> None:
    """A role that exists and that this adapter does not have is told with those it has."""
    ran = celery_wire("run", ADAPTERS / "worker-exits", "--role", "reader")
    assert _told(ran)[0] == "expected in --role one of worker (worker-exits), came reader"
    assert ran.code == USAGE


def test_an_unwritable_report_folder_is_told_before_the_run(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """Where reports cannot be written nothing is judged: the user learns it at once."""
    (tmp_path / "file").write_text("")
    ran = celery_wire("run", GOOD, "--report", tmp_path / "file" / "report")
    assert _told(ran)[0].startswith(f"expected a folder to write to in --report, came '{tmp_path}/file/report': ")
    assert ran.out == ""
    assert ran.code == USAGE


def test_a_pattern_that_fits_nothing_judges_nothing(celery_wire: CommandFixture) -> None:
    """-k that fits no case is the one thing a user can do to end with 4: nothing was judged."""
    ran = celery_wire("run", GOOD, "-k", "no-such-case")
    sentence, hint = _told(ran)
    assert sentence == "nothing to judge: no case of producer, worker, reader fits 'no-such-case'"
    assert "celery-wire list cases" in hint
    assert ran.code == SUITE


def test_only_what_the_adapter_lacks_judges_nothing(celery_wire: CommandFixture) -> None:
    """A run whose every case is unsupported ends with 4 as well, and its report says what was lacking."""
    ran = celery_wire("run", GOOD, "-k", "counts-down")
    assert ran.verdicts == {"counts-down": "unsupported"}
    assert "declared without the client option countdown" in ran.result("counts-down")["reason"]
    assert ran.code == SUITE


# -- adapters ---------------------------------------------------------------------------------------------------

_HEAD = 'title = "x"\nroles = ["producer"]\nbrokers = ["redis"]\n'
_CLIENT = '[client]\ncommand = ["x"]\n'


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("title = ", "adapter.toml: expected TOML, came Invalid value"),
        ("\x00", "adapter.toml: expected TOML, came Invalid statement"),
        ('title = "x"', "adapter.toml: at /: 'roles' is a required property"),
        (_HEAD + "colour = 1\n" + _CLIENT, "adapter.toml: at /: Additional properties are not allowed ('colour'"),
        (_HEAD.replace('"x"', "5") + _CLIENT, "adapter.toml: at /title: 5 is not of type 'string'"),
        (_HEAD.replace('["redis"]', '"redis"') + _CLIENT, "adapter.toml: at /brokers: 'redis' is not of type 'array'"),
        (_HEAD.replace("producer", "consumer") + _CLIENT, "adapter.toml: at /roles/0: 'consumer' is not one of ['prod"),
        (_HEAD + "[client]\n", "adapter.toml: at /client: 'command' is a required property"),
        (_HEAD + '[client]\ncommand = "x"\n', "adapter.toml: at /client/command: 'x' is not of type 'array'"),
        (_HEAD, "adapter.toml: the role 'producer' needs a table [client] with a command, found none"),
    ],
)
def test_a_broken_adapter_file_is_told(
    celery_wire: CommandFixture, tmp_path: Path, command: str, toml: str, said: str
) -> None:
    """Each mistake in adapter.toml is told with the place, what was expected and what came, whatever the command."""
    ran = celery_wire(command, _copy(tmp_path, toml=toml))
    sentence, hint = _told(ran)
    assert said in sentence
    assert "adapter.toml" in hint or "adapter.schema.json" in hint or "[client]" in hint
    assert ran.code == USAGE


@pytest.mark.parametrize("command", ["run", "doctor"])
@pytest.mark.parametrize("name", ["nope", "no/such/folder", "~/no-such-folder-anywhere"])
def test_an_unknown_implementation_is_told(celery_wire: CommandFixture, command: str, name: str) -> None:
    """A name that is neither built in nor a folder is told with the names that are."""
    ran = celery_wire(command, name)
    sentence, hint = _told(ran)
    assert sentence == f"expected the name of a built-in adapter or a folder with adapter.toml, came {name!r}"
    assert "celery" in hint
    assert ran.code == USAGE


def test_a_folder_without_an_adapter_is_told(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """A folder that holds no adapter.toml is told by name."""
    ran = celery_wire("run", tmp_path)
    assert _told(ran)[0] == f"expected adapter.toml in {tmp_path}, found none"
    assert ran.code == USAGE


def _good_toml(*changes: tuple[str, str]) -> str:
    text = (GOOD / "adapter.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_program_that_does_not_exist_is_told(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """A command of an adapter that cannot be started is told with the command as adapter.toml has it."""
    toml = _good_toml(('["{python}", "client.py"]', '["no-such-program", "--json"]'))
    ran = celery_wire("run", _copy(tmp_path, toml=toml))
    sentence, hint = _told(ran)
    assert sentence == "expected to start 'no-such-program' of the adapter 'any name', came: No such file or directory"
    assert hint == "the command in adapter.toml is: no-such-program --json"
    assert ran.code == USAGE


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('["no-such-program"]', "No such file or directory: 'no-such-program'"),
        ('["{python}", "-c", "raise SystemExit(\'no licence\')"]', "no licence"),
        ('["{python}", "-c", "raise SystemExit(3)"]', "exit code 3"),
    ],
)
def test_a_version_command_that_fails_is_told(
    celery_wire: CommandFixture, tmp_path: Path, program: str, said: str
) -> None:
    """A version command that fails is told with what it said and how to run it by hand."""
    ran = celery_wire("run", _copy(tmp_path, toml=_good_toml(('["{python}", "-c", "print(\'1.0\')"]', program))))
    sentence, hint = _told(ran)
    assert sentence.startswith("expected the version command of 'any name' to print a version, came: ")
    assert said in sentence
    assert hint.startswith("run it by hand in the adapter's folder: ")
    assert ran.code == USAGE


def test_a_version_in_any_bytes_is_a_version(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """What a version command prints is shown, text or not, and a terminal obeys none of it."""
    program = """["{python}", "-c", "import sys; sys.stdout.buffer.write(bytes([49, 255, 27, 91, 50, 74]))"]"""
    toml = _good_toml(('["{python}", "-c", "print(\'1.0\')"]', program))
    ran = celery_wire("run", _copy(tmp_path, toml=toml), "-k", "sends-what")
    assert ran.code == FINE
    assert ran.report["version"].startswith("1")
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        (
            'needs = ["no-such-program"]\ncommand = ["true"]',
            "the adapter 'any name' needs no-such-program on PATH, found none",
        ),
        ('command = ["no-such-program"]', "the set-up of 'any name' failed: "),
        (
            'command = ["{python}", "-c", "raise SystemExit(\'no network\')"]',
            "the set-up of 'any name' failed: no network",
        ),
    ],
)
def test_a_set_up_that_fails_is_told(
    celery_wire: CommandFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setup: str, said: str
) -> None:
    """What an adapter needs and does not get is told; nothing counts as set up."""
    monkeypatch.setenv("CELERY_WIRE_CACHE", str(tmp_path / "cache"))
    folder = _copy(tmp_path, toml=_good_toml(("[worker]", f"[setup]\n{setup}\n\n[worker]")))
    for _ in range(2):
        ran = celery_wire("run", folder)
        sentence, _hint = _told(ran)
        assert sentence.startswith(said)
        assert ran.code == InstallError("").exit_code == USAGE


def test_an_adapter_is_set_up_once_for_its_contents(
    celery_wire: CommandFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set-up runs in a copy in the cache, once for these contents under any name; the folder stays clean."""
    monkeypatch.setenv("CELERY_WIRE_CACHE", str(tmp_path / "cache"))
    program = "open('../count', 'a').write('x'); open('made', 'w')"
    toml = _good_toml(("[worker]", f'[setup]\ncommand = ["{{python}}", "-c", "{program}"]\n\n[worker]'))
    for name in ("one", "another"):
        folder = _copy(tmp_path, toml=toml, name=name)
        before = sorted(path.name for path in folder.iterdir())
        assert celery_wire("run", folder, "-k", "sends-what").code == FINE
        assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == before
    assert (tmp_path / "cache" / "adapters" / "count").read_text() == "x"


def test_runs_at_the_same_time_set_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run waits for the set-up of the first; neither sees one that is half done."""
    monkeypatch.setenv("CELERY_WIRE_CACHE", str(tmp_path / "cache"))
    program = "open('../count', 'a').write('x')"
    toml = _good_toml(("[worker]", f'[setup]\ncommand = ["{{python}}", "-c", "{program}"]\n\n[worker]'))
    read = adapter.read(_copy(tmp_path, toml=toml))
    with ThreadPoolExecutor(4) as pool:
        ready = list(pool.map(adapter.prepare, [read] * 4))
    assert {one.folder for one in ready} == {ready[0].folder}
    assert (tmp_path / "cache" / "adapters" / "count").read_text() == "x"


# -- baselines --------------------------------------------------------------------------------------------------

_EXCUSED = "- {{id: {0}, reason: it never did, link: https://example.org/1{1}}}\n"


def test_a_malformed_baseline_is_told(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """A baseline that is no YAML ends the run before anything starts."""
    ran = celery_wire("run", _copy(tmp_path, baseline="- {id: a\n"))
    assert "baseline.yaml:2: expected YAML, came: " in _told(ran)[0]
    assert ran.code == USAGE


@pytest.mark.parametrize(
    ("baseline", "words", "code", "stale"),
    [
        (_EXCUSED.format("sends-what-it-says", ""), (), STALE, {"sends-what-it-says"}),
        (_EXCUSED.format("sends-what-it-says", ""), ("--allow-stale",), FINE, {"sends-what-it-says"}),
        (_EXCUSED.format("sends-what-it-says", ""), ("--no-baseline",), FINE, set()),
        (_EXCUSED.format("no-such-case", ""), (), STALE, {"no-such-case"}),
        (_EXCUSED.format("no-such-case", ""), ("-k", "sends-what"), FINE, set()),
        (_EXCUSED.format("adds", ""), ("--role", "producer"), FINE, set()),
        (_EXCUSED.format("no-such-case", ", when: {broker: amqp}"), (), FINE, set()),
    ],
    ids=["it passes", "allowed", "not used", "no such case", "part of a run", "other roles", "another broker"],
)
def test_a_stale_baseline_is_red(
    celery_wire: CommandFixture, tmp_path: Path, baseline: str, words: tuple[str, ...], code: int, stale: set[str]
) -> None:
    """An entry that passes or matches nothing is stale, where the run could have matched it, and ends with 2."""
    ran = celery_wire("run", _copy(tmp_path, baseline=baseline), *words)
    assert {name for name, verdict in ran.verdicts.items() if verdict == "stale"} == stale
    assert ran.code == code


def test_a_known_failure_is_excused_until_it_expires(
    celery_wire: CommandFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure that the baseline names does not fail the run; once its entry has expired it does."""
    monkeypatch.setattr("celery_conformance.engine.run.DEADLINE_SECONDS", 1.0)
    for expires, verdict, code in (("2999-01-31", "known failure", FINE), ("2020-01-31", "stale", STALE)):
        folder = tmp_path / expires
        shutil.copytree(ADAPTERS / "sends-nothing", folder)
        (folder / "dialogue.py").write_text((GOOD / "dialogue.py").read_text())
        entry = _EXCUSED.format("sends-what-it-says", f", expires: {expires}")
        (folder / "baseline.yaml").write_text(entry)
        ran = celery_wire("run", folder, "-k", "sends-what")
        assert ran.verdicts == {"sends-what-it-says": verdict}
        assert "it never did" in ran.result("sends-what-it-says")["reason"]
        assert ran.code == code


# -- cases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2] + "\t{", "producer.yaml:"),
        (lambda text: text.replace("send:", "sennd:"), "producer.yaml: sends-what-it-says at /do/0: "),
        (lambda text: "\x00\x01", "producer.yaml: expected YAML, came "),
    ],
    ids=["truncated", "unknown verb", "garbled"],
)
def test_a_broken_case_file_is_the_suites_fault(
    celery_wire: CommandFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[str], str],
    said: str,
) -> None:
    """A case file nobody can read ends with 4, told by file and place, before anything starts."""
    (tmp_path / "producer.yaml").write_text(spoil((CASES / "producer.yaml").read_text()))
    monkeypatch.setattr(run_command, "load_cases", lambda: case_files.load(tmp_path))
    ran = celery_wire("run", GOOD)
    assert _told(ran)[0].startswith(said)
    assert ran.out == ""
    assert ran.code == SUITE


# -- a run that is fine -----------------------------------------------------------------------------------------


def test_a_run_on_a_users_broker_passes(celery_wire: CommandFixture, redis_server: RedisServer) -> None:
    """With the URL of a running server the suite starts none, and its report repeats the URL."""
    url = f"redis://127.0.0.1:{redis_server.port}/7"
    ran = celery_wire("run", GOOD, "--broker", url, "--store", url.replace("/7", "/8"), "--seed", "3")
    assert ran.code == FINE
    assert set(ran.verdicts.values()) == {"pass", "unsupported"}
    assert ran.report["broker_version"] == "as given"


def test_a_run_says_where_its_reports_are(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """--report names each file it wrote on a line of its own, however long; --keep names the run's folder."""
    folder = tmp_path / ("long " * 30).strip()
    ran = celery_wire("run", GOOD, "-k", "sends-what", "--report", folder, "--keep")
    lines = ran.out.splitlines()
    assert [line for line in lines if line.startswith("wrote ")] == [
        f"wrote {folder / name}" for name in ("report.json", "junit.xml", "report.md", "report.html")
    ]
    (kept,) = [line.removeprefix("the run's folder is ") for line in lines if line.startswith("the run's folder is ")]
    assert any(Path(kept).glob("*.log"))
    assert json.loads((folder / "report.json").read_text())["exit_code"] == ran.code == FINE


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("redis", "redis"),
        ("redis://127.0.0.1:7/1", "redis://127.0.0.1:7/1"),
        ("redis://user:secret@127.0.0.1:7/1", "'redis://user:***@127.0.0.1:7/1'"),
    ],
)
def test_a_password_is_in_no_report(text: str, repeated: str) -> None:
    """The command to repeat a run names its broker, without the password."""
    assert shown(parse_target(text, "--broker", ("redis", "amqp"))) == repeated


@pytest.mark.parametrize("credentials", ["", "user:pa%40ss@", ":secret@", "user@"])
def test_credentials_reach_the_adapter_as_they_were_given(credentials: str) -> None:
    """What stands before the host of a user's URL stands there again in the URL of an adapter, escapes and all."""
    target = parse_target(f"redis://{credentials}127.0.0.1:7/1", "--broker", ("redis",))
    assert target.url is not None
    assert _given(target.url).url(8, "1") == f"redis://{credentials}127.0.0.1:8/1"


# -- list, explain, doctor --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["adapters", "cases", "requirements", "fixtures"])
def test_a_list_is_for_people_and_for_programs(celery_wire: CommandFixture, what: str) -> None:
    """Each list is a table, and with --json a list of objects with the same rows."""
    rows = json.loads(celery_wire("list", what, "--json").out)
    table = celery_wire("list", what)
    assert rows
    assert all(next(iter(row.values())) in table.out for row in rows)
    assert table.code == FINE


def test_a_list_without_rows_is_told(celery_wire: CommandFixture) -> None:
    """-k that fits no row is a usage error that names what was asked for."""
    ran = celery_wire("list", "requirements", "-k", "no-such-thing")
    assert _told(ran)[0] == "expected in -k a text of one of the requirements, came 'no-such-thing'"
    assert ran.code == USAGE


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("TASK2-HDR-04", "TASK2-HDR-"),
        ("task2-hdr-04", "TASK2-HDR-"),
        ("v2-id-equals-corelation", "v2-id-equals-correlation-id"),
        ("%%%", "celery-wire list requirements, celery-wire list cases"),
    ],
)
def test_an_unknown_id_is_told_with_what_is_near(celery_wire: CommandFixture, asked: str, near: str) -> None:
    """An id that does not exist is told with those that look like it."""
    ran = celery_wire("explain", asked)
    sentence, hint = _told(ran)
    assert sentence == f"expected the id of a requirement or a case, came {asked!r}"
    assert near in hint
    assert ran.code == USAGE


@pytest.mark.parametrize("asked", ["TASK2-HDR-004", "task2-hdr-004"])
def test_a_requirement_is_explained(celery_wire: CommandFixture, asked: str) -> None:
    """A requirement is explained with its sentence, harm, evidence, document and cases, however its id is written."""
    out = celery_wire("explain", asked).out
    for piece in (
        "[TASK2-HDR-004] A producer MUST",
        "level: MUST",
        "harm: ",
        "evidence: ",
        "spec/task-v2.md",
        "cases:",
    ):
        assert piece in out


def test_a_case_is_explained(celery_wire: CommandFixture) -> None:
    """A case is explained with its claim, the sentences it covers, its steps and the command that runs it."""
    out = celery_wire("explain", "v2-id-equals-correlation-id[serializer=json]").out
    for piece in (
        "v2-id-equals-correlation-id: ",
        "covers [TASK2-HDR-004]",
        "do:",
        "expect:",
        "run it: celery-wire run",
    ):
        assert piece in out


def test_a_sane_adapter_is_called_sane(celery_wire: CommandFixture) -> None:
    """The doctor tries both doors once and finds nothing wrong with an honest adapter."""
    ran = celery_wire("doctor", GOOD)
    assert "✗" not in ran.out
    for piece in ("✓ its version is 1.0", "✓ send puts a message on the queue", "✓ result reads a stored result"):
        assert piece in ran.out
    assert "✓ conf.add works" in ran.out
    assert ran.out.splitlines()[-1] == "the adapter is sane"
    assert ran.code == FINE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sends-nothing", "✗ send was answered, but no message of the client came through the tap"),
        ("accepts-unknown-verb", "✗ expected 'unsupported' to the unknown verb 'x-"),
        ("worker-exits", "✗ the worker of 'worker-exits' ended with code 1 before it ran a task"),
    ],
)
def test_an_insane_adapter_is_told_why(
    celery_wire: CommandFixture, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """The doctor says what is wrong and ends with 3."""
    monkeypatch.setattr("celery_conformance.engine.checkup._SECONDS", 1.0)
    ran = celery_wire("doctor", ADAPTERS / name)
    assert any(line.startswith(said) for line in ran.out.splitlines()), ran.out
    assert ran.out.splitlines()[-1] == "the adapter is not sane; what to mend stands above"
    assert ("worker-1.log: no module named tasks" in ran.out) == (name == "worker-exits")
    assert ran.code == USAGE


def test_a_baseline_of_cases_that_do_not_exist_is_insane(celery_wire: CommandFixture, tmp_path: Path) -> None:
    """The doctor finds a baseline that names cases nobody has."""
    ran = celery_wire("doctor", _copy(tmp_path, baseline=_EXCUSED.format("no-such-case", "")))
    assert "✗ baseline.yaml names cases that do not exist: no-such-case" in ran.out
    assert ran.code == USAGE


# -- interrupted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end a run in one sentence and with 130; no process and no folder is left."""
    running = Running(("run", ADAPTERS / "hangs-in-send", "-k", "v2-id-equals"), tmp_path / "temporary")
    running.wait_for_program("client.py")
    running.process.send_signal(number)
    ran = running.end()
    assert ran.err == "celery-wire: interrupted; everything it had started has been ended\n"
    assert ran.code == INTERRUPTED


def test_an_interrupted_worker_leaves_nothing(tmp_path: Path) -> None:
    """A worker with processes of its own is ended with all of them."""
    running = Running(("run", "celery", "-k", "worker-acks", "--role", "worker"), tmp_path / "temporary")
    running.wait_for_program("worker.py", count=2)
    running.process.send_signal(signal.SIGTERM)
    ran = running.end()
    assert ran.err == "celery-wire: interrupted; everything it had started has been ended\n"
    assert ran.code == INTERRUPTED


@pytest.fixture
def rabbit_starting(rabbit_binary: None, tmp_path: Path) -> Running:
    """A run whose RabbitMQ is coming up."""
    running = Running(("run", "celery", "-k", "v2-id-equals", "--broker", "amqp"), tmp_path / "temporary")
    running.wait_for_program("beam.smp", "celery-wire-")
    return running


@pytest.mark.rabbitmq
def test_an_interrupted_start_of_rabbitmq_leaves_nothing(rabbit_starting: Running) -> None:
    """A run that is interrupted while its broker comes up does not leave the broker behind."""
    rabbit_starting.process.send_signal(signal.SIGINT)
    ran = rabbit_starting.end()
    assert ran.err == "celery-wire: interrupted; everything it had started has been ended\n"
    assert ran.code == INTERRUPTED


@pytest.mark.rabbitmq
def test_a_killed_run_leaves_no_rabbitmq(rabbit_starting: Running) -> None:
    """A run that is killed cannot end its broker any more; the broker ends all the same."""
    rabbit_starting.process.kill()
    rabbit_starting.process.communicate()
    assert left_processes(rabbit_starting.mark, rabbit_starting.folder) == []


def test_a_reader_who_has_gone_is_no_error(tmp_path: Path) -> None:
    """A list whose reader closes the pipe ends without a word."""
    running = Running(("list", "requirements"), tmp_path / "temporary")
    assert running.process.stdout is not None
    running.process.stdout.close()
    assert running.process.wait(30) == USAGE
    assert running.process.stderr is not None
    assert running.process.stderr.read() == ""


def test_a_defect_of_the_suite_says_so(
    celery_wire: CommandFixture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error nobody foresaw is called the suite's fault, shows where it is, and ends with 4."""

    def fail() -> RunDocument:
        raise ZeroDivisionError("a defect [bold]")

    monkeypatch.setattr(run_command, "load_cases", fail)
    assert cli.main(["run", str(GOOD)]) == SUITE
    err = capsys.readouterr().err
    assert err.startswith("celery-wire: the suite is at fault; please report what follows\n")
    assert "ZeroDivisionError: a defect [bold]" in err


def test_errors_end_with_their_own_code() -> None:
    """Usage errors end with 3 wherever they are raised."""
    assert UsageError("x").exit_code == USAGE
