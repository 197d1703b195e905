"""What result stores and brokers beside Redis and AMQP do, seen once more on Celery. A claim names its requirement."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery_conformance.fixtures.catalogue import make_application
from celery_conformance.fixtures.queues.brokers import Folder
from celery_conformance.fixtures.stores import base, stage

#: Django is left out: once it is set up, Celery finds other things in this process.
STORES = [name for name in stage.LOCAL if name != "django"]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Any]:
    """Opens a store that is started here, and gives Celery's side of it; one that cannot be had skips the test."""
    opened: list[base.Store] = []

    def open_one(name: str, **more: Any) -> Any:
        try:
            opened.append(stage.LOCAL[name](tmp_path, ""))
        except base.Unavailable as missing:
            pytest.skip(str(missing))
        return make_application({**stage.folder_broker(tmp_path), **opened[-1].settings, **more})

    yield open_one
    for store in opened:
        store.close()


def _state(application: Any, task_id: str) -> str:
    application.backend._cache.clear()
    return str(application.AsyncResult(task_id).state)


@pytest.mark.parametrize("name", STORES)
def test_a_success_is_kept_and_a_failure_is_not(name: str, open_store: Any) -> None:
    """STORE-GEN-002, STORE-SQL-017: what comes after a success is dropped, what comes after a failure is stored."""
    application = open_store(name)
    for task_id, outcomes in (("kept", ("SUCCESS", "FAILURE")), ("replaced", ("FAILURE", "SUCCESS"))):
        for state in outcomes:
            application.backend.store_result(task_id, ValueError("broken") if state == "FAILURE" else 3, state)
    assert (_state(application, "kept"), _state(application, "replaced")) == ("SUCCESS", "SUCCESS")


@pytest.mark.parametrize("name", STORES)
def test_a_task_without_an_entry_is_pending(name: str, open_store: Any) -> None:
    """The harm behind STORE-SQL-002, STORE-FIL-001 and their like: the caller takes such a task for waiting."""
    assert _state(open_store(name), "unknown") == "PENDING"


def test_an_id_that_is_no_name_of_a_file_cannot_be_stored(open_store: Any) -> None:
    """STORE-FIL-002: a slash and a name of more than 255 bytes."""
    application = open_store("filesystem")
    for task_id in ("a/b", "x" * 240):
        with pytest.raises(OSError, match=r"No such file|too long"):
            application.backend.store_result(task_id, 3, "SUCCESS")
    application.backend.store_result("x" * 238, 3, "SUCCESS")


def test_clean_up_removes_old_files_of_its_own(open_store: Any, tmp_path: Path) -> None:
    """STORE-FIL-005: by the time of the last change, and by the prefix of the name."""
    application = open_store("filesystem", result_expires=3600)
    for task_id in ("old", "new"):
        application.backend.store_result(task_id, 3, "SUCCESS")
    (tmp_path / "results" / "other").write_text("")
    for name in ("celery-task-meta-old", "other"):
        os.utime(tmp_path / "results" / name, (time.time() - 7200,) * 2)
    application.backend.cleanup()
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"celery-task-meta-new", "other"}


def test_forgetting_what_is_not_stored_is_an_error(open_store: Any) -> None:
    """STORE-FIL-007."""
    with pytest.raises(FileNotFoundError):
        open_store("filesystem").AsyncResult("unknown").forget()


def test_memcached_takes_keys_of_250_bytes(open_store: Any) -> None:
    """STORE-MEM-004: an id of 233 bytes is stored, and none that is longer, has white space or is not ASCII."""
    application = open_store("memcached")
    application.backend.store_result("m" * 233, 3, "SUCCESS")
    for task_id in ("m" * 234, "with space", "žluť"):
        with pytest.raises(Exception, match=r"Key|key"):
            application.backend.store_result(task_id, 3, "SUCCESS")


@pytest.mark.parametrize(("seconds", "state"), [(30 * 86400, "SUCCESS"), (30 * 86400 + 1, "PENDING")])
def test_memcached_takes_a_long_expiry_for_a_moment(seconds: int, state: str, open_store: Any) -> None:
    """STORE-MEM-003: thirty days are a time to live, a second more is a moment long past."""
    application = open_store("memcached", result_expires=seconds)
    application.backend.store_result("a", 3, "SUCCESS")
    assert _state(application, "a") == state


def test_a_counter_that_was_not_set_is_not_counted_on(open_store: Any) -> None:
    """The harm behind STORE-MEM-005: memcached answers nothing, and the chord's body is never sent."""
    backend = open_store("memcached").backend
    assert backend.incr(backend.get_key_for_chord("gone")) is None


def test_a_group_is_saved_in_a_table_once(open_store: Any) -> None:
    """STORE-SQL-022."""
    application = open_store("sqlalchemy")
    group = application.GroupResult("g", [application.AsyncResult("a")])
    group.save()
    with pytest.raises(Exception, match="UNIQUE"):
        group.save()


def test_a_pickle_in_a_table_is_loaded_unasked(open_store: Any) -> None:
    """STORE-SQL-018: though nothing but JSON is accepted."""
    application = open_store("sqlalchemy", accept_content=["json"])
    application.backend.store_result("new", 3, "SUCCESS")
    file = str(application.conf.result_backend).rpartition("///")[2]
    with sqlite3.connect(f"/{file.lstrip('/')}") as connection:
        row = ("old", "SUCCESS", pickle.dumps({"a": 1}))
        connection.execute("INSERT INTO celery_taskmeta (task_id, status, result) VALUES (?, ?, ?)", row)
    assert application.AsyncResult("old").result == {"a": 1}


def _taken(folder: Folder, queue: str = "celery") -> list[str]:
    """The ids of the tasks in the order in which Kombu takes their messages."""
    found = []
    with make_application(folder.settings).connection_for_read() as connection:
        channel = connection.default_channel
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            found.append(message.headers["id"])
    return found


def _put(folder: Folder, task_id: str, name: str) -> None:
    make_application(folder.settings).send_task("conf.add", (1, 2), task_id=task_id, priority=9)
    (written,) = (path for path in (folder.folder / "queue").iterdir() if json.dumps(task_id) in path.read_text())
    written.rename(written.with_name(name))


def test_files_are_taken_by_their_names_as_text(tmp_path: Path) -> None:
    """TRANS-FIL-003 and TRANS-FIL-004: a number with more digits comes first."""
    folder = Folder(tmp_path)
    _put(folder, "first", "9999_a.celery.msg")
    _put(folder, "second", "10000_b.celery.msg")
    assert _taken(folder) == ["second", "first"]


def test_a_file_with_an_earlier_dot_is_never_taken(tmp_path: Path) -> None:
    """TRANS-FIL-001: what stands behind the first dot is the queue; a queue may have dots of its own."""
    folder = Folder(tmp_path)
    _put(folder, "dotted", "1.5_c.celery.msg")
    assert _taken(folder) == []
    _put(folder, "queue", "1_c.a.b.msg")
    assert _taken(folder, "a.b") == ["queue"]


def test_a_file_is_gone_when_it_is_taken(tmp_path: Path) -> None:
    """TRANS-ACK-001: nothing is left of a message that somebody has taken."""
    folder = Folder(tmp_path)
    _put(folder, "one", "1_a.celery.msg")
    assert _taken(folder) == ["one"]
    assert folder.left() == 0


def test_other_applications_do_not_get_the_catalogues_tasks() -> None:
    """Celery shares tasks with every application of the process unless it is told not to."""
    assert "conf.add" in make_application({}).tasks
    assert "conf.add" not in Celery("another", set_as_current=False).tasks
