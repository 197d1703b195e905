"""The worker: messages in, tasks run, results out. It does what the life cycle says and decides nothing itself.

Rules: all that concerns a delivery happens in the consumer's thread; tasks run, and their results are stored and
their messages published, in the pool's threads; what is stored without a task having run is stored in a thread of
its own, so that no message waits for a result store. A message is acknowledged at most once.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from celery_wire import joining, lifecycle
from celery_wire.actions import (
    Acknowledge,
    Action,
    Publish,
    Reject,
    ReleaseChord,
    Reserve,
    ReturnPart,
    Run,
    SaveGroup,
    Schedule,
    SizeChord,
    Store,
)
from celery_wire.brokers.consumer import Consumer, Handle
from celery_wire.brokers.publisher import Publisher
from celery_wire.builtin import register_builtin
from celery_wire.context import TaskContext
from celery_wire.errors import OptionInvalidError, PublishFailedError, StoreUnavailableError
from celery_wire.message import Delivery
from celery_wire.outcome import Outcome
from celery_wire.policy import DEFAULT_QUEUE, Policy
from celery_wire.pool import ThreadPool, run_task
from celery_wire.registry import Task
from celery_wire.request import TaskRequest
from celery_wire.stores import open_store
from celery_wire.times import seconds_until, utc_now

logger = logging.getLogger(__name__)

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

#: Most seconds that a held message waits before the wall clock is looked at again.
LONGEST_HOLD = 3600.0


class Worker:
    """Runs tasks from some queues of one broker.

    result_url: `redis://…`, `rpc://` for results sent as messages to the callers, or None for no results.
    concurrency: how many tasks run at a time. prefetch_multiplier: how many messages a slot may hold unacknowledged.
    visibility_timeout: seconds after which Redis gives an unacknowledged message to another worker.
    result_expires: seconds that a result is kept, 0 for ever. Raises OptionInvalidError.
    """

    def __init__(
        self,
        broker_url: str,
        result_url: str | None = None,
        *,
        queues: Sequence[str] = (DEFAULT_QUEUE,),
        concurrency: int = 4,
        prefetch_multiplier: int = 4,
        visibility_timeout: float = 3600,
        result_expires: int = 86400,
        policy: Policy | None = None,
    ) -> None:
        for option, number in (("concurrency", concurrency), ("prefetch_multiplier", prefetch_multiplier)):
            if number < 1:
                raise OptionInvalidError(option, "1 or more", number)
        self._tasks: dict[str, Task] = {}
        self._store = open_store(result_url, broker_url, expires=result_expires)
        self._chords = self._store.chords
        self._policy = replace(policy or Policy(), joins_chords=self._chords is not None)
        register_builtin(self._tasks, self._store)
        self._publisher = Publisher(broker_url)
        self._pool = ThreadPool(concurrency)
        self._concurrency = concurrency
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="celery-wire-clerk")
        self._clerk_pending = 0
        self._reserved: deque[tuple[TaskRequest, Handle]] = deque()
        self._stopping = False
        self._consumer = Consumer(
            broker_url,
            queues,
            self,
            prefetch=concurrency * prefetch_multiplier,
            visibility_timeout=visibility_timeout,
        )
        self._thread = threading.Thread(target=self._consumer.run, name="celery-wire-consumer", daemon=True)

    def register(self, name: str, function: Callable[..., Any], **options: Any) -> None:
        """Make a function a task; the options are the fields of `Task`."""
        self._tasks[name] = Task(name, function, **options)

    def task(self, name: str, **options: Any) -> Callable[[FunctionT], FunctionT]:
        """`register` as a decorator."""

        def registered(function: FunctionT) -> FunctionT:
            self.register(name, function, **options)
            return function

        return registered

    def start(self) -> None:
        """Begin to consume, in a thread of its own; returns at once."""
        self._thread.start()

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether the queues are being consumed, after at most `timeout` seconds."""
        return self._consumer.ready.wait(timeout)

    def stop(self) -> None:
        """Finish what runs, store it, give all other messages back, close everything."""
        self._stopping = True
        self._consumer.stop()
        if self._thread.ident is not None:
            self._thread.join()
        self._pool.close()
        self._clerk.shutdown(wait=True)
        self._store.close()
        self._publisher.close()

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then stop; a second signal ends the process at once. Main thread only."""
        asked = threading.Event()

        def ask(number: int, _frame: object) -> None:
            signal.signal(number, signal.SIG_DFL)
            asked.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask)
        self.start()
        asked.wait()
        self.stop()

    def on_delivery(self, delivery: Delivery, handle: Handle) -> None:
        """A message has come in; called by the consumer."""
        if self._stopping:
            return
        try:
            actions = lifecycle.receive(delivery, utc_now(), self._policy, self._tasks)
        except Exception:
            logger.exception("a message that the life cycle cannot take: %r", delivery)
            actions = [Reject()]
        self._take(actions, handle)

    def on_lost(self) -> None:
        """The broker delivers what was reserved again; called by the consumer."""
        self._reserved.clear()

    def is_busy(self) -> bool:
        """Whether tasks run or results are to be stored; called by the consumer."""
        return self._clerk_pending > 0 or self._pool.free < self._concurrency

    def _take(self, actions: Sequence[Action], handle: Handle) -> None:
        """Do the actions for a message whose task does not run yet; in the consumer's thread."""
        match actions:
            case [Reserve(request)]:
                self._reserved.append((request, handle))
                self._fill_slots()
            case [Schedule(request, due)]:
                seconds = min(seconds_until(due, utc_now()), LONGEST_HOLD)
                self._consumer.hold(handle, seconds, partial(self._take_due, request, due, handle))
            case [Reject(requeue)]:
                logger.warning("message rejected: no task that can be acted upon")
                self._consumer.reject(handle, requeue=requeue)
            case _:
                self._clerk_pending += 1
                self._clerk.submit(self._file, actions, handle)

    def _take_due(self, request: TaskRequest, due: Any, handle: Handle) -> None:
        is_due = seconds_until(due, utc_now()) <= 0
        self._take([Reserve(request) if is_due else Schedule(request, due)], handle)

    def _fill_slots(self) -> None:
        while self._reserved and self._pool.free and not self._stopping:
            request, handle = self._reserved.popleft()
            actions = lifecycle.begin(request, utc_now(), self._policy)
            if not any(isinstance(action, Run) for action in actions):
                self._take(actions, handle)
                continue
            if isinstance(actions[0], Acknowledge):
                # Before the task starts, and so in this thread: it may end the process.
                self._consumer.acknowledge(handle)
                actions = actions[1:]
            self._pool.start(partial(self._run, request, actions, handle))

    def _free_slot(self) -> None:
        self._pool.release()
        self._fill_slots()

    def _file(self, actions: Sequence[Action], handle: Handle) -> None:
        """Do the actions for a message whose task does not run; in the clerk's thread."""
        try:
            self._perform_each(actions, handle)
        finally:
            self._consumer.post(self._filed)

    def _filed(self) -> None:
        self._clerk_pending -= 1

    def _run(self, request: TaskRequest, actions: Iterable[Action], handle: Handle) -> None:
        """Do the actions for a message whose task runs; in a thread of the pool."""
        try:
            self._perform_each(actions, handle)
        except Exception:
            logger.exception("task %s[%s] left in an unknown state", request.task.name, request.id)
        finally:
            self._consumer.post(self._free_slot)

    def _finish(self, request: TaskRequest, outcome: Outcome, handle: Handle) -> None:
        """Do what follows a task, or what takes its place when the network fails."""
        try:
            for action in lifecycle.finish(request, outcome, utc_now(), self._policy):
                self._perform(action, handle)
        except PublishFailedError as error:
            logger.exception("task %s[%s]", request.task.name, request.id)
            self._perform_each(lifecycle.unpublished(request, error, utc_now(), self._policy), handle)
        except StoreUnavailableError:
            logger.exception("task %s[%s]", request.task.name, request.id)
            self._perform_each(lifecycle.unstored(request, self._policy), handle)

    def _perform_each(self, actions: Iterable[Action], handle: Handle) -> None:
        """Do every action, also after one that the network has kept from being done."""
        for action in actions:
            try:
                self._perform(action, handle)
            except (PublishFailedError, StoreUnavailableError):
                logger.exception("not done: %s", action)

    def _perform(self, action: Action, handle: Handle) -> None:
        match action:
            case Acknowledge():
                self._consumer.post(partial(self._consumer.acknowledge, handle))
            case Reject(requeue):
                self._consumer.post(partial(self._consumer.reject, handle, requeue=requeue))
            case Store():
                self._store.store(action)
            case Publish(publication):
                self._publisher.publish(publication)
            case SizeChord() | SaveGroup() | ReturnPart() | ReleaseChord():
                self._perform_for_chord(action, handle)
            case Run(request):
                context = TaskContext(request, self._policy, partial(self._perform_for_task, handle))
                self._finish(request, run_task(context), handle)
            case Reserve() | Schedule():
                raise AssertionError(f"only the consumer's thread can do {action}")

    def _perform_for_chord(self, action: Action, handle: Handle) -> None:
        assert self._chords is not None, "the life cycle makes no such action for a store that joins no chords"
        match action:
            case SizeChord():
                self._chords.size(action)
            case SaveGroup():
                self._chords.save(action)
            case ReleaseChord():
                self._chords.release(action)
            case ReturnPart():
                chord = self._chords.return_part(action)
                if chord is not None:
                    self._perform_each(joining.joined(action, chord, utc_now(), self._policy), handle)

    def _perform_for_task(self, handle: Handle, actions: Sequence[Action]) -> None:
        for action in actions:
            self._perform(action, handle)
