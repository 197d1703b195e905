"""Free ports on the loopback interface, and waiting until something answers on one."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on. All are held until the last is known, so they differ."""
    held = []
    try:
        for _ in range(count):
            listener = socket.socket()
            listener.bind((HOST, 0))
            held.append(listener)
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


def answers(port: int, host: str = HOST) -> bool:
    """Tell whether a TCP connection to the port is taken."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], alive: Callable[[], bool], seconds: float) -> bool:
    """Ask until ready; give up when the deadline passes or nothing is alive any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        if not alive():
            return False
        time.sleep(0.02)
    return False
