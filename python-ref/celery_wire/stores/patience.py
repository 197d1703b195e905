"""Trying again while Redis cannot be reached, as Celery's retry policy of result stores has it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import redis

from celery_wire.errors import StoreUnavailableError

logger = logging.getLogger(__name__)

#: Attempts, and seconds between them.
ATTEMPTS, INTERVAL = 20, 1.0
#: The errors of a connection that was lost.
LOST = (redis.ConnectionError, redis.TimeoutError)

T = TypeVar("T")


def patiently(attempt: Callable[[], T]) -> T:
    """Do something with the store, again when its connection was lost; raises StoreUnavailableError."""
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except LOST as error:
            if number == ATTEMPTS:
                raise StoreUnavailableError(f"result store: expected Redis to answer, got {error!r}") from error
            logger.warning("result store not reached, attempt %d of %d: %r", number, ATTEMPTS, error)
            time.sleep(INTERVAL)
    raise AssertionError("there is at least one attempt")
