"""A Celery worker with the conf.* tasks, driven through the broker alone (door 1)."""

import json
import os
import time

from celery import Celery
from celery.app.defaults import DEFAULTS
from celery.exceptions import Ignore, Reject

env = os.environ
app = Celery("conf", broker=env["CELERY_WIRE_BROKER_URL"], backend=env.get("CELERY_WIRE_RESULT_URL"))
app.conf.update(accept_content=env["CELERY_WIRE_ACCEPT"].split(","), task_default_queue="conf-unused")
NAMES = {  # neutral options that are not called as Celery's settings are without their first word
    "cancel_on_connection_loss": "cancel_long_running_tasks_on_connection_loss",
    "deduplicate": "deduplicate_successful_tasks",
    "prefetch": "prefetch_multiplier",
    "rate_limit": "default_rate_limit",
    "remote_control": "enable_remote_control",
}
for option, value in json.loads(env["CELERY_WIRE_OPTIONS"]).items():
    name = NAMES.get(option, option)
    settings = [setting for setting in (f"task_{name}", f"worker_{name}", name) if setting in DEFAULTS]
    app.conf.update({settings[0]: value} if settings else {"broker_transport_options": {option: value}})


def mark(nonce, what="start", then=None):
    with open(env["CELERY_WIRE_TRACE"], "a") as trace:
        return trace.write(f"{nonce} {what} {time.time()} {os.getpid()}\n") and then


def end(error):
    raise error


def retry(self, nonce, times, countdown=0, limit=None):
    mark(nonce)
    if self.request.retries < times:
        raise self.retry(countdown=countdown, max_retries=times if limit is None else limit)
    return self.request.retries


def replace(self, signature):
    signature["options"].setdefault("queue", own(self))
    return self.replace(app.signature(signature))


again = lambda self: self.request.delivery_info.get("redelivered")  # noqa: E731
KNOWN = "id task retries root_id parent_id group correlation_id reply_to eta expires headers".split()
known = lambda self: {name: getattr(self.request, name) for name in KNOWN}  # noqa: E731
own = lambda self: self.request.delivery_info["routing_key"]  # noqa: E731
TASKS = {
    "ping": lambda self: "pong",
    "echo": lambda self, value: value,
    "add": lambda self, x, y: x + y,
    "arguments": lambda self, *args, **kwargs: [args, kwargs],
    "fail": lambda self, message: end(ValueError(message)),
    "sleep": lambda self, seconds: time.sleep(seconds) or seconds,
    "mark": lambda self, nonce, seconds=0: mark(nonce) or time.sleep(seconds) or mark(nonce, "end", nonce),
    "retry": retry,
    "reject": lambda self, nonce, requeue: mark(nonce) or again(self) or end(Reject("asked to", requeue=requeue)),
    "ignore": lambda self, nonce: mark(nonce) or end(Ignore()),
    "request": lambda self: known(self) | {"redelivered": again(self)},
    "progress": lambda self, state, meta: self.update_state(state=state, meta=meta) or meta,
    "spawn": lambda self, task, args, queue=None: app.send_task(task, args, queue=queue or own(self)).id,
    "replace": replace,
    "exit": lambda self, nonce, code: mark(nonce) or os._exit(code),
}
for name, function in TASKS.items():
    function.__name__ = name  # Celery makes code of it
    app.task(name=f"conf.{name}", bind=True)(function)
if __name__ == "__main__":  # what the command line starts, without the time its own imports take
    slots, apart = int(env["CELERY_WIRE_CONCURRENCY"]), {"without_mingle": True, "without_gossip": True}
    app.Worker(queues=env["CELERY_WIRE_QUEUES"], concurrency=slots, hostname=f"conf{os.getpid()}@%h", **apart).start()
