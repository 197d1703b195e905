"""A worker as a process: what a signal does, and what is left when it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery_wire import Client

from .brokers import Broker
from .servers import RedisServer, until

PROGRAM = Path(__file__).with_name("worker_program.py")


@contextmanager
def program(broker: str, results: str, queue: str, visibility: float = 3600) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, str(PROGRAM), broker, results, queue, str(visibility)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_terminate_finishes_what_runs(broker: Broker, queue: str) -> None:
    """SIGTERM lets the running task finish and gives the others back; the process ends with 0."""
    with (
        Client(broker.url, broker.results, default_queue=queue) as client,
        program(broker.url, broker.results, queue) as process,
    ):
        running = client.send("wait", [1.0])
        until(lambda: running.state() == "STARTED")
        client.send("wait", [60])
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert running.get(20) is False
        until(lambda: broker.waiting(queue) == 1)


def test_second_signal_ends_at_once(redis_server: RedisServer, queue: str) -> None:
    """A second SIGTERM ends the process although a task runs."""
    url = redis_server.url
    with Client(url, url, default_queue=queue) as client, program(url, url, queue) as process:
        running = client.send("wait", [60])
        until(lambda: running.state() == "STARTED")
        process.send_signal(signal.SIGTERM)
        until(lambda: process.poll() is not None or _is_default(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM


def _is_default(pid: int) -> bool:
    """Whether SIGTERM is no longer caught by the process."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return not int(caught.split()[1], 16) & 1 << (signal.SIGTERM - 1)


def test_killed_worker_loses_nothing(broker: Broker, queue: str) -> None:
    """The late-acknowledged message of a killed worker is delivered again, marked as redelivered."""
    with Client(broker.url, broker.results, default_queue=queue) as client:
        with program(broker.url, broker.results, queue, 1) as first:
            handle = client.send("wait", [60])
            until(lambda: handle.state() == "STARTED")
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        with program(broker.url, broker.results, queue, 1):
            assert handle.get(30) is True
