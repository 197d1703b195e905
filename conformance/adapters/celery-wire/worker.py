"""Door 1 for celery-wire's own worker: the catalogue of tasks, set up from the CELERY_WIRE_… variables."""

import json
import os
import time
from typing import Any, NoReturn

from celery_wire import Ignore, Policy, Reject, TaskContext, Worker

OPTIONS: dict[str, Any] = json.loads(os.environ.get("CELERY_WIRE_OPTIONS") or "{}")
SHELL = {
    "prefetch": "prefetch_multiplier",
    "visibility_timeout": "visibility_timeout",
    "result_expires": "result_expires",
}
ACCEPTED = {"json": "application/json", "yaml": "application/x-yaml", "msgpack": "application/x-msgpack"}
ACCEPT = frozenset(ACCEPTED[name] for name in (os.environ.get("CELERY_WIRE_ACCEPT") or "json").split(","))
worker = Worker(
    os.environ["CELERY_WIRE_BROKER_URL"],
    os.environ.get("CELERY_WIRE_RESULT_URL") or None,
    queues=(os.environ.get("CELERY_WIRE_QUEUES") or "celery").split(","),
    concurrency=int(os.environ.get("CELERY_WIRE_CONCURRENCY") or 2),
    **{own: OPTIONS.pop(name) for name, own in SHELL.items() if name in OPTIONS},
    policy=Policy(**OPTIONS, accept=ACCEPT),
)


def sleep(seconds: float, value: Any) -> Any:
    time.sleep(seconds)
    return value


def mark(nonce: str, what: str = "start", seconds: float = 0) -> str:
    with open(os.environ["CELERY_WIRE_TRACE"], "a", encoding="utf-8") as trace:
        trace.write(f"{nonce} {what} {time.time()} {os.getpid()}\n")
    return str(sleep(seconds, nonce))


def end(error: Exception, *_done: str) -> NoReturn:
    raise error


def request(context: TaskContext) -> dict[str, Any]:
    source, names = context.request.source, ("id", "task", "retries", "root_id", "parent_id", "group", "eta", "expires")
    told = {name: context.request.header(name) for name in names} | {"headers": dict(source.custom_headers) or None}
    addresses = {"correlation_id": source.correlation_id, "reply_to": source.reply_to}
    return told | addresses | {"redelivered": source.delivery.redelivered}


def retry(context: TaskContext, nonce: str, times: int, countdown: float = 0, limit: int | None = None) -> int:
    if mark(nonce) and context.retries < times:
        end(context.retry(countdown=countdown, max_retries=times if limit is None else limit))
    return context.retries


def reject(context: TaskContext, nonce: str, requeue: bool) -> None:
    if mark(nonce) and not context.request.delivery.redelivered:
        end(Reject("rejected", requeue))


def replace(context: TaskContext, signature: dict[str, Any]) -> NoReturn:
    options = {"queue": context.request.delivery.routing_key, **signature["options"]}
    raise context.replace({**signature, "options": options})


worker.register("conf.ping", lambda: "pong")
worker.register("conf.echo", lambda value: value)
worker.register("conf.add", lambda x, y: x + y)
worker.register("conf.arguments", lambda *args, **kwargs: [args, kwargs])
worker.register("conf.fail", lambda message: end(ValueError(message)))
worker.register("conf.sleep", lambda seconds: sleep(seconds, seconds))
worker.register("conf.mark", lambda nonce, seconds=0: mark(mark(nonce, "start", seconds), "end"))
worker.register("conf.reject", reject, bound=True)
worker.register("conf.ignore", lambda nonce: end(Ignore(), mark(nonce)))
worker.register("conf.exit", lambda nonce, code: [mark(nonce), os._exit(code)])
worker.register("conf.request", request, bound=True)
worker.register("conf.spawn", lambda own, task, args, queue=None: own.send(task, args, queue=queue), bound=True)
worker.register("conf.replace", replace, bound=True)
worker.register("conf.progress", lambda own, state, meta: [own.update_state(state, meta), meta][1], bound=True)
worker.register("conf.retry", retry, bound=True, max_retries=None)
worker.run()
