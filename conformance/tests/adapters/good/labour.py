"""An honest worker behind door 1; a misbehaving one replaces one of its functions."""

import base64
import json
import os

import redis

broker = redis.Redis.from_url(os.environ["CELERY_WIRE_BROKER_URL"])
store = redis.Redis.from_url(os.environ["CELERY_WIRE_RESULT_URL"])
tasks = {"conf.ping": lambda: "pong", "conf.add": lambda x, y: x + y}


def run(headers, body):
    args, kwargs, _ = body
    try:
        status, value = "SUCCESS", tasks[headers["task"]](*args, **kwargs)
    except Exception as error:
        status, value = (
            "FAILURE",
            {"exc_type": type(error).__name__, "exc_message": list(error.args), "exc_module": "builtins"},
        )
    key = "celery-task-meta-" + headers["id"]
    document = json.dumps(
        {"status": status, "result": value, "task_id": headers["id"], "traceback": None, "children": []}
    )
    with store.pipeline(transaction=True) as steps:
        steps.set(key, document, ex=86400)
        steps.publish(key, document)
        steps.execute()


def serve():
    while True:
        taken = broker.brpop([os.environ["CELERY_WIRE_QUEUES"]], timeout=1)
        if taken:
            envelope = json.loads(taken[1])
            tag = envelope["properties"]["delivery_tag"]
            broker.hset("unacked", tag, json.dumps([envelope, "", os.environ["CELERY_WIRE_QUEUES"]]))
            broker.hdel("unacked", tag)
            run(envelope["headers"], json.loads(base64.b64decode(envelope["body"])))
