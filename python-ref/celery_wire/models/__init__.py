"""The shapes on the wire as pydantic models, held to the JSON Schemas of the specification."""

from celery_wire.models.redis import AcceptedEnvelope, EmittedEnvelope, UnackedEntry
from celery_wire.models.result import (
    EXCEPTION_STATES,
    READY_STATES,
    AcceptedResult,
    EmittedResult,
    EmittedRpcResult,
    ExceptionForm,
)
from celery_wire.models.task import AcceptedTask, Embed, EmittedTask, Signature

__all__ = [
    "EXCEPTION_STATES",
    "READY_STATES",
    "AcceptedEnvelope",
    "AcceptedResult",
    "AcceptedTask",
    "Embed",
    "EmittedEnvelope",
    "EmittedResult",
    "EmittedRpcResult",
    "EmittedTask",
    "ExceptionForm",
    "Signature",
    "UnackedEntry",
]
