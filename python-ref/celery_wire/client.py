"""Sending tasks by name, or whole workflows, and waiting for their results.

Rules: a client may be used from any thread. Nothing is sent when an option is wrong. `send` and `apply` return once
the messages are with the broker.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from celery_wire import workflow
from celery_wire.actions import Publish, SaveGroup, SizeChord
from celery_wire.brokers.publisher import Publisher
from celery_wire.context import call_options
from celery_wire.errors import ResultTimeoutError, TaskFailedError
from celery_wire.models import AcceptedResult
from celery_wire.policy import DEFAULT_QUEUE, Sender
from celery_wire.preparing import Family
from celery_wire.produce import task_publication
from celery_wire.stores import ResultStore, open_store
from celery_wire.stores.base import PENDING, ChordStore, is_final
from celery_wire.times import utc_now

#: Seconds that `get` waits when nothing else is said.
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Handle:
    """A task that was sent, or that is known by its id."""

    task_id: str
    store: ResultStore

    def document(self, timeout: float = 0) -> AcceptedResult | None:
        """The final result document, or the last one seen when that did not come within `timeout` seconds.

        None means that there is none (yet): the task waits, or the id is unknown.
        """
        return self.store.wait(self.task_id, timeout) if timeout else self.store.read(self.task_id)

    def state(self) -> str:
        """The task's state now: PENDING when nothing is stored."""
        document = self.store.read(self.task_id)
        return document.status if document else PENDING

    def get(self, timeout: float = TIMEOUT) -> Any:
        """The value that the task returned.

        Raises TaskFailedError when it ended in FAILURE or REVOKED, ResultTimeoutError when it did not end within
        `timeout` seconds, ResultUnreadableError, NoResultStoreError.
        """
        document = self.store.wait(self.task_id, timeout)
        if document is None or not is_final(document):
            raise ResultTimeoutError(self.task_id, timeout, document.status if document else PENDING)
        if document.status != "SUCCESS":
            raise _failure(self.task_id, document)
        return document.result


@dataclass(frozen=True, slots=True)
class GroupHandle:
    """A group that was sent; a member that is a chain ending in a group is a group itself."""

    group_id: str
    members: tuple[Handle | GroupHandle, ...]

    def get(self, timeout: float = TIMEOUT) -> list[Any]:
        """The values of all members, in their order; raises what `Handle.get` raises for the first that has none."""
        deadline = time.monotonic() + timeout
        return [member.get(max(0.0, deadline - time.monotonic())) for member in self.members]


class Client:
    """Sends tasks to the broker at one URL and reads results from the store at another.

    result_url: `redis://…`, `rpc://` for results sent as messages over the broker, or None.
    confirm: have an AMQP broker confirm each message.
    result_expires: seconds that an abandoned reply queue lives (`rpc://` only).
    """

    def __init__(
        self,
        broker_url: str,
        result_url: str | None = None,
        *,
        default_queue: str = DEFAULT_QUEUE,
        confirm: bool = True,
        result_expires: int = 86400,
    ) -> None:
        self._publisher = Publisher(broker_url, confirm=confirm)
        self._store = open_store(result_url, broker_url, expires=result_expires)
        self._sender = Sender(reply_to=self._store.reply_to, default_queue=default_queue)

    def send(self, task: str, args: Any = (), kwargs: Any = None, **options: Any) -> Handle:
        """Send a task by name; the options are the fields of `CallOptions`.

        Raises OptionInvalidError, ValueUnencodableError, PublishFailedError, and StoreUnavailableError when the
        reply queue cannot be declared.
        """
        call = call_options(options)
        publication = task_publication(task, args, kwargs, call, self._sender, utc_now())
        if not call.ignore_result:
            self._store.prepare()
        self._publisher.publish(publication)
        return self.handle(str(publication.message.headers["id"]))

    def apply(self, signature: Any, *args: Any, **options: Any) -> Handle | GroupHandle:
        """Call a signature of any kind; of a chain the handle is that of its last step, of a chord that of its body.

        The arguments stand before those of the signature, the options go over its own. Raises what `send` raises,
        and FieldInvalidError for what cannot be called, such as a chord where the result store cannot join it.
        """
        family = Family(self._sender, utc_now(), joins_chords=self._store.chords is not None)
        called = workflow.call(signature, family, args, **options)
        self._store.prepare()
        for action in called.actions:
            match action:
                case Publish(publication):
                    self._publisher.publish(publication)
                case SizeChord():
                    self._chords().size(action)
                case SaveGroup():
                    self._chords().save(action)
        return self._handles(called.result)

    def _chords(self) -> ChordStore:
        assert self._store.chords is not None, "a workflow with a chord was refused before"
        return self._store.chords

    def _handles(self, result: Any) -> Handle | GroupHandle:
        (task_id, _), members = result
        if members is None:
            return self.handle(task_id)
        return GroupHandle(task_id, tuple(self._handles(member) for member in members))

    def handle(self, task_id: str) -> Handle:
        """A handle for a task that was sent before, or by someone else."""
        return Handle(task_id, self._store)

    def close(self) -> None:
        """Close all connections."""
        self._store.close()
        self._publisher.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        self.close()


def _failure(task_id: str, document: AcceptedResult) -> TaskFailedError:
    exception = document.exception
    trace = document.traceback if isinstance(document.traceback, str) else None
    if exception is None:
        return TaskFailedError(task_id, document.status, "Unknown", [], None, trace)
    return TaskFailedError(
        task_id, document.status, exception.exc_type, exception.arguments, exception.exc_module, trace
    )
