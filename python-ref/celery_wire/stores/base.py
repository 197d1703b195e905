"""What a result store can do, whatever it is.

Rules: a store may be used from any thread. `wait` never misses a result: it first makes sure that it will be told,
then looks at what is there, then waits. A document is read as data; no class is ever looked up or imported from it.
"""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import ValidationError

from celery_wire.actions import ReleaseChord, ReturnPart, SaveGroup, SizeChord, Store
from celery_wire.chords import Joined
from celery_wire.codec import decode_text
from celery_wire.errors import NoResultStoreError, ResultUnreadableError, WireError
from celery_wire.models import READY_STATES, AcceptedResult

PENDING = "PENDING"


class ChordStore(Protocol):
    """Where the parts of chords are counted; a store that has none cannot take chords."""

    def size(self, action: SizeChord) -> None:
        """Store how many parts a chord waits for."""

    def save(self, action: SaveGroup) -> None:
        """Store the members of a group."""

    def return_part(self, action: ReturnPart) -> Joined | None:
        """Record a part; the chord when this was the last of it and nobody else is about to send the body."""

    def release(self, action: ReleaseChord) -> None:
        """Forget a chord whose body was sent or has failed."""


class ResultStore(Protocol):
    """Where result documents go and where they are waited for."""

    #: The queue that results sent as messages come back to, or "".
    reply_to: str
    #: Where chords are joined; None for a store that cannot.
    chords: ChordStore | None

    def store(self, action: Store) -> None:
        """Store a document; raises StoreUnavailableError."""

    def prepare(self) -> None:
        """Be ready for results before the first task is sent."""

    def read(self, task_id: str) -> AcceptedResult | None:
        """The last known document of a task, None while there is none; raises ResultUnreadableError."""

    def wait(self, task_id: str, timeout: float) -> AcceptedResult | None:
        """The final document of a task, or the last known one when that did not come within `timeout` seconds."""

    def close(self) -> None:
        """Close all connections."""


class NoStore:
    """The store of those who keep no results."""

    reply_to = ""
    chords: ChordStore | None = None

    def store(self, action: Store) -> None:
        """Keep nothing."""

    def prepare(self) -> None:
        """Nothing to prepare."""

    def read(self, task_id: str) -> AcceptedResult | None:
        """There is nothing to read."""
        raise NoResultStoreError(f"task {task_id}: expected a result store, none is configured")

    def wait(self, task_id: str, timeout: float) -> AcceptedResult | None:  # noqa: ARG002 - the protocol's
        """There is nothing to wait for."""
        return self.read(task_id)

    def close(self) -> None:
        """Nothing to close."""


def read_document(text: bytes | str) -> AcceptedResult:
    """The document in a stored text; raises ResultUnreadableError."""
    try:
        return AcceptedResult.model_validate(decode_text(text))
    except (WireError, ValidationError) as error:
        raise ResultUnreadableError(f"result: expected a result document, got one with {error}") from error


def is_final(document: AcceptedResult | None) -> bool:
    """Whether the task has ended."""
    return document is not None and document.status in READY_STATES


def as_dict(document: AcceptedResult | None) -> dict[str, Any]:
    """The document as the client shows it: PENDING when there is none."""
    return document.to_wire() if document else {"status": PENDING, "result": None}
