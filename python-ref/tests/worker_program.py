"""A worker as a program of its own: `python worker_program.py <broker> <results> <queue> <visibility timeout>`."""

import sys
import time

from celery_wire import Policy, TaskContext, Worker

broker, results, queue, visibility = sys.argv[1:]
worker = Worker(
    broker,
    None if results == "-" else results,
    queues=[queue],
    concurrency=1,
    visibility_timeout=float(visibility),
    policy=Policy(acks_late=True, track_started=True),
)


@worker.task("wait", bound=True)
def wait(context: TaskContext, seconds: float) -> bool:
    """Wait, unless the message was delivered before; tell whether it was."""
    if not context.request.delivery.redelivered:
        time.sleep(seconds)
    return context.request.delivery.redelivered


worker.run()
