"""What there is: one row for each kind of message or document, by which it is recognised.

A row names the stem of the schemas that judge the kind (``<stem>-emitted`` and ``<stem>-accepted``, or ``<stem>``
alone), whom its sentences bind, and what marks it: pointers into the decoded document at which something of a type
has to stand. The first row that fits wins, so that what is marked more narrowly stands above. A row whose schemas this
edition does not have is passed over. To add a surface, add a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from celery_conformance import schemas
from celery_conformance.check.model import Layer

ANY: tuple[type, ...] = (object,)
TEXT: tuple[type, ...] = (str,)
OBJECT: tuple[type, ...] = (dict,)
LIST: tuple[type, ...] = (list,)

Marks = Mapping[tuple[str | int, ...], tuple[type, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. ``publication`` is the stem of the schema that judges its publication on AMQP, where there is one.

    ``inside`` is the key of the body under which the body of another message stands, whose headers are the same.
    """

    stem: str
    title: str
    writers: frozenset[str]
    marks: tuple[Marks, ...]
    publication: str = ""
    inside: str = ""

    @property
    def known(self) -> bool:
        return self.schema("emitted") is not None

    def schema(self, side: str) -> str | None:
        return find_schema(self.stem, side)

    def fits(self, document: Any) -> bool:
        for marks in self.marks:  # plain loops, because this is asked of every message
            for steps, types in marks.items():
                if not _stands(document, steps, types):
                    break
            else:
                return True
        return False


def _stands(document: Any, steps: tuple[str | int, ...], types: tuple[type, ...]) -> bool:
    value = document
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return False
        elif not isinstance(value, list) or not value:
            return False
        value = value[step]
    return isinstance(value, types)


@cache
def find_schema(stem: str, side: str) -> str | None:
    """The schema of a stem and a side; one without sides judges both."""
    known = schemas.documents()
    return next((name for name in (f"{stem}-{side}", stem) if name in known), None)


def is_schema(name: str) -> bool:
    return name in schemas.documents()


def schema_of(layer: Layer, side: str) -> str | None:
    """The schema that judges a document: its own, or that of its stem and a side."""
    return layer.schema or find_schema(layer.stem, side)


def _kind(stem: str, title: str, writers: str, *marks: Marks, publication: str = "", inside: str = "") -> Kind:
    return Kind(stem, title, frozenset(writers.split()), marks, publication, inside)


_MESSAGES = (
    _kind("signed-task", "a signed task message", "producer",
          {("body", "signer"): TEXT, ("body", "signature"): OBJECT},
          inside="body"),
    _kind("task-v2", "a task message of protocol version 2", "producer",
          {("headers", "task"): ANY},
          {("headers", "retries"): ANY, ("headers", "root_id"): ANY},
          {("headers", "lang"): ANY, ("headers", "id"): ANY},
          publication="amqp-task"),
    _kind("task-v1", "a task message of protocol version 1", "producer",
          {("body", "task"): ANY, ("body", "id"): ANY},
          {("body", "task"): ANY, ("body", "args"): ANY}),
    _kind("rpc-result", "a result sent as a message", "worker",
          {("body", "status"): ANY, ("body", "result"): ANY},
          {("body", "task_id"): ANY, ("body", "result"): ANY},
          {("body", "task_id"): ANY, ("body", "status"): ANY}),
    _kind("event", "a message with events", "producer worker monitor",
          {("body", "type"): TEXT, ("body", "timestamp"): ANY},
          {("body", 0, "type"): TEXT, ("body", 0, "timestamp"): ANY},
          publication="monitoring-amqp"),
    _kind("control", "a command of remote control", "controller",
          {("body", "method"): ANY, ("body", "arguments"): ANY},
          {("body", "method"): TEXT},
          publication="monitoring-amqp"),
    _kind("control-reply", "a reply of remote control", "worker",
          {("headers", "ticket"): ANY},
          publication="monitoring-amqp"),
)  # fmt: skip
_DOCUMENTS = (
    _kind("result", "a result document", "worker",
          {("status",): ANY, ("result",): ANY},
          {("status",): ANY, ("task_id",): ANY},
          {("result",): ANY, ("task_id",): ANY}),
    _kind("group-result", "a group of results, as it is stored", "producer worker",
          {("result", 0): LIST}, {("result", 1): LIST}),
)  # fmt: skip


@cache
def _messages() -> tuple[Kind, ...]:
    return tuple(row for row in _MESSAGES if row.known)


@cache
def _documents() -> tuple[Kind, ...]:
    return tuple(row for row in _DOCUMENTS if row.known)


def rows() -> tuple[Kind, ...]:
    """All rows, those too whose schemas this edition does not have."""
    return _MESSAGES + _DOCUMENTS


def message(document: Any) -> Kind | None:
    """The kind of a neutral message with a decoded body."""
    for row in _messages():
        if row.fits(document):
            return row
    return None


def stored(document: Any) -> Kind | None:
    """The kind of a document of a result store."""
    return next((row for row in _documents() if row.fits(document)), None)


@cache
def of_stem(stem: str) -> Kind | None:
    """The row of a stem, where there is one."""
    return next((row for row in rows() if row.stem == stem), None)
