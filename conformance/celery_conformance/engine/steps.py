"""The steps of a case, each a row of a table: verb → what it does."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from celery_conformance.engine import replay
from celery_conformance.engine.chords import chord
from celery_conformance.engine.context import Context, StepFailed, Unsupported
from celery_conformance.engine.door2 import Reply
from celery_conformance.engine.expect import describe, find, view
from celery_conformance.engine.outgoing import CONTROL_EXCHANGE, build, command
from celery_conformance.engine.workers import Place, WorkerGone
from celery_conformance.facts import Fact

_READ_SECONDS = 8.0


async def send(context: Context, arguments: Mapping[str, Any]) -> None:
    """The client sends a task; bound are its id, its queue and the facts of its publication."""
    client = context.need_client()
    options = {"queue": context.queue, **context.fill(arguments.get("options", {}))}
    if "queue" not in client.part.options:
        del options["queue"]
    request = {
        "task": context.fill(arguments["task"]),
        "args": context.fill(arguments.get("args", [])),
        "kwargs": context.fill(arguments.get("kwargs", {})),
        "options": options,
    }
    reply = await client.ask("send", request)
    if reply.unsupported is not None:
        raise Unsupported(f"the client does not support {reply.unsupported!r} in send")
    if reply.ok is None or not isinstance(reply.ok.get("task_id"), str):
        context.bind(arguments, {"reply": reply.document(), "task_id": None})
        if "reply" in str(context.instance.case.expect):
            return
        raise StepFailed(f"expected the client to send a task, it answered {reply.document()}")
    context.bind(arguments, {"task_id": reply.ok["task_id"], "reply": reply.document(), "at": time.time()})


async def publish(context: Context, arguments: Mapping[str, Any]) -> None:
    """The suite publishes a message to the queue of the case's worker."""
    given = {name: value for name, value in arguments.items() if name not in ("as", "times", "queue", "through")}
    given = context.fill(given.pop("given", given))
    queue = context.fill(arguments.get("queue", context.queue))
    reply_to = await context.suite.reply_to(context.space)
    for _ in range(arguments.get("times", 1)):
        if "fixture" in given:
            message = replay.task_message(given["fixture"], context.fresh("task"), reply_to, context.fresh("tag"))
        else:
            message = build(given, given.get("id", context.fresh("task")), reply_to)
        tag = await context.suite.publish(context.space, queue, message, arguments.get("through", ""))
        bound = {"task_id": message.task_id, "delivery_tag": tag, "headers": message.headers, "at": time.time()}
        context.bind(arguments, bound)


async def answer(context: Context, arguments: Mapping[str, Any]) -> None:
    """The suite stores the result of a task the client sent."""
    sent = context.names[arguments["to"]]
    call = await _call(context, sent["task_id"])
    if "fixture" in arguments:
        document = replay.result_document(context.fill(arguments["fixture"]), sent["task_id"])
    elif "text" in arguments:
        document = str(context.fill(arguments["text"]))
    elif "result_text" in arguments:
        whole = json.dumps(_document(context, {"document": {"result": None}}, sent["task_id"]))
        document = whole.replace('"result": null', f'"result": {context.fill(arguments["result_text"])}', 1)
    else:
        document = json.dumps(_document(context, arguments, sent["task_id"]))
    await context.suite.store(context.space, document, sent["task_id"], call, arguments.get("announce", True))


def _document(context: Context, arguments: Mapping[str, Any], task_id: str) -> dict[str, Any]:
    whole = {
        "status": "SUCCESS",
        "result": None,
        "traceback": None,
        "children": [],
        "date_done": datetime.datetime.now(datetime.UTC).isoformat(),
        "task_id": task_id,
        **context.fill(arguments.get("document", {})),
    }
    return {name: value for name, value in whole.items() if name not in arguments.get("without", ())}


