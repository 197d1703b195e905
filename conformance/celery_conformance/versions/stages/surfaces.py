"""What a worker makes of other serializers, compressions and signed messages; memcached, and what is kept in files.

``sent`` is what the client wrote, where it is kept. Memcached and the stores and brokers that are files are observed
beside Redis alone: nothing of them passes through a broker or a store of another kind.
"""

from __future__ import annotations

import base64
import contextlib
import json
import pickletools
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from celery_conformance.versions import signed, view
from celery_conformance.versions.bed import ALONE, Bed, ProbeError
from celery_conformance.versions.stages import memcached_store, table_broker
from celery_conformance.versions.stages.messages import security
from celery_conformance.versions.stages.run import SETTLED, Job, Station, do, ended, of_cases, short

NAME = "surfaces"

_FORMS = ("json", "yaml", "msgpack", "pickle")
_ANY = {"accept_content": list(_FORMS), "result_accept_content": list(_FORMS)}
_OUTCOME = ("stored", "trace")
_SENDS = ("messages", "stored", "trace")
_COMPRESSIONS = "zlib gzip bzip2 bzip lzma xz brotli zstd zstandard unknown".split()
_VALUES = "datetime-in-yaml bytes-in-yaml decimal-in-yaml bytes-in-msgpack".split()
_SECONDS = 12.0
_LONGEST_PICKLE = 200

CASES: Mapping[str, tuple[Mapping[str, Any], tuple[Job, ...]]] = {
    "any": (_ANY, tuple(Job(name, keep=_OUTCOME) for name in (*(f"serializer-{form}" for form in _FORMS), *_VALUES))),
    "yaml": (
        {**_ANY, "task_serializer": "yaml", "result_serializer": "yaml"},
        (Job("plain", keep=_OUTCOME), Job("link", until=("link-linked",), keep=_SENDS)),
    ),
    "msgpack": (
        {**_ANY, "task_serializer": "msgpack", "result_serializer": "msgpack"},
        (Job("plain", keep=_OUTCOME), Job("link", until=("link-linked",), keep=_SENDS)),
    ),
    "compressed": ({}, tuple(Job(f"compression-{name}", keep=_OUTCOME) for name in _COMPRESSIONS)),
    "compressing": (
        {"task_compression": "zlib", "result_compression": "bzip2"},
        (Job("link", until=("link-linked",), keep=_SENDS),),
    ),
}

#: Recipes whose messages are kept: those that the stage of messages does not send, and the one that is taken apart.
_SHOWN = ("compression-bzip", "compression-xz", "compression-zstandard", "signed-configured")

_SIGNED = (
    Job("signed-configured", keep=_OUTCOME),
    Job("link", until=("link-linked",), keep=_SENDS),
    Job("unsigned", until=SETTLED, calm=0.6, keep=_OUTCOME),
)


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the jobs of each case to a worker with its settings, then observe what needs no server."""
    yield from of_cases(bed, CASES, _run)
    yield from _signed(bed)
    if bed.broker_name == "redis":
        for own in (_file_store, _sqlite_store, _file_broker, table_broker.capture, memcached_store.capture):
            yield from own(bed)


def _wants(bed: Bed, case: str) -> bool:
    """Whether any entry of a case is to be captured."""
    return bed.only is None or any(entry.startswith(f"{case}.") for entry in bed.only)


def _run(station: Station, job: Job) -> dict[str, Any]:
    """What the worker made of a recipe, and what the client sent where no other stage shows it."""
    marks = station.client.party.marks()
    entry = station.run(job)
    sent = station.client.party.since(marks).get("messages", [])
    return {**entry, "sent": sent} if sent and job.recipe in _SHOWN else entry


def _signed(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    wanted = [job for job in _SIGNED if bed.wants(f"signed.{job.recipe}")]
    if not wanted:
        return
    settings = {"observe_security": security(bed)}
    try:
        station = Station(bed, settings)
    except ProbeError:
        yield from ((f"signed.{job.recipe}", _unstarted(bed, settings, job)) for job in wanted)
        return
    try:
        for job in wanted:
            entry = _run(station, job)
            yield f"signed.{job.recipe}", {**entry, **_signature(bed, entry)}
    finally:
        station.close()


def _unstarted(bed: Bed, settings: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """What a client alone comes to, where no worker starts."""
    client = bed.client(settings)
    try:
        return {**client.ask("send", recipe=job.recipe), "worker": "did not start"}
    finally:
        client.close()
        bed.clear()


def _signature(bed: Bed, entry: Mapping[str, Any]) -> dict[str, str]:
    """How the first message was signed."""
    sent = view.of_entry(entry).get("sent", [])
    if not sent or "signed" not in sent[0]["message"]:
        return {}
    body = sent[0]["message"]["body"]
    whole = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
    return {"signature": signed.scheme(whole, (bed.folder / "certificate.pem").read_bytes())}


def _new_folder(bed: Bed, name: str) -> Path:
    folder = bed.name_of(name)
    folder.mkdir()
    return folder


def _files(*folders: Path, key: str, content: str) -> list[dict[str, str]]:
    """The files of folders by name, each with its content."""
    found = sorted(file for folder in folders for file in folder.iterdir())
    return [{key: file.name, content: file.read_text(encoding="utf-8", errors="backslashreplace")} for file in found]


def _file_store(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result store that is a folder."""
    if not _wants(bed, "file-store"):
        return
    folder = _new_folder(bed, "results")
    station = Station(bed, {"result_backend": f"file://{folder}"})
    try:
        for recipe, last in (("plain", "plain"), ("group", "group-1"), ("chord", "chord-body")):
            entry = do(station, recipe, last)
            yield f"file-store.{recipe}", {**entry, "stored": _files(folder, key="key", content="document")}
            for file in folder.iterdir():
                file.unlink()
        raised = station.client.ask("send", recipe="group-saved")
        yield "file-store.group-saved", {**raised, "stored": _saved(folder)}
    finally:
        station.close()


