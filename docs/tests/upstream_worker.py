"""A real worker of Celery on a Redis of its own, with all its events taken down."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Consumer, Queue

HERE = Path(__file__).parent
SECONDS = 40.0


@dataclass
class Watched:
    """The worker's application, and each event message: routing key and decoded body."""

    app: Celery
    url: str
    messages: list[tuple[str, Any]] = field(default_factory=list)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Every event of a type so far."""
        bodies = [body if isinstance(body, list) else [body] for _, body in self.messages]
        return [event for body in bodies for event in body if event["type"] == kind]

    def event(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first event of a type that fits, once it has come."""
        found: dict[str, Any] = until(lambda: next((one for one in self.events(kind) if where(one)), None), kind)
        return found


def until(look: Callable[[], Any], wanted: str) -> Any:
    """What a look finds, as soon as it finds something."""
    deadline = time.monotonic() + SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"expected {wanted} within {SECONDS:g} s"
        time.sleep(0.02)
    return found


def application(url: str) -> Celery:
    """The worker's application, in this process too."""
    os.environ["UPSTREAM_REDIS"] = url
    spec = importlib.util.spec_from_file_location("upstream_app", HERE / "upstream_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: Celery = module.app
    return app


@contextmanager
def watched(url: str, log: Path) -> Iterator[Watched]:
    """Start a worker with two processes and events, and take its events down until the end."""
    made = Watched(application(url), url)
    over = threading.Event()
    listener = threading.Thread(target=_listen, args=(made, over), daemon=True)
    listener.start()
    command = [sys.executable, "-m", "celery", "-A", "upstream_app", "worker", "-E", "-c", "2", "--without-mingle"]
    with log.open("wb") as output:
        worker = subprocess.Popen(
            command, cwd=HERE, env={**os.environ, "TZ": "Asia/Tokyo"}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        made.event("worker-online")
        yield made
    finally:
        worker.terminate()
        worker.wait(SECONDS)
        over.set()
        listener.join(SECONDS)


def _listen(made: Watched, over: threading.Event) -> None:
    exchange = made.app.events.Receiver(made.app.connection_for_read()).exchange
    with made.app.connection_for_read() as connection:
        queue = Queue("upstream.events", exchange, routing_key="#", auto_delete=True, durable=False)

        def note(body: Any, message: Any) -> None:
            made.messages.append((message.delivery_info["routing_key"], body))

        with Consumer(connection, [queue], callbacks=[note], no_ack=True, accept=["json"]):
            while not over.is_set():
                try:
                    connection.drain_events(timeout=0.2)
                except TimeoutError:
                    continue
