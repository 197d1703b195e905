"""Celery as a client: JSON lines on stdin and stdout (door 2)."""

import base64
import json
import os
import queue
import sys
import threading
import time
from collections import defaultdict
from datetime import datetime
from functools import partial

import celery

OPTIONS = """body chain compression countdown eta expires group group_id group_index headers ignore_result link
link_error parent_id priority queue reply_to retries root_id shadow soft_time_limit stamps task_id time_limit""".split()
app = celery.Celery(broker=os.environ["CELERY_WIRE_BROKER_URL"], backend=os.environ.get("CELERY_WIRE_RESULT_URL"))
app.conf.update(task_default_queue=os.environ["CELERY_WIRE_QUEUES"], accept_content=["json"])
drainer = app.backend.result_consumer.drainer  # it waits in whole seconds, in which this thread would serve nobody
drainer.drain_events_until = partial(drainer.drain_events_until, interval=0.01)
READ = {"$bytes": base64.b64decode, "$datetime": datetime.fromisoformat, "$integer": int}
lines, waiting = queue.SimpleQueue(), []


def answer(number, **reply):
    plain = json.dumps(reply, default=lambda value: {"$text": str(value)})
    print(json.dumps({"id": number, **json.loads(plain, parse_int=integer)}), flush=True)


def untagged(pairs):
    return READ[pairs[0][0]](pairs[0][1]) if len(pairs) == 1 and pairs[0][0] in READ else dict(pairs)


def integer(text):
    return {"$integer": text} if abs(int(text)) > 2**53 else int(text)


def signature(call):
    return app.signature(call["task"], call.get("args"), call.get("kwargs"), call.get("options"))


def send(number, request):
    options = request.get("options", {})
    for name in set(options) - set(OPTIONS):
        return answer(number, unsupported=name)
    stamps, members, body = (options.pop(name, None) for name in ("stamps", "group", "body"))
    options |= {"stamped_headers": list(stamps), **stamps} if stamps else {}
    first, *steps = map(signature, [request, *options.pop("chain", [])])
    canvas = celery.chain(first, *steps) if steps else first
    canvas = celery.group([canvas, *map(signature, members)], app=app) if members is not None else canvas
    sent = (celery.chord(canvas, signature(body)) if body else canvas).apply_async(**options)
    return answer(number, ok={"task_id": sent.id})


def result(number, asked):
    waiting.append((number, app.AsyncResult(asked["task_id"]), time.monotonic() + asked["timeout"]))


def look(number, pending, deadline):
    try:
        return answer(number, ok={"value": pending.get(timeout=0.01), "state": str(pending.state)})
    except celery.exceptions.TimeoutError:
        return time.monotonic() < deadline or answer(number, ok={"state": str(pending.state)})
    except Exception as error:
        if pending.state not in ("FAILURE", "REVOKED"):
            raise
        shown = {"type": type(error).__qualname__, "message": error.args, "module": type(error).__module__}
        return answer(number, ok={"state": pending.state, "error": shown, "traceback": pending.traceback})


def attempt(function, number, *arguments):
    try:
        return function(number, *arguments)
    except Exception as error:
        return answer(number, error={"type": type(error).__name__, "message": str(error)})


# Everything of Celery happens in this thread: over rpc:// only the thread that sent a task can read its result.
threading.Thread(target=lambda: [lines.put(line) for line in sys.stdin] + [os._exit(0)], daemon=True).start()
hello = {"name": "celery", "version": celery.__version__, "verbs": ["send", "result"], "options": OPTIONS}
verbs = defaultdict(lambda: lambda number, asked: answer(number, unsupported=asked["verb"]), send=send, result=result)
verbs["hello"] = lambda number, _: answer(number, ok=hello)
verbs["stop"] = lambda number, _: answer(number, ok={}) or os._exit(0)
while True:
    while not waiting or not lines.empty():
        asked = json.loads(lines.get(), object_pairs_hook=untagged)
        attempt(verbs[asked["verb"]], asked["id"], asked)
    waiting = [entry for entry in waiting if attempt(look, *entry)]