async def _call(context: Context, task_id: str) -> dict[str, Any]:
    """Where the client wants its result: the properties of the message it published."""
    if context.testbed.store_target.kind != "rpc":
        return {}

    def published(fact: Fact) -> bool:
        return fact.kind == "published" and fact.task_id == task_id

    fact = await context.wait(published)
    if fact is None:
        raise StepFailed("the client's message never came to the broker, so its reply_to is unknown")
    properties: dict[str, Any] = fact.data.get("properties") or {}
    return properties


async def read(context: Context, arguments: Mapping[str, Any]) -> None:
    """The client reads a result; with ``later`` the next steps go on meanwhile."""
    client = context.need_client()
    seconds = arguments.get("timeout", _READ_SECONDS)
    request = {"task_id": context.names[arguments["of"]]["task_id"], "timeout": seconds}

    async def ask() -> None:
        asked = time.monotonic()
        reply: Reply = await client.ask("result", request, seconds + 30)
        if reply.unsupported is not None:
            raise Unsupported(f"the client does not support {reply.unsupported!r}")
        took = time.monotonic() - asked
        context.names[arguments["as"]] = {**reply.document(), "at": time.time(), "took": took}

    if arguments.get("later"):
        context.reads.append(asyncio.create_task(ask()))
        await asyncio.sleep(0)
    else:
        await ask()


async def await_fact(context: Context, arguments: Mapping[str, Any]) -> None:
    """Wait for a fact before the next step."""
    fact = await find(context, arguments)
    if fact is None:
        raise StepFailed(f"expected {describe(arguments)}, it never came")
    context.bind(arguments, {**view(context, fact), "sent": fact.sent, "fact": fact.number})


async def observe(context: Context, arguments: Mapping[str, Any]) -> None:
    """Look at the stored result of a task through the store's own client."""
    task_id = context.names[arguments["of"]]["task_id"]
    raw, seconds = await context.suite.look(context.space, task_id)
    document = None if raw is None else json.loads(raw)
    context.bind(arguments, {"document": document, "expires": seconds, "found": raw is not None})


async def name(context: Context, arguments: Mapping[str, Any]) -> None:
    """Bind values: a literal, a fresh text, a time, a text made of names, an item of a list, a pick from a table."""
    for binding, given in arguments.items():
        if isinstance(given, Mapping) and "fresh" in given:
            context.names[binding] = context.fresh("nonce")
        elif isinstance(given, Mapping) and "time" in given:
            moment = time.time() + given["time"]["in"]
            form = context.fill(given["time"].get("form", "offset"))
            context.names[binding] = {"text": _TIME_FORMS[form](moment), "unix": moment}
        elif isinstance(given, Mapping) and "text" in given:
            context.names[binding] = str(context.fill(given["text"])).format_map(context.names)
        elif isinstance(given, Mapping) and set(given) == {"path"}:
            context.names[binding] = str(context.testbed.folder / context.fresh(given["path"]))
        elif isinstance(given, Mapping) and set(given) == {"merge", "over"}:
            context.names[binding] = {**context.fill(given["merge"]), **context.fill(given["over"])}
        elif isinstance(given, Mapping) and set(given) == {"item", "at"}:
            context.names[binding] = context.fill(given["item"])[given["at"]]
        elif isinstance(given, Mapping) and set(given) == {"pick", "from"}:
            context.names[binding] = context.fill(given["from"][context.fill(given["pick"])])
        else:
            context.names[binding] = context.fill(given)


def _utc(moment: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC)


_EAST = datetime.timezone(datetime.timedelta(hours=9))
_TIME_FORMS: dict[str, Callable[[float], str]] = {
    "offset": lambda moment: _utc(moment).isoformat(),
    "z": lambda moment: _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    "naive": lambda moment: _utc(moment).replace(tzinfo=None).isoformat(),
    "blank": lambda moment: _utc(moment).isoformat(sep=" "),
    "east": lambda moment: _utc(moment).astimezone(_EAST).isoformat(),
    "seconds": lambda moment: _utc(moment).isoformat(timespec="seconds"),
    "date": lambda moment: _utc(moment).date().isoformat(),
}


async def barrier(context: Context, _arguments: Mapping[str, Any]) -> None:
    await context.barrier()


