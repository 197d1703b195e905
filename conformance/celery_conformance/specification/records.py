"""spec/requirements.json: what the documents say, in a form that tools read.

The file is written from the documents and never by hand. Its shape is spec/schemas/requirements.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from celery_conformance.specification import observed
from celery_conformance.specification.model import (
    Document,
    Entry,
    Evidence,
    Requirement,
    sentence_hash,
)
from celery_conformance.specification.observed import Windows
from celery_conformance.specification.rules import level_of

NO_WINDOWS: Windows = {}


def requirement(entry: Entry, windows: Windows = NO_WINDOWS) -> Requirement:
    """The requirement that an entry without problems states; its window is what was observed, or what it says."""
    fields = {**entry.fields, **observed.fields(windows, entry.id)}
    return Requirement(
        id=entry.id,
        level=level_of(entry),
        sentence=entry.sentence,
        roles=tuple(fields["roles"]),
        surface=entry.surface,
        profile=fields.get("profile", "core"),
        evidence=tuple(Evidence(*next(iter(item.items()))) for item in fields["evidence"]),
        document=entry.document,
        hash=sentence_hash(entry.sentence),
        when=dict(fields.get("when", {})),
        since=fields.get("since"),
        until=fields.get("until"),
        harm=" ".join(fields.get("harm", "").split()),
        observation=bool(fields.get("observation", False)),
    )


def requirements(documents: Iterable[Document], windows: Windows = NO_WINDOWS) -> tuple[Requirement, ...]:
    """The requirements of documents without problems, sorted by id, with the windows that were observed."""
    found = [requirement(entry, windows) for document in documents for entry in document.entries]
    return tuple(sorted(found, key=lambda one: one.id))


def dump(edition: str, found: Iterable[Requirement]) -> str:
    """The text of requirements.json."""
    document = {"edition": edition, "requirements": [_as_json(one) for one in found]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def parse(text: str) -> tuple[Requirement, ...]:
    """The requirements in the text of a requirements.json."""
    return tuple(_from_json(record) for record in json.loads(text)["requirements"])


def differences(committed: str, current: str) -> list[str]:
    """What changed between two texts of requirements.json, a line an id, in words."""
    before, after = _by_id(committed), _by_id(current)
    lines = [f"{name}: is in the documents only" for name in sorted(after.keys() - before.keys())]
    lines += [f"{name}: is in requirements.json only" for name in sorted(before.keys() - after.keys())]
    for name in sorted(before.keys() & after.keys()):
        changed = [key for key in after[name] if before[name].get(key) != after[name][key]]
        if changed:
            lines.append(f"{name}: differs in {', '.join(changed)}")
    return lines or ["the edition or the form of the text differs"]


def _by_id(text: str) -> Mapping[str, Mapping[str, Any]]:
    return {record["id"]: record for record in json.loads(text or '{"requirements": []}')["requirements"]}


def _as_json(one: Requirement) -> dict[str, Any]:
    return {
        "id": one.id,
        "level": one.level,
        "sentence": one.sentence,
        "roles": list(one.roles),
        "surface": one.surface,
        "profile": one.profile,
        "when": dict(one.when),
        "since": one.since,
        "until": one.until,
        "evidence": [{evidence.kind: evidence.reference} for evidence in one.evidence],
        "harm": one.harm,
        "observation": one.observation,
        "document": one.document,
        "hash": one.hash,
    }


def _from_json(record: Mapping[str, Any]) -> Requirement:
    evidence = tuple(Evidence(*next(iter(item.items()))) for item in record["evidence"])
    return Requirement(**{**record, "roles": tuple(record["roles"]), "evidence": evidence})
