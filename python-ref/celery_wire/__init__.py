"""A small client and worker for the Celery message protocol: the reference of the specification.

    from celery_wire import Client, Worker

`Client` sends tasks by name, or what `signature`, `chain`, `group` and `chord` make, and waits for their results;
`Worker` runs them. `Retry`, `Reject`, `Ignore` and `Replace` are what a task may raise to say how it ends; every error
is a `WireError`.
"""

from celery_wire.client import Client, GroupHandle, Handle
from celery_wire.context import TaskContext
from celery_wire.errors import (
    OptionInvalidError,
    PublishFailedError,
    ResultTimeoutError,
    TaskFailedError,
    ValueUnencodableError,
    WireError,
)
from celery_wire.outcome import Ignore, Reject, Replace, Retry
from celery_wire.policy import Policy
from celery_wire.produce import CallOptions
from celery_wire.registry import Task
from celery_wire.signatures import chain, chord, group, signature
from celery_wire.version import EDITION, __version__
from celery_wire.worker import Worker

__all__ = [
    "EDITION",
    "CallOptions",
    "Client",
    "GroupHandle",
    "Handle",
    "Ignore",
    "OptionInvalidError",
    "Policy",
    "PublishFailedError",
    "Reject",
    "Replace",
    "ResultTimeoutError",
    "Retry",
    "Task",
    "TaskContext",
    "TaskFailedError",
    "ValueUnencodableError",
    "WireError",
    "Worker",
    "__version__",
    "chain",
    "chord",
    "group",
    "signature",
]