async def cut(context: Context, arguments: Mapping[str, Any]) -> None:
    """Break the connections of the worker or of the client."""
    party = context.need_worker().party if arguments["party"] == "worker" else context.need_client().party
    if context.testbed.tap.cut(party) == 0:
        raise StepFailed(f"the {arguments['party']} had no connection to cut")


async def kill(context: Context, _arguments: Mapping[str, Any]) -> None:
    """End the worker of the case as a crash would."""
    assert context.keeper is not None
    await context.keeper.end(context.need_worker())


async def stop(context: Context, _arguments: Mapping[str, Any]) -> None:
    """Ask the worker to stop and wait for its end."""
    assert context.keeper is not None
    await context.keeper.end(context.need_worker(), grace=context.seconds)


async def start(context: Context, _arguments: Mapping[str, Any]) -> None:
    """Start another worker on the queue of the first."""
    assert context.keeper is not None
    before = context.worker or Place(context.space, context.queue)
    try:
        context.worker = await context.keeper.start(context.instance.case.worker, beside=before)
    except WorkerGone as error:
        raise StepFailed(f"another worker on the queue did not come up: {error}") from error
    context.own_workers.append(context.worker)


async def abandon(context: Context, arguments: Mapping[str, Any]) -> None:
    """Leave an unacknowledged copy behind, as a worker that is gone would."""
    moment, tag = time.time() - arguments["age"], context.fresh("tag")
    message = build(context.fill(arguments), context.fresh("task"), await context.suite.reply_to(context.space))
    envelope = json.loads(message.list_item(context.queue, tag))
    copy = arguments.get("text", json.dumps([envelope, "", context.queue]))
    await context.suite.abandon(context.space, tag, copy, moment)
    context.bind(arguments, {"task_id": message.task_id, "delivery_tag": tag, "at": moment})


async def inspect(context: Context, arguments: Mapping[str, Any]) -> None:
    """Look whether the copy of a message and its entry in the index are still there."""
    copy, indexed = await context.suite.inspect(context.space, context.names[arguments["of"]]["delivery_tag"])
    context.bind(arguments, {"copy": copy, "indexed": indexed})


async def plant(context: Context, arguments: Mapping[str, Any]) -> None:
    """Store what a chord needs, as its producer or other workers would (Redis)."""
    await context.suite.plant(context.space, chord(context.fill(arguments)))


async def control(context: Context, arguments: Mapping[str, Any]) -> None:
    """Send a remote-control command to the worker, which has to listen for it by then."""
    parties = context.parties("worker")

    def listens(fact: Fact) -> bool:
        return fact.kind == "consuming" and fact.party in parties and CONTROL_EXCHANGE in str(fact.data["queue"])

    if await context.wait(listens, 0) is None:
        raise StepFailed("expected the worker to listen for commands, it never did")
    message = command(arguments["method"], context.fill(arguments.get("arguments", {})))
    await context.suite.command(context.space, message)


async def look(context: Context, arguments: Mapping[str, Any]) -> None:
    """Look whether a file exists."""
    context.bind(arguments, {"exists": os.path.exists(str(context.fill(arguments["at"])))})  # noqa: ASYNC240  one stat


async def age(context: Context, arguments: Mapping[str, Any]) -> None:
    """Wait until the unacknowledged copy of a message is older than some seconds: the passing of time is the fact."""
    sent = context.names[arguments["of"]]
    remaining = sent["at"] + arguments["seconds"] - time.time()
    await asyncio.sleep(max(0.0, remaining))


STEPS: dict[str, Callable[[Context, Mapping[str, Any]], Awaitable[None]]] = {
    "send": send,
    "publish": publish,
    "answer": answer,
    "read": read,
    "await": await_fact,
    "observe": observe,
    "name": name,
    "barrier": barrier,
    "cut": cut,
    "kill": kill,
    "stop": stop,
    "start": start,
    "age": age,
    "abandon": abandon,
    "inspect": inspect,
    "look": look,
    "plant": plant,
    "control": control,
}
