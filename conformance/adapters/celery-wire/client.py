"""Door 2 for celery-wire's own client: JSON lines on stdin and stdout."""

import base64
import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import datetime
from typing import Any

from celery_wire import (
    CallOptions,
    Client,
    ResultTimeoutError,
    TaskFailedError,
    __version__,
    chain,
    chord,
    group,
    signature,
)

OPTIONS = sorted({field.name for field in fields(CallOptions)} | {"group", "body"})
QUEUE = (os.environ.get("CELERY_WIRE_QUEUES") or "celery").split(",")[0]
RESULTS = os.environ.get("CELERY_WIRE_RESULT_URL") or None
client = Client(os.environ["CELERY_WIRE_BROKER_URL"], RESULTS, default_queue=QUEUE)
pool, output = ThreadPoolExecutor(64), threading.Lock()
READ: dict[str, Any] = {"$bytes": base64.b64decode, "$datetime": datetime.fromisoformat, "$integer": int}


def untagged(value: dict[str, Any]) -> Any:
    [(tag, text)] = value.items() if len(value) == 1 else [("", None)]
    return READ[tag](text) if tag in READ else value


def tagged(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    return {"$datetime": value.isoformat()} if isinstance(value, datetime) else {"$text": str(value)}


def integer(text: str) -> Any:
    return {"$integer": text} if abs(int(text)) > 2**53 else int(text)


def made(call: dict[str, Any]) -> Any:
    return signature(call["task"], call.get("args") or [], call.get("kwargs"), **call.get("options", {}))


def send(request: dict[str, Any]) -> dict[str, Any]:
    options = dict(request.get("options", {}))
    steps, members, body = (options.pop(name, None) for name in ("chain", "group", "body"))
    if steps is None and members is None:
        return {"task_id": client.send(request["task"], request.get("args"), request.get("kwargs"), **options).task_id}
    canvas = made({**request, "options": {}})
    canvas = chain(canvas, *map(made, steps)) if steps else canvas
    canvas = group(canvas, *map(made, members)) if members is not None else canvas
    sent: Any = client.apply(chord(canvas, made(body)) if body else canvas, **options)
    return {"task_id": getattr(sent, "task_id", None) or sent.group_id}


def result(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"state": "SUCCESS", "value": client.handle(request["task_id"]).get(request["timeout"])}
    except ResultTimeoutError as waited:
        return {"state": waited.state}
    except TaskFailedError as failed:
        error = {"type": failed.type, "message": failed.message, "module": failed.module}
        return {"state": failed.state, "error": error, "traceback": failed.traceback}


VERBS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "hello": lambda _: {"name": "celery-wire", "version": __version__, "verbs": sorted(VERBS), "options": OPTIONS},
    "send": send,
    "result": result,
    "stop": lambda _: {},
}


def answer(request: dict[str, Any]) -> None:
    unknown = [] if request["verb"] in VERBS else [request["verb"]]
    unknown += [name for name in request.get("options", {}) if name not in OPTIONS]
    try:
        reply = {"unsupported": unknown[0]} if unknown else {"ok": VERBS[request["verb"]](request)}
        reply = json.loads(json.dumps(reply, default=tagged), parse_int=integer)
    except Exception as error:  # whatever it is, the other side is told
        reply = {"error": {"type": type(error).__name__, "message": str(error)}}
    with output:
        print(json.dumps({"id": request["id"], **reply}), flush=True)


for line in sys.stdin:
    asked = json.loads(line, object_hook=untagged)
    pool.submit(answer, asked) if asked["verb"] == "result" else answer(asked)
    if asked["verb"] == "stop":
        os._exit(0)
