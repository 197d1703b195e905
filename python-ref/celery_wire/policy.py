"""What a worker is told once and the life cycle asks all the time.

Rules: names and defaults are those of Celery's settings without their prefixes; times are seconds. A policy is
data without behaviour, so that a test or another program can set up any worker in one expression.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from celery_wire.codec import ACCEPT, LIMITS, Limits

DEFAULT_QUEUE = "celery"


def new_id() -> str:
    """A fresh id for a task, a group or a reply queue."""
    return str(uuid.uuid4())


def origin() -> str:
    """The name of this process as a sender: `gen<pid>@<host>`, also when the process is a worker."""
    return f"gen{os.getpid()}@{socket.gethostname()}"


def node_name() -> str:
    """The name of this process as a worker."""
    return f"celery@{socket.gethostname()}"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: `reply_to` is the queue on which it waits for results sent as messages, or ""."""

    origin: str = field(default_factory=origin)
    reply_to: str = ""
    default_queue: str = DEFAULT_QUEUE
    new_id: Callable[[], str] = new_id


@dataclass(frozen=True, slots=True)
class Policy:
    """How a worker treats its messages.

    acks_late: acknowledge after the result is stored rather than before the task runs.
    acks_on_failure: with acks_late, acknowledge a failed task's message too; else reject it.
    track_started: store STARTED before a task runs.
    result_extended: add name, args, kwargs, worker, retries, queue and stamps to result documents.
    store_errors_even_if_ignored: store FAILURE and RETRY of tasks whose results are ignored.
    inherit_parent_priority: what a task sends has the priority of its message, unless it says otherwise.
    joins_chords: the result store can join chords.
    """

    acks_late: bool = False
    acks_on_failure: bool = True
    track_started: bool = False
    ignore_result: bool = False
    store_errors_even_if_ignored: bool = False
    result_extended: bool = False
    inherit_parent_priority: bool = False
    joins_chords: bool = False
    accept: frozenset[str] = ACCEPT
    limits: Limits = LIMITS
    node_name: str = field(default_factory=node_name)
    pid: int = field(default_factory=os.getpid)
    sender: Sender = field(default_factory=Sender)
