"""Remote control, events of a worker, mingle and gossip: two workers as they are by default, and a client.

An entry of a command holds the command as the client wrote it, the reply as the worker wrote it, and what the client
made of that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from celery_conformance.versions.bed import Bed, Client, Worker

NAME = "control"

_DEFAULT = ("-E",)
_HEARTBEAT_SECONDS = 2.6

#: Commands that are kept as the client wrote them; the others differ from these in the method and the arguments alone.
_SHOWN = ("ping", "revoke", "rate_limit")

#: Commands while the worker is busy with one task, holds another for later and has a third in hand.
_BUSY: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("active", "active", {}),
    ("active-safe", "active", {"safe": True}),
    ("reserved", "reserved", {}),
    ("scheduled", "scheduled", {}),
    ("query-task", "query_task", {"ids": ["long", "held", "plain", "nobody"]}),
    ("revoke", "revoke", {"task_id": "plain"}),
    ("revoke-unknown", "revoke", {"task_id": "nobody"}),
    ("revoke-list", "revoke", {"task_id": ["nobody-1", "nobody-2"]}),
    ("revoke-by-stamps", "revoke_by_stamped_headers", {"headers": {"tenant": "b"}}),
    ("revoked", "revoked", {}),
    ("revoke-terminate", "revoke", {"task_id": "long", "terminate": True, "signal": "SIGKILL"}),
)

_IDLE: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("ping", "ping", {}),
    ("clock", "clock", {}),
    ("registered", "registered", {}),
    ("registered-items", "registered", {"taskinfoitems": ["rate_limit"]}),
    ("stats", "stats", {}),
    ("active-queues", "active_queues", {}),
    ("conf", "conf", {}),
    ("hello", "hello", {"from_node": "stranger@host", "revoked": {}}),
    ("hello-list", "hello", {"from_node": "stranger@host", "revoked": ["nobody-9"]}),
    ("rate-limit", "rate_limit", {"task_name": "conf.add", "rate_limit": "100/s"}),
    ("rate-limit-bad", "rate_limit", {"task_name": "conf.add", "rate_limit": "often"}),
    ("rate-limit-unknown", "rate_limit", {"task_name": "conf.unknown", "rate_limit": "1/s"}),
    ("time-limit", "time_limit", {"task_name": "conf.add", "soft": 10, "hard": 20}),
    ("time-limit-unknown", "time_limit", {"task_name": "conf.unknown", "soft": 10}),
    ("add-consumer", "add_consumer", {"queue": "more-q"}),
    ("add-consumer-again", "add_consumer", {"queue": "more-q"}),
    ("cancel-consumer", "cancel_consumer", {"queue": "more-q"}),
    ("disable-events", "disable_events", {}),
    ("enable-events", "enable_events", {}),
    ("pool-grow", "pool_grow", {"n": 1}),
    ("pool-shrink", "pool_shrink", {"n": 1}),
    ("pool-restart", "pool_restart", {}),
    ("autoscale", "autoscale", {"max": 2, "min": 1}),
    ("unknown-method", "no_such_command", {}),
    ("wrong-arguments", "time_limit", {"colour": "blue"}),
    ("old-name-dump-active", "dump_active", {}),
)


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Start one worker, then a second that says hello to it, then command the first."""
    first = bed.worker(None, *_DEFAULT, node="first")
    client = bed.client()
    try:
        yield "worker-start", {"done": "started", **first.party.since((0, 0))}
        yield from _meet(bed, first)
        for name, method, arguments in _IDLE:
            yield name, _command(client, first, method, arguments, {})
        yield from _options(client, first)
        yield from _busy(client, first)
        yield "heartbeat", _command(client, first, "heartbeat", {}, {})
        yield "shutdown", _command(client, first, "shutdown", {}, {"timeout": 0.5})
        yield "shutdown-ended", {"worker": "ended" if first.wait(lambda: False, 6.0) or not first.alive else "goes on"}
    finally:
        client.close()
        first.kill()
        bed.clear()
    yield "election", _election(bed)


def _meet(bed: Bed, first: Worker) -> Iterator[tuple[str, dict[str, Any]]]:
    marks = first.party.marks()
    second = bed.worker(None, *_DEFAULT, node="second")
    try:
        time.sleep(_HEARTBEAT_SECONDS)
        second_wrote = second.party.since((0, 0))
        own: dict[str, Any] = {name: second_wrote[name] for name in ("controls", "events") if name in second_wrote}
        yield "mingle", {"done": "met", **own, "replies": first.party.since(marks).get("replies", [])}
    finally:
        marks = second.party.marks()
        second.process.terminate()
        second.process.wait(10)
        yield "worker-stop", {"done": "ended", **second.party.since(marks)}
        second.kill()


def _command(
    client: Client, worker: Worker, method: str, arguments: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    marks, own = worker.party.marks(), client.party.marks()
    wanted = {"reply": True, "limit": 1, "timeout": 12.0, **options}
    answer = client.ask("control", method=method, arguments=dict(arguments), options=wanted)
    sent = client.party.since(own)
    wrote = worker.party.since(marks)
    kept = {"controls": sent.get("controls", [])} if options or method in _SHOWN else {}
    for part in ("replies", "stored"):
        kept[part] = wrote.get(part, [])
    if method in ("heartbeat", "election", "enable_events"):
        kept["events"] = wrote.get("events", [])
    replied = answer.pop("done", None)
    return {**({} if kept["replies"] else {"replied": replied}), **answer, **kept}


def _options(client: Client, worker: Worker) -> Iterator[tuple[str, dict[str, Any]]]:
    cases: Mapping[str, Mapping[str, Any]] = {
        "to-node": {"destination": ["first@host"]},
        "to-other-node": {"destination": ["other@host"], "timeout": 0.4},
        "to-text": {"destination": "first@host"},
        "to-pattern": {"pattern": "fir*", "matcher": "glob"},
        "to-other-pattern": {"pattern": "oth*", "matcher": "glob", "timeout": 0.4},
        "no-reply": {"reply": False},
    }
    for name, options in cases.items():
        yield name, _command(client, worker, "ping", {}, options)


def _busy(client: Client, worker: Worker) -> Iterator[tuple[str, dict[str, Any]]]:
    noted = len(worker.events())
    for recipe in ("long", "held", "plain"):
        client.ask("send", recipe=recipe)
    worker.wait(lambda: any(event["event"] == "ran" for event in worker.events()[noted:]), 4.0)
    worker.quiet(0.2, 0.5)
    for name, method, arguments in _BUSY:
        marks = worker.party.marks()
        entry = _command(client, worker, method, arguments, {})
        if name in ("revoke", "revoke-unknown", "revoke-terminate"):
            worker.quiet(0.5, 2.5)
            wrote = worker.party.since(marks)
            entry |= {part: wrote.get(part, []) for part in ("stored", "events")}
        yield name, entry


def _election(bed: Bed) -> dict[str, Any]:
    worker, client = bed.worker(None, *_DEFAULT, node="alone"), bed.client()
    try:
        arguments = {"id": "e-1", "topic": "task", "action": None}
        entry = _command(client, worker, "election", arguments, {"timeout": 0.6, "reply": False})
        ended = worker.wait(lambda: False, 4.0) or not worker.alive
        return {**entry, "worker": "ended" if ended else "goes on"}
    finally:
        client.close()
        worker.kill()
        bed.clear()
