"""Everything celery_wire raises, one small class for one defect.

Rules: a class is named after what is wrong, derives from `WireError`, and its text says which field, what was
expected and what came. Errors of the network keep the class of the library that saw them, except where the life
cycle has to tell them apart from a task's own: `StoreUnavailableError` and `PublishFailedError`.
"""

from __future__ import annotations

from typing import Any

from celery_wire.display import shorten


class WireError(Exception):
    """Base of everything that celery_wire raises itself."""


class ContentRefusedError(WireError):
    """The content type of a body is not in the accept list; nothing was decoded."""

    def __init__(self, content_type: object, accept: frozenset[str]) -> None:
        super().__init__(f"content_type: expected one of {', '.join(sorted(accept))}, got {shorten(content_type)}")


class BodyUndecodableError(WireError):
    """A body is not what its content type promises."""


class BodyTooLargeError(BodyUndecodableError):
    """A body is longer than the policy allows."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"body: expected at most {limit} bytes, got {size}")


class BodyTooDeepError(BodyUndecodableError):
    """A body nests lists and objects deeper than the policy allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"body: expected at most {limit} levels of nesting, got more")


class TagUndecodableError(BodyUndecodableError):
    """An object is shaped like a tagged value, but the tag is unknown or its value does not fit."""

    def __init__(self, tag: object, value: object, reason: str) -> None:
        super().__init__(f"body: tagged value __type__={shorten(tag)}, __value__={shorten(value)}: {reason}")


class ValueUnencodableError(WireError):
    """A value has no form in the message's serialization.

    `cause_text` is the underlying error as Celery would show it in a stored EncodeError.
    """

    def __init__(self, where: str, cause: Exception) -> None:
        super().__init__(f"{where}: expected a value with a JSON form, got {cause}")
        self.cause_text = repr(cause)


class UnknownMessageError(WireError):
    """A message is no task message: neither a `task` header nor a `task` in its body."""


class FieldInvalidError(WireError):
    """A field of a message has a shape that no worker can act upon."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        super().__init__(f"{field}: expected {expected}, got {shorten(got)}")
        self.field = field


class OptionInvalidError(WireError, ValueError):
    """An option of a call, a worker or a client is unknown or out of range; nothing was sent."""

    def __init__(self, option: str, expected: str, got: object) -> None:
        super().__init__(f"{option}: expected {expected}, got {shorten(got)}")
        self.option = option


class NoResultStoreError(WireError):
    """A result was asked for, but no result store is configured."""


class StoreUnavailableError(WireError):
    """A result store could not be reached in spite of retries."""


class PublishFailedError(WireError):
    """A message could not be brought to the broker in spite of retries."""


class ResultTimeoutError(WireError, TimeoutError):
    """No final result came in time; `state` is the last one seen."""

    def __init__(self, task_id: str, seconds: float, state: str) -> None:
        super().__init__(f"task {task_id}: no final result within {seconds} s, last state {state}")
        self.state = state


class TaskFailedError(WireError):
    """A task ended in FAILURE or REVOKED.

    `type`, `message` (the list of the exception's arguments) and `module` are those of the exception form,
    `traceback` is text or None. No class is ever looked up or imported from a result.
    """

    def __init__(
        self, task_id: str, state: str, type_name: str, message: list[Any], module: str | None, traceback: str | None
    ) -> None:
        shown = ", ".join(str(part) for part in message)
        super().__init__(f"task {task_id} ended in {state}: {module or '?'}.{type_name}: {shown}")
        self.task_id = task_id
        self.state = state
        self.type = type_name
        self.message = message
        self.module = module
        self.traceback = traceback


class ResultUnreadableError(WireError):
    """A stored result document is not one that a reader can take."""
