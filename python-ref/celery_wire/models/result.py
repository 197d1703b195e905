"""Result documents: what a result store keeps for one task, and the message that carries one to its caller.

Rules: those of `models.base`. The schemas are result-accepted, result-emitted, rpc-result-emitted, and exception
and result-tuple of common. In the states FAILURE, RETRY and REVOKED the result is an exception form or null.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import TypeAdapter, model_validator
from typing_extensions import TypeAliasType

from celery_wire.models.base import (
    ContentType,
    DeliveryMode,
    Document,
    Identifier,
    Timestamp,
    listed,
    present,
)

#: The states whose result is an exception.
EXCEPTION_STATES = frozenset({"FAILURE", "RETRY", "REVOKED"})
#: The states that end a task.
READY_STATES = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class ExceptionForm(Document):
    """An exception as data. `exc_message` is the list of its arguments, or the only one."""

    exc_type: str
    exc_message: Any = None
    exc_module: str | None = None

    @property
    def arguments(self) -> list[Any]:
        """The exception's arguments, whatever form they came in."""
        if isinstance(self.exc_message, list):
            return self.exc_message
        return [] if self.exc_message is None else [self.exc_message]


#: [[id, parent], members]; the parent is such a tuple again or null, members is null for a single task.
ResultTuple = TypeAliasType(
    "ResultTuple",
    "Annotated[tuple[Annotated[tuple[Identifier, ResultTuple | None], listed], list[ResultTuple] | None], listed]",
)

_EXCEPTION_OR_NULL: TypeAdapter[ExceptionForm | None] = TypeAdapter(ExceptionForm | None)


class AcceptedResult(Document):
    """A result document as a reader must take it: `status`, `result` and `task_id` are enough."""

    status: str
    result: Any
    task_id: str
    traceback: Any = None
    children: list[ResultTuple] | None = None
    date_done: Timestamp | None = None

    @property
    def exception(self) -> ExceptionForm | None:
        """The exception of a state that has one."""
        return _EXCEPTION_OR_NULL.validate_python(self.result) if self.status in EXCEPTION_STATES else None

    @model_validator(mode="after")
    def _exception_fits(self) -> Self:
        if self.status in EXCEPTION_STATES:
            _EXCEPTION_OR_NULL.validate_python(self.result)
        return self


class EmittedResult(AcceptedResult):
    """A result document as a worker writes it: FAILURE and REVOKED always say why."""

    task_id: Identifier

    @model_validator(mode="after")
    def _exception_is_there(self) -> Self:
        if self.status in EXCEPTION_STATES - {"RETRY"} and self.result is None:
            raise ValueError("result: expected an exception, got null")
        return self


class RpcProperties(Document):
    """The properties of a result message."""

    correlation_id: Identifier
    delivery_mode: Annotated[DeliveryMode | None, present] = None


class EmittedRpcResult(Document):
    """A neutral message that carries a result document to its caller's queue."""

    content_type: ContentType
    content_encoding: str
    properties: RpcProperties
    body: EmittedResult
    headers: Annotated[dict[str, Any] | None, present] = None
