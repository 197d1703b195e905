"""The application of the worker that test_upstream.py watches: a few tasks, results on Redis, a zone east of UTC."""

from __future__ import annotations

import os
import time

from celery import Celery

app = Celery("upstream", broker=os.environ["UPSTREAM_REDIS"], backend=os.environ["UPSTREAM_REDIS"])
app.conf.update(timezone="Asia/Tokyo", task_default_queue="upstream", result_extended=True)


@app.task(name="upstream.echo")
def echo(value):
    return value


@app.task(name="upstream.add")
def add(x, y):
    return x + y


@app.task(name="upstream.fail")
def fail(seconds, words):
    time.sleep(seconds)
    raise ValueError(words)


@app.task(name="upstream.quiet", ignore_result=True)
def quiet(value):
    return value


@app.task(name="upstream.retry", bind=True)
def retry(self):
    if not self.request.retries:
        raise self.retry(countdown=0)
    return self.request.parent_id
