"""Threads that run tasks, and how the end of a function becomes an outcome.

Rules: a task ends in exactly one outcome, whatever it raises. A thread cannot be stopped from outside, so time
limits are not enforced here: they need a pool of processes.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from celery_wire.context import TaskContext
from celery_wire.outcome import (
    Failed,
    Ignore,
    Ignored,
    Outcome,
    Reject,
    Rejected,
    Replace,
    Replaced,
    Retried,
    Retry,
    Succeeded,
)


class ThreadPool:
    """A fixed number of slots; the owner must not start more than there are free ones."""

    def __init__(self, concurrency: int) -> None:
        self._executor = ThreadPoolExecutor(concurrency, thread_name_prefix="celery-wire-task")
        self.free = concurrency

    def start(self, work: Callable[[], None]) -> None:
        """Run some work in a slot; the slot is taken until `release`."""
        self.free -= 1
        self._executor.submit(work)

    def release(self) -> None:
        """Free a slot."""
        self.free += 1

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._executor.shutdown(wait=True)


def run_task(context: TaskContext) -> Outcome:
    """Call the task's function and say how it ended."""
    request = context.request
    arguments = (context, *request.args) if request.task.bound else request.args
    try:
        value = request.task.function(*arguments, **request.kwargs)
    except Retry as retry:
        return Retried(retry, traceback.format_exc(), context.children)
    except Reject as reject:
        return Rejected(reject, context.children)
    except Replace as replace:
        return Replaced(replace.signature, context.children)
    except Ignore:
        return Ignored()
    except BaseException as error:
        return Failed(error, traceback.format_exc(), context.children)
    return Succeeded(value, context.children)
