"""What a setting changes in what a worker stores and sends: one worker for each set of settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from celery_conformance.versions.bed import Bed
from celery_conformance.versions.stages.run import SETTLED, Job, of_cases

NAME = "settings"

_PICKLE = {"result_serializer": "pickle", "accept_content": ["json", "pickle"], "result_accept_content": ["pickle"]}

CASES: Mapping[str, tuple[Mapping[str, Any], tuple[Job, ...]]] = {
    "extended": (
        {"result_extended": True},
        (
            Job("plain", keep=("stored",)),
            Job("keywords", keep=("stored",)),
            Job("fail", keep=("stored",)),
            Job("by-name", keep=("stored",)),
            Job("unknown-task", until=SETTLED, keep=("stored",)),
            Job("stamped", keep=("stored",)),
        ),
    ),
    "time-zone": (
        {"timezone": "Asia/Tokyo"},
        (Job("plain", keep=("stored", "events")), Job("retry", keep=("messages", "stored"))),
    ),
    "pickle": (_PICKLE, (Job("plain", keep=("stored",)), Job("fail", keep=("stored",)))),
    "result-options": (
        {
            "result_expires": 60,
            "result_compression": "gzip",
            "result_backend_transport_options": {"global_keyprefix": "pre"},
        },
        (Job("plain", until=SETTLED, calm=0.5, keep=("stored", "commands")),),
    ),
    "failure-expires": (
        {"result_expires": 60, "result_failure_expires": 30},
        (Job("plain", keep=("stored",)), Job("fail", keep=("stored",))),
    ),
    "protocol-1": (
        {"task_protocol": 1},
        (
            Job("v1-plain", keep=("stored", "trace")),
            Job("v1-chain", until=("v1-chain-2",), keep=("messages", "stored")),
            Job("v1-chord", until=("v1-chord-body",), keep=("messages", "stored")),
            Job("retry", keep=("messages", "stored")),
        ),
    ),
    "inherit-priority": (
        {"task_inherit_parent_priority": True},
        (Job("spawn-priority", until=("spawn-priority-child",), keep=("messages",)),),
    ),
    "prefix": (
        {"broker_transport_options": {"global_keyprefix": "pre:"}},
        (Job("plain", keep=("stored", "trace", "commands")),),
    ),
}


def capture(bed: Bed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the jobs of each case to a worker with its settings."""
    yield from of_cases(bed, CASES)
