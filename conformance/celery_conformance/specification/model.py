"""What the specification is made of, as data.

Two shapes, because a document may be wrong. An `Entry` is what stands in a document, read but not judged:
the lint looks at it. A `Requirement` is a judged entry, and what the rest of the suite works with. Nothing
here reads a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEYWORDS = ("MUST NOT", "MUST", "SHOULD NOT", "SHOULD", "MAY")
"""The keywords of RFC 2119 that a sentence may hold; the longer one stands first."""

OBSERVATION = "OBSERVATION"
"""The level of a sentence without a keyword: a defect that was seen on the wire."""

ROLES = ("producer", "worker", "reader", "monitor", "controller", "scheduler")
PROFILES = ("core", "robust", "events", "control")

CONDITIONS = ("broker", "store", "serializer", "protocol", "pool")
"""What ``when`` may restrict a requirement to."""

PREFIXES = {
    "task-v2": "TASK2",
    "worker": "WORK",
    "canvas": "CANV",
    "results": "RES",
    "broker-redis": "REDIS",
    "broker-amqp": "AMQP",
    "store-redis": "STRED",
    "store-rpc": "STRPC",
    "stores": "STORE",
    "transports": "TRANS",
    "serialization": "SER",
    "task-v1": "TASK1",
    "signing": "SIGN",
    "security": "SEC",
    "events": "EVT",
    "control": "CTRL",
    "scheduling": "BEAT",
}
"""Surface to the first part of the ids of its document."""

EVIDENCE_KINDS = ("fixture", "case", "source")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a statement was seen to be true: a fixture, the recorded run of a case, or a place in a source."""

    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A requirement as it stands in a document: nothing in it has been judged.

    ``line`` counts from 1. ``fields`` holds the document's defaults and, over them, the entry's own block.
    """

    document: str
    surface: str
    line: int
    id: str
    sentence: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph that is no requirement: explanation, never a norm."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One normative document, read but not judged. ``name`` is its file's name, such as ``task-v2.md``."""

    name: str
    surface: str
    title: str
    entries: tuple[Entry, ...]
    paragraphs: tuple[Paragraph, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """One judged requirement. ``level`` is a keyword of RFC 2119, or `OBSERVATION`.

    ``hash`` is the first 12 hex digits of the SHA-256 of the sentence: a case that was written for another
    hash was written for another sentence.
    """

    id: str
    level: str
    sentence: str
    roles: tuple[str, ...]
    surface: str
    profile: str
    evidence: tuple[Evidence, ...]
    document: str
    hash: str
    when: Mapping[str, Any] = field(default_factory=dict)
    since: str | None = None
    until: str | None = None
    harm: str = ""
    observation: bool = False

    @property
    def seen(self) -> bool:
        """Whether a run bears it out: a message or a case is its evidence, and not only a line of source."""
        return any(entry.kind in ("fixture", "case") for entry in self.evidence)


def sentence_hash(sentence: str) -> str:
    """The first 12 hex digits of the SHA-256 of a sentence, its white space folded."""
    return hashlib.sha256(" ".join(sentence.split()).encode()).hexdigest()[:12]
