"""The proof that the text is enough: a client and a worker in Go, written from it alone, pass on both brokers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from celery_conformance import resources, specification
from celery_conformance.cases.load import load as load_cases

from .judging import judge

FOLDER = resources.folder("adapters") / "celery-go-text"
#: Topics that its worker lays no claim to, beside workflows.
DISCLAIMED = {"worker-compression", "worker-encodings", "worker-task-v1"}
#: What else there is no room for in so few lines, or was no part of the text that they were written from.
UNSUPPORTED = {
    *("v2-compression-is-named", "worker-revoked-by-id", "worker-refuses-yaml-objects", "worker-survives-bad-json"),
    *("worker-takes-other-serializers", "result-extended", "redis-smallest-number-first", "amqp-eta-beyond-prefetch"),
    *("worker-reject-requeues-late", "worker-rejected-stores-failure", "worker-rejects", "worker-shows-redelivery"),
    *("redis-requeues-last", "amqp-requeues-by-reject", "amqp-shows-redelivery"),
}

_CITED = re.compile(r"\[([A-Z0-9]+-[A-Z]+)-(\d{3})(?:\.\.(\d{3}))?\]")
_OURS = re.compile(r'"celery-go-text/([^"]+)"')

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")


def sources(*packages: str) -> list[Path]:
    """The Go files of packages, or of all."""
    return [path for package in packages or ("*",) for path in sorted(FOLDER.glob(f"{package}/*.go"))]


def lines(*packages: str) -> int:
    """How many lines packages have, comments and blank ones as well."""
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*packages))


def imported(package: str) -> set[str]:
    """The packages of the module that a package imports."""
    return {name for path in sources(package) for name in _OURS.findall(path.read_text(encoding="utf-8"))}


def test_client_and_worker_are_short() -> None:
    """Each is less than 400 lines and stands alone; the doors are no more than the suite's way to them."""
    assert 0 < lines("client") < 400
    assert 0 < lines("worker") < 400
    assert imported("client") == imported("worker") == set()
    assert imported("door1") == {"worker"}
    assert imported("door2") == {"client"}
    assert set(FOLDER.rglob("*.go")) == set(sources("client", "worker", "door1", "door2"))
    assert max(len(line) for path in sources() for line in path.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("door", ["door1", "door2"])
def test_doors_hold_no_protocol(door: str) -> None:
    """What a door imports speaks to no broker, and no name of a key, an exchange or a tagged value stands in it."""
    text = "".join(path.read_text(encoding="utf-8") for path in sources(door))
    for word in ("go-redis", "amqp091", "kombu", "unacked", "celery-task-meta", "__type__", "delivery_info"):
        assert word not in text


def test_what_it_cites_is_in_the_text() -> None:
    """Each id in a comment is one of a requirement, and each of a range that exists has its ends."""
    known = {requirement.id for requirement in specification.load()}
    cited = {
        f"{stem}-{number}"
        for path in sources()
        for stem, *numbers in _CITED.findall(path.read_text(encoding="utf-8"))
        for number in numbers
        if number
    }
    assert len(cited) > 50
    assert cited - known == set()


@needs_go
def test_it_is_formatted() -> None:
    """gofmt has nothing to change, so lines are counted as Go programmers count them."""
    formatter = shutil.which("gofmt") or str(Path(shutil.which("go") or "").resolve().with_name("gofmt"))
    done = subprocess.run([formatter, "-l", str(FOLDER)], capture_output=True, text=True, check=True)
    assert done.stdout == ""


@needs_go
@pytest.mark.slow
@pytest.mark.parametrize(
    ("broker", "store"),
    [("redis", "redis"), ("redis", "rpc"), pytest.param("amqp", "rpc", marks=pytest.mark.rabbitmq)],
)
def test_it_passes(broker: str, store: str, tmp_path: Path) -> None:
    """Every MUST and every SHOULD of the roles that it claims, robust ones included, without a baseline."""
    words = ["--broker", broker, "--store", store, "--strict", "--no-baseline", "--patience", "3"]  # slow machines
    judged = judge(FOLDER, tmp_path / "report", *words)
    verdicts = {result["verdict"] for result in judged.results.values()}
    unsupported = {result["case"] for result in judged.results.values() if result["verdict"] == "unsupported"}
    assert judged.exit_code == 0, judged.printed
    assert verdicts == {"pass", "unsupported"}, judged.printed
    disclaimed = {case.id for case in load_cases() if case.topic in DISCLAIMED or case.topic.startswith("canvas-")}
    assert unsupported - disclaimed <= UNSUPPORTED, judged.printed
    roles = {result["role"] for result in judged.results.values()}
    assert roles == {"producer", "worker", "reader"}, json.dumps(sorted(roles))