def _saved(folder: Path) -> list[dict[str, str]]:
    """The group alone: the results of its members may come meanwhile or not."""
    return [file for file in _files(folder, key="key", content="document") if "taskset" in file["key"]]


def _sqlite_store(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """The result store that is a database, in a file of SQLite."""
    for name, settings in (("sqlite-store", {}), ("sqlite-store-extended", {"result_extended": True})):
        if not _wants(bed, name):
            continue
        path = bed.name_of("results").with_suffix(".sqlite")
        station = Station(bed, {"result_backend": f"db+sqlite:///{path}", **settings})
        try:
            yield f"{name}.plain", {**do(station, "plain", "plain"), **_columns(path), **_rows(path, "plain")}
            if name == "sqlite-store":
                yield f"{name}.fail", {**do(station, "fail", "fail"), **_rows(path, "fail")}
                answer = station.client.ask("send", recipe="group-saved")
                yield f"{name}.group-saved", {**answer, **_rows(path)}
        finally:
            station.close()


def _columns(path: Path) -> dict[str, Any]:
    """The columns of the tables with their types."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'celery_%meta'")]
        found = {name: database.execute(f"PRAGMA table_info({name})").fetchall() for name in sorted(names)}
    return {"columns": {name: {column[1]: column[2] for column in columns} for name, columns in found.items()}}


def _rows(path: Path, task_id: str | None = None) -> dict[str, Any]:
    """The rows of a task, or those of groups."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        if task_id is None:
            rows = database.execute("SELECT * FROM celery_tasksetmeta").fetchall()
        else:
            rows = database.execute("SELECT * FROM celery_taskmeta WHERE task_id = ?", (task_id,)).fetchall()
    return {"rows": [_row(row) for row in rows]}


def _row(row: sqlite3.Row) -> dict[str, Any]:
    return {name: _cell(row[name]) for name in row.keys()}  # noqa: SIM118  a row iterates over its values


def _cell(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    if value[:1] == b"\x80":
        return {"pickle": _pickle(value)}
    return {"bytes": value.decode("utf-8", "backslashreplace")}


def _pickle(value: bytes) -> Any:
    """A pickle as it is, or of a long one, which can name a folder of this machine, its texts; it is not loaded."""
    if len(value) <= _LONGEST_PICKLE:
        return base64.b64encode(value).decode()
    texts = [argument for _, argument, _ in pickletools.genops(value) if isinstance(argument, str)]
    return {"texts": ["<path>" if "/" in text else text for text in texts]}


def _file_broker(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """The broker that is a folder: what lies there before a worker comes, and what the worker does with it."""
    if not _wants(bed, "file-broker"):
        return
    folder, done, control = (_new_folder(bed, name) for name in ("queue", "done", "control"))
    options = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(control)}
    kept = {**options, "store_processed": True, "processed_folder": str(done)}
    settings = {"broker_url": "filesystem://", "broker_transport_options": kept}
    client = bed.client(settings)
    sent = {}
    try:
        for recipe in ("plain", "priority"):
            answer = client.ask("send", recipe=recipe)
            sent[recipe] = {**answer, "sent": _files(folder, done, key="key", content="item")}
            for file in folder.iterdir():
                file.rename(folder.parent / file.name)
        yield from _consumed(bed, settings, sent, folder)
        yield "file-broker.ping", _pinged(bed, settings, (folder, done), control)
    finally:
        client.close()
        bed.clear()


def _consumed(
    bed: Bed, settings: Mapping[str, Any], sent: Mapping[str, dict[str, Any]], folder: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each message given to a worker, which tells what became of it."""
    worker = bed.worker(settings)
    try:
        for recipe, entry in sent.items():
            noted, marks = len(worker.events()), worker.party.marks()
            for item in entry["sent"]:
                (folder.parent / item["key"]).rename(folder / item["key"])
            worker.wait(lambda begun=noted, last=recipe: ended(worker.events()[begun:], last), _SECONDS)  # type: ignore[misc]
            worker.quiet(0.3)
            stored = worker.party.since(marks).get("stored", [])
            yield f"file-broker.{recipe}", {**entry, "stored": stored, "trace": short(worker.events()[noted:])}
    finally:
        worker.stop()


def _pinged(bed: Bed, settings: Mapping[str, Any], folders: tuple[Path, ...], control: Path) -> dict[str, Any]:
    """A command to every worker: the files of bindings, of the command and of the reply."""
    worker = bed.worker(settings, *ALONE)
    client = bed.client(settings)
    before = {file["key"] for file in _files(*folders, key="key", content="item")}
    try:
        answer = client.ask("control", method="ping", options={"reply": True, "timeout": 3})
        written = [file for file in _files(*folders, key="key", content="item") if file["key"] not in before]
        bindings = _files(control, key="file", content="content")
        tables = [{**file, "content": json.loads(file["content"])} for file in bindings]
        return {**answer, "sent": written, "bindings": tables}
    finally:
        client.close()
        worker.stop()
