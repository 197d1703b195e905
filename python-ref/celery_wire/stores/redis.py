"""Results in Redis: one key a task, announced on the channel of the same name.

Rules: the key is `celery-task-meta-<task id>` [STRED-KEY-001]; storing is SETEX (SET without an expiry) and PUBLISH
in one MULTI, for every state [STRED-ANN-001 to 004]; an existing SUCCESS is never overwritten [WORK-STA-004]. A
reader subscribes, then reads the key [STRED-RDR-001], then waits for announcements, and does all of that again when
the connection was lost. While it waits it looks at the key now and then, because others may store without announcing
[STRED-RDR-003].
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis

from celery_wire.actions import Store
from celery_wire.errors import ResultUnreadableError
from celery_wire.models import AcceptedResult
from celery_wire.stores.base import ChordStore, is_final, read_document
from celery_wire.stores.chords import RedisChords
from celery_wire.stores.patience import INTERVAL, LOST, patiently

logger = logging.getLogger(__name__)

KEY_PREFIX = "celery-task-meta-"
#: Seconds after which a waiting reader looks at the key without having been told.
LOOK = 1.0


class RedisStore:
    """Results in one Redis database. `expires` is the life time of a result in whole seconds, 0 for ever."""

    reply_to = ""

    def __init__(self, url: str, *, expires: int = 86400) -> None:
        self._redis: Any = redis.Redis.from_url(url)
        self._expires = expires
        self.chords: ChordStore | None = RedisChords(self._redis, expires)
        self._subscriptions: list[Any] = []

    def store(self, action: Store) -> None:
        """Store and announce a document, unless the task has succeeded already."""
        patiently(lambda: self._store(KEY_PREFIX + action.task_id, action.body))

    def prepare(self) -> None:
        """Nothing to prepare: results stay in their keys until someone reads them."""

    def read(self, task_id: str) -> AcceptedResult | None:
        """The document in the task's key."""
        text = self._redis.get(KEY_PREFIX + task_id)
        return None if text is None else read_document(text)

    def wait(self, task_id: str, timeout: float) -> AcceptedResult | None:
        """The final document, or the last one seen within the time."""
        deadline = time.monotonic() + timeout
        seen: AcceptedResult | None = None
        while True:
            try:
                with self._subscribed(KEY_PREFIX + task_id) as announcements:
                    seen = self.read(task_id)
                    while not is_final(seen) and (left := deadline - time.monotonic()) > 0:
                        text = announcements(min(left, LOOK))
                        seen = read_document(text) if text is not None else self.read(task_id) or seen
                    return seen
            except LOST as error:
                logger.warning("result store not reached: %r", error)
                if time.monotonic() >= deadline:
                    return seen
                time.sleep(min(INTERVAL, max(0.0, deadline - time.monotonic())))

    def close(self) -> None:
        """Close all connections."""
        for subscription in self._subscriptions:
            subscription.close()
        self._redis.close()

    def _store(self, key: str, body: str) -> None:
        if self._has_succeeded(key):
            return
        with self._redis.pipeline(transaction=True) as pipeline:
            if self._expires:
                pipeline.execute_command("SETEX", key, self._expires, body)
            else:
                pipeline.set(key, body)
            pipeline.publish(key, body)
            pipeline.execute()

    def _has_succeeded(self, key: str) -> bool:
        text = self._redis.get(key)
        with suppress(ResultUnreadableError):
            return text is not None and read_document(text).status == "SUCCESS"
        return False

    @contextmanager
    def _subscribed(self, key: str) -> Iterator[Callable[[float], bytes | None]]:
        """What waits up to so many seconds for the next announcement on a channel; None when there was none."""
        subscription = self._subscriptions.pop() if self._subscriptions else self._redis.pubsub()
        try:
            subscription.subscribe(key)
            _await(subscription, "subscribe", key)
            yield lambda timeout: _next(subscription, key, timeout)
            subscription.unsubscribe(key)
            _await(subscription, "unsubscribe", key)
        except BaseException:
            subscription.close()
            raise
        self._subscriptions.append(subscription)


def _await(subscription: Any, kind: str, key: str) -> None:
    """Read until Redis has confirmed; what is announced meanwhile is in the key as well."""
    while True:
        message = subscription.get_message(timeout=None)
        if message and message["type"] == kind and message["channel"] == key.encode():
            return


def _next(subscription: Any, key: str, timeout: float) -> bytes | None:
    message = subscription.get_message(timeout=timeout)
    if message and message["type"] == "message" and message["channel"] == key.encode():
        data: bytes = message["data"]
        return data
    return None
