"""An honest client behind door 2; a misbehaving one replaces one of its functions."""

import base64
import json
import os
import sys
import threading
import time
import uuid

import redis

broker = redis.Redis.from_url(os.environ["CELERY_WIRE_BROKER_URL"])
store = redis.Redis.from_url(os.environ["CELERY_WIRE_RESULT_URL"])


def write(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def answer(number, **reply):
    write(json.dumps({"id": number, **reply}))


def hello(number, request):
    answer(number, ok={"name": "good", "version": "1.0", "verbs": ["send", "result"], "options": ["task_id"]})


def send(number, request):
    unknown = sorted(set(request["options"]) - {"task_id"})
    if unknown:
        answer(number, unsupported=unknown[0])
        return
    task_id = request["options"].get("task_id") or str(uuid.uuid4())
    body = json.dumps([request["args"], request["kwargs"], None]).encode()
    properties = {
        "correlation_id": task_id,
        "delivery_mode": 2,
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
        "delivery_info": {"exchange": "", "routing_key": os.environ["CELERY_WIRE_QUEUES"]},
    }
    broker.lpush(
        os.environ["CELERY_WIRE_QUEUES"],
        json.dumps(
            {
                "body": base64.b64encode(body).decode(),
                "content-type": "application/json",
                "content-encoding": "utf-8",
                "headers": {"task": request["task"], "id": task_id},
                "properties": properties,
            }
        ),
    )
    answer(number, ok={"task_id": task_id})


def result(number, request):
    def wait():
        end, found = time.monotonic() + request["timeout"], None
        while found is None and time.monotonic() < end:
            found = store.get("celery-task-meta-" + request["task_id"])
            time.sleep(0.01)
        document = json.loads(found or '{"status": "PENDING"}')
        answer(number, ok={"state": document["status"], "value": document.get("result")})

    threading.Thread(target=wait, daemon=True).start()


def stop(number, request):
    answer(number, ok={})
    os._exit(0)


verbs = {"hello": hello, "send": send, "result": result, "stop": stop}


def unknown(number, request):
    answer(number, unsupported=request["verb"])


def serve(lines=sys.stdin):
    for line in lines:
        request = json.loads(line)
        verbs.get(request["verb"], unknown)(request["id"], request)
