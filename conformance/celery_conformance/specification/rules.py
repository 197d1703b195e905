"""The rules for one requirement, as data: the table at the end lists them.

A rule looks at one entry and says in words what is wrong with it: what was expected and what came. It says
nothing about a key that is missing unless the key is its own business, so that one fault in a document is one
problem. Rules that need to see all documents at once are in the module lint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from celery_conformance.specification import observed
from celery_conformance.specification.model import (
    CONDITIONS,
    EVIDENCE_KINDS,
    KEYWORDS,
    OBSERVATION,
    PREFIXES,
    PROFILES,
    ROLES,
    Entry,
)

ID = re.compile(r"^[A-Z][A-Z0-9]*-[A-Z]{3}-[0-9]{3}$")
KEYWORD = re.compile(r"\b(" + "|".join(KEYWORDS) + r")\b")
VERSION = re.compile(r"^(celery|kombu) [0-9]+\.[0-9]+$")
SENTENCE_BREAK = re.compile(r"[.!?]\s+[A-Z]")
CASE_ID = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
FIXTURE_NAME = re.compile(r"^[a-z0-9-]+/[a-z0-9]+(-[a-z0-9]+)*$")
SOURCE_PLACE = re.compile(r"^[\w/]+\.py:[A-Za-z_][\w.]*$")

KEYS = ("roles", "profile", "when", "since", "until", "evidence", "harm", "observation")
"""Every key that a requirement's block may have."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules compare the documents with.

    ``cases`` is None as long as nobody says which cases exist; ``source_exists`` answers whether a place
    such as ``celery/app/amqp.py:as_task_v2`` is there. ``previous`` are the ids of the last
    requirements.json, ``untested`` maps the ids of spec/untested.yaml to reasons, ``windows`` are what was observed.
    """

    fixtures: frozenset[str] = frozenset()
    cases: frozenset[str] | None = None
    previous: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()
    untested: Mapping[str, str] = field(default_factory=dict)
    source_exists: Callable[[str], bool] = lambda _: True
    windows: observed.Windows = field(default_factory=dict)


Messages = Iterator[str]


def keywords(sentence: str) -> list[str]:
    """The keywords of RFC 2119 in a sentence, in order; MUST NOT is one."""
    return KEYWORD.findall(sentence)


def level_of(entry: Entry) -> str:
    """The level of a judged entry: its keyword, or `OBSERVATION`."""
    return OBSERVATION if entry.fields.get("observation") else keywords(entry.sentence)[0]


def references(entry: Entry, kind: str) -> list[str]:
    """What an entry gives as evidence of a kind; items that are not well formed are passed over."""
    items = entry.fields.get("evidence") or []
    if not isinstance(items, list):
        return []
    return [str(item[kind]) for item in items if isinstance(item, Mapping) and kind in item]


def _id_is_well_formed(entry: Entry, _: Surroundings) -> Messages:
    if not ID.match(entry.id):
        yield f"expected an id of the form PREFIX-TOP-001; came {entry.id!r}"


def _id_has_prefix_of_document(entry: Entry, _: Surroundings) -> Messages:
    expected = PREFIXES.get(entry.surface)
    if expected is None:
        yield f"expected a surface out of {', '.join(PREFIXES)}; came {entry.surface!r}"
    elif ID.match(entry.id) and entry.id.split("-")[0] != expected:
        yield f"expected an id that starts with {expected}, as this document's ids do"


def _one_keyword(entry: Entry, _: Surroundings) -> Messages:
    found = keywords(entry.sentence)
    if entry.fields.get("observation"):
        if found:
            yield f"an observation holds no keyword; came {', '.join(found)}"
    elif len(found) != 1:
        yield f"expected exactly one keyword of RFC 2119; came {', '.join(found) or 'none'}"


def _one_sentence(entry: Entry, _: Surroundings) -> Messages:
    if not entry.sentence.endswith("."):
        yield f"expected a full stop at the end; came {entry.sentence[-20:]!r}"
    if SENTENCE_BREAK.search(entry.sentence):
        yield "expected one sentence; a second one begins in it"


def _known_keys(entry: Entry, _: Surroundings) -> Messages:
    for key in entry.fields:
        if key not in KEYS:
            yield f"expected keys out of {', '.join(KEYS)}; came {key!r}"


def _roles_known(entry: Entry, _: Surroundings) -> Messages:
    roles = entry.fields.get("roles")
    if not isinstance(roles, list) or not roles:
        yield f"expected roles, a list out of {', '.join(ROLES)}; came {roles!r}"
        return
    for role in roles:
        if role not in ROLES:
            yield f"expected roles out of {', '.join(ROLES)}; came {role!r}"


def _profile_known(entry: Entry, _: Surroundings) -> Messages:
    profile = entry.fields.get("profile", "core")
    if profile not in PROFILES:
        yield f"expected a profile out of {', '.join(PROFILES)}; came {profile!r}"


def _when_known(entry: Entry, _: Surroundings) -> Messages:
    when = entry.fields.get("when", {})
    if not isinstance(when, Mapping):
        yield f"expected when to be a mapping; came {when!r}"
        return
    for key in when:
        if key not in CONDITIONS:
            yield f"expected when to name {', '.join(CONDITIONS)}; came {key!r}"


def _versions_well_formed(entry: Entry, _: Surroundings) -> Messages:
    for key in ("since", "until"):
        value = entry.fields.get(key)
        if value is not None and not VERSION.match(str(value)):
            yield f"expected {key} as `celery X.Y` or `kombu X.Y`; came {value!r}"


def _window_as_observed(entry: Entry, surroundings: Surroundings) -> Messages:
    seen = observed.fields(surroundings.windows, entry.id)
    for key in ("since", "until"):
        said = entry.fields.get(key)
        if said is not None and entry.id in surroundings.windows and said != seen.get(key):
            yield f"expected {key} as observed, {seen.get(key)!r} (spec/{observed.PLACE}); came {said!r}"


def _evidence_well_formed(entry: Entry, _: Surroundings) -> Messages:
    evidence = entry.fields.get("evidence")
    if not isinstance(evidence, list) or not evidence:
        yield f"expected evidence, a list of {', '.join(EVIDENCE_KINDS)}; came {evidence!r}"
        return
    forms = {"fixture": FIXTURE_NAME, "case": CASE_ID, "source": SOURCE_PLACE}
    for item in evidence:
        if not isinstance(item, Mapping) or len(item) != 1 or next(iter(item)) not in forms:
            yield f"expected evidence as one of {', '.join(forms)}; came {item!r}"
            continue
        kind, reference = next(iter(item.items()))
        if not forms[kind].match(str(reference)):
            yield f"expected the {kind} to be well formed; came {reference!r}"


def _fixtures_exist(entry: Entry, surroundings: Surroundings) -> Messages:
    for name in references(entry, "fixture"):
        if FIXTURE_NAME.match(name) and name not in surroundings.fixtures:
            yield f"expected the fixture {name} as fixtures/{name}.json; there is none"


def _cases_exist(entry: Entry, surroundings: Surroundings) -> Messages:
    if surroundings.cases is None:
        return
    for name in references(entry, "case"):
        if name not in surroundings.cases:
            yield f"expected a case with the id {name}; there is none"


def _sources_exist(entry: Entry, surroundings: Surroundings) -> Messages:
    for place in references(entry, "source"):
        if SOURCE_PLACE.match(place) and not surroundings.source_exists(place):
            yield f"expected {place} in the installed source; it is not there"


def _harm_behind_must(entry: Entry, _: Surroundings) -> Messages:
    must = any(word.startswith("MUST") for word in keywords(entry.sentence))
    harm = entry.fields.get("harm")
    if must and not harm:
        yield "expected the harm behind a MUST: what a real peer or user suffers when it is broken"
    elif harm is not None and (not isinstance(harm, str) or not harm.strip().endswith(".")):
        yield f"expected the harm as one sentence with a full stop; came {harm!r}"


def _id_not_retired(entry: Entry, surroundings: Surroundings) -> Messages:
    if entry.id in surroundings.retired:
        yield "expected a new id; this one is retired and ids are never used again"


def _must_is_tested(entry: Entry, surroundings: Surroundings) -> Messages:
    must = any(word.startswith("MUST") for word in keywords(entry.sentence))
    tested = bool(references(entry, "fixture") or references(entry, "case"))
    listed = entry.id in surroundings.untested
    if must and not tested and not listed:
        yield "expected a fixture or a case behind a MUST, or its reason in spec/untested.yaml"
    elif listed and tested:
        yield "expected no entry in spec/untested.yaml: a fixture or a case covers it"
    elif listed and not must:
        yield "expected only MUST and MUST NOT in spec/untested.yaml"


ENTRY_RULES: Mapping[str, Callable[[Entry, Surroundings], Messages]] = {
    "id-well-formed": _id_is_well_formed,
    "id-has-prefix-of-document": _id_has_prefix_of_document,
    "one-keyword": _one_keyword,
    "one-sentence": _one_sentence,
    "known-keys": _known_keys,
    "roles-known": _roles_known,
    "profile-known": _profile_known,
    "when-known": _when_known,
    "versions-well-formed": _versions_well_formed,
    "window-as-observed": _window_as_observed,
    "evidence-well-formed": _evidence_well_formed,
    "fixtures-exist": _fixtures_exist,
    "cases-exist": _cases_exist,
    "sources-exist": _sources_exist,
    "harm-behind-must": _harm_behind_must,
    "id-not-retired": _id_not_retired,
    "must-is-tested": _must_is_tested,
}
