"""A check-up of an adapter: each step of both doors tried once, told in words.

It asks less than a run and says more: not whether the implementation keeps the protocol, but whether the suite can
judge it at all.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance.adapter import Adapter, Part
from celery_conformance.engine.catalogue import ANY, CATALOGUE, DEADLY, CatalogueTask
from celery_conformance.engine.clients import ClientKeeper
from celery_conformance.engine.outgoing import build
from celery_conformance.engine.suite import Suite
from celery_conformance.engine.testbed import Testbed
from celery_conformance.engine.workers import Worker, WorkerGone, WorkerKeeper
from celery_conformance.errors import AdapterError
from celery_conformance.facts import Fact

_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check-up. ``fine`` is None for what is only told."""

    fine: bool | None
    says: str
    hint: str = ""


async def client_findings(adapter: Adapter, part: Part, testbed: Testbed, suite: Suite) -> AsyncIterator[Finding]:
    """Try door 2: hello, an unknown verb, send, result, stop."""
    space = await testbed.space()
    keeper = ClientKeeper(adapter, part, testbed, space, f"doctor-{uuid.uuid4().hex[:6]}", 1)
    try:
        client = await keeper.start()
        yield Finding(True, "the client greets, agrees with adapter.toml, and refuses a verb that does not exist")
        reply = await client.ask("send", {"task": "conf.ping", "args": [], "kwargs": {}, "options": {}}, _SECONDS)
        if reply.ok is None or not isinstance(reply.ok.get("task_id"), str):
            yield Finding(False, f"expected {{'task_id': …}} from send, came {reply.document()}", "see door 2, send")
            return
        task_id = reply.ok["task_id"]
        fact = await testbed.timeline.wait(lambda one: _published(one, client.party), _SECONDS)
        if fact is None:
            hint = "the client must use CELERY_WIRE_BROKER_URL, and answer once the message is with the broker"
            yield Finding(False, "send was answered, but no message of the client came through the tap", hint)
            return
        yield Finding(True, f"send puts a message on the queue {fact.data.get('queue')!r}")
        if "reader" in adapter.roles:
            yield await _read(client, suite, space, task_id, fact)
    except AdapterError as error:
        yield Finding(False, error.cause, error.hint)
    finally:
        await keeper.end_all()


def _published(fact: Fact, party: str) -> bool:
    return fact.kind == "published" and fact.party == party


async def _read(client: Any, suite: Suite, space: Any, task_id: str, fact: Fact) -> Finding:
    document = f'{{"status": "SUCCESS", "result": 5, "traceback": null, "children": [], "task_id": "{task_id}"}}'
    await suite.store(space, document, task_id, fact.data.get("properties") or {}, True)
    reply = await client.ask("result", {"task_id": task_id, "timeout": _SECONDS}, _SECONDS + 5)
    if reply.ok is not None and reply.ok.get("state") == "SUCCESS" and reply.ok.get("value") == 5:
        return Finding(True, "result reads a stored result")
    came = reply.document()
    return Finding(False, f"expected state SUCCESS and value 5 from result, came {came}", "see door 2, result")


async def worker_findings(adapter: Adapter, part: Part, testbed: Testbed, suite: Suite) -> AsyncIterator[Finding]:
    """Try door 1: start, first ping, every task of the catalogue, the trace file."""
    keeper = WorkerKeeper(adapter, part, testbed, suite, uuid.uuid4().hex[:6])
    try:
        worker = await keeper.start({})
        yield Finding(True, "the worker starts, consumes its queue and runs conf.ping")
        for topic in part.without:
            yield Finding(None, f"the worker is declared without {topic}; the cases of that topic are unsupported")
        for task in CATALOGUE:
            if part.tasks is not None and task.name not in part.tasks:
                yield Finding(None, f"{task.name} is declared as missing; the cases that need it are unsupported")
            elif task.name not in DEADLY:
                yield await _try_task(task, worker, testbed, suite, stores=_stores(adapter, testbed))
    except (AdapterError, WorkerGone) as error:
        cause = error.cause if isinstance(error, AdapterError) else str(error)
        yield Finding(False, cause, "the end of its log, if it wrote any, is shown below")
    finally:
        await keeper.end_all()


def _stores(adapter: Adapter, testbed: Testbed) -> bool:
    return testbed.store_target.kind in adapter.stores


async def _try_task(task: CatalogueTask, worker: Worker, testbed: Testbed, suite: Suite, *, stores: bool) -> Finding:
    nonce = f"doctor-{uuid.uuid4().hex[:8]}"
    start, task_id = len(testbed.timeline.facts), f"{task.name}-{nonce}"
    args = [nonce if word == "$nonce" else word for word in task.call]
    message = build({"task": task.name, "args": args}, task_id, await suite.reply_to(worker.space))
    await suite.publish(worker.space, worker.queue, message)
    wanted: tuple[str, ...] = ("acknowledged", "rejected", "result-stored")
    if task.name == "conf.mark":
        wanted = ("task-ended",)
    elif stores and task.returns is not ANY:
        wanted = ("result-stored",)

    def fits(fact: Fact) -> bool:
        return fact.kind in wanted and (fact.task_id == task_id or fact.data.get("nonce") == nonce)

    fact = await testbed.timeline.wait(fits, _SECONDS, start)
    if fact is None:
        return Finding(False, f"{task.name}({task.arguments}): expected {' or '.join(wanted)}, nothing came", task.does)
    document = fact.data.get("document")
    if task.returns is not ANY and isinstance(document, dict) and document.get("result") != task.returns:
        return Finding(False, f"{task.name}: expected the result {task.returns!r}, came {document}", task.does)
    return Finding(True, f"{task.name} works")


async def check_up(adapter: Adapter, testbed: Testbed) -> AsyncIterator[Finding]:
    """All findings on one broker; the testbed is started here and stopped here."""
    try:
        await testbed.start()
        suite = Suite(testbed)
        yield Finding(None, f"on {testbed.broker.version}, store {testbed.store_target.kind}:")
        if adapter.client is not None:
            async for finding in client_findings(adapter, adapter.client, testbed, suite):
                yield finding
        if adapter.worker is not None:
            async for finding in worker_findings(adapter, adapter.worker, testbed, suite):
                yield finding
        await suite.close()
    finally:
        await testbed.stop()


def run_check_up(adapter: Adapter, testbed: Testbed, tell: Callable[[Finding], None]) -> bool:
    """Do a check-up and tell each finding as it comes; True when all is well."""

    async def all_of_it() -> bool:
        fine = True
        async for finding in check_up(adapter, testbed):
            tell(finding)
            fine = fine and finding.fine is not False
        return fine

    return asyncio.run(all_of_it())


def log_tail(folder: Path) -> str:
    """The last words of every process of a check-up."""
    ends = {log.name: log.read_text(errors="replace")[-400:].strip() for log in sorted(folder.glob("*.log"))}
    return "\n".join(f"{name}: {end}" for name, end in ends.items() if end)
