"""Each rule of the specification catches the document that breaks it, and says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from celery_conformance.specification.lint import DOCUMENT_RULES, Problem, Surroundings, lint
from celery_conformance.specification.model import KEYWORDS, PREFIXES, Document, Entry, Paragraph
from celery_conformance.specification.rules import ENTRY_RULES, level_of

SENTENCE = "A producer MUST write the name of the task into the `task` header."
FIELDS: dict[str, Any] = {
    "roles": ["producer"],
    "evidence": [{"fixture": "task-v2/plain"}, {"source": "celery/app/amqp.py:AMQP.as_task_v2"}],
    "harm": "Nobody knows what to run.",
}
GOOD = Entry("task-v2.md", "task-v2", 10, "TASK2-HDR-001", SENTENCE, FIELDS)
AROUND = Surroundings(fixtures=frozenset({"task-v2/plain"}))


@dataclass(frozen=True)
class Broken:
    """A document with one fault: the rule that must catch it, and what it must say."""

    rule: str
    message: str
    entry: Entry = GOOD
    others: tuple[Entry, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    around: Surroundings = field(default=AROUND)
    place: str = "spec/task-v2.md:10: TASK2-HDR-001"


def fields(**changes: Any) -> Entry:
    """The good entry with other keys; None takes a key out."""
    merged = {**FIELDS, **changes}
    return replace(GOOD, fields={key: value for key, value in merged.items() if value is not None})


def sentence(text: str, **changes: Any) -> Entry:
    return replace(fields(**changes), sentence=text)


BROKEN = [
    Broken(
        "id-well-formed",
        "expected an id of the form PREFIX-TOP-001; came 'TASK2-1'",
        replace(GOOD, id="TASK2-1"),
        place="spec/task-v2.md:10: TASK2-1",
    ),
    Broken(
        "id-has-prefix-of-document",
        "expected an id that starts with TASK2, as this document's ids do",
        replace(GOOD, id="WORK-HDR-001"),
        place="spec/task-v2.md:10: WORK-HDR-001",
    ),
    Broken(
        "id-has-prefix-of-document",
        f"expected a surface out of {', '.join(PREFIXES)}; came 'tasks'",
        replace(GOOD, surface="tasks"),
    ),
    Broken(
        "one-keyword",
        "expected exactly one keyword of RFC 2119; came MUST, SHOULD NOT",
        sentence("A producer MUST write it and SHOULD NOT write another."),
    ),
    Broken(
        "one-keyword",
        "expected exactly one keyword of RFC 2119; came none",
        sentence("A producer must write it."),
    ),
    Broken(
        "one-keyword",
        "an observation holds no keyword; came SHOULD",
        sentence("Celery SHOULD end.", observation=True),
    ),
    Broken(
        "one-sentence",
        "expected a full stop at the end; came ' MUST write the name'",
        sentence("A producer MUST write the name"),
    ),
    Broken(
        "one-sentence",
        "expected one sentence; a second one begins in it",
        sentence("A producer MUST write it. It is a name."),
    ),
    Broken(
        "known-keys",
        "expected keys out of roles, profile, when, since, until, evidence, harm, observation; came 'level'",
        fields(level="MUST"),
    ),
    Broken(
        "roles-known",
        "expected roles, a list out of producer, worker, reader, monitor, controller, scheduler; came None",
        fields(roles=None),
    ),
    Broken(
        "roles-known",
        "expected roles out of producer, worker, reader, monitor, controller, scheduler; came 'client'",
        fields(roles=["producer", "client"]),
    ),
    Broken(
        "profile-known",
        "expected a profile out of core, robust, events, control; came 'strict'",
        fields(profile="strict"),
    ),
    Broken("when-known", "expected when to be a mapping; came 'redis'", fields(when="redis")),
    Broken(
        "when-known",
        "expected when to name broker, store, serializer, protocol, pool; came 'queue'",
        fields(when={"queue": "celery"}),
    ),
    Broken(
        "versions-well-formed",
        "expected since as `celery X.Y` or `kombu X.Y`; came '5.1'",
        fields(since="5.1"),
    ),
    Broken(
        "versions-well-formed",
        "expected until as `celery X.Y` or `kombu X.Y`; came 'celery 5.1.2'",
        fields(until="celery 5.1.2"),
    ),
    Broken(
        "window-as-observed",
        "expected since as observed, 'celery 5.1' (spec/versions/windows.json); came 'celery 5.0'",
        fields(since="celery 5.0"),
        around=replace(AROUND, windows={"TASK2-HDR-001": {"since": "celery 5.1", "until": None}}),
    ),
    Broken(
        "window-as-observed",
        "expected until as observed, None (spec/versions/windows.json); came 'celery 5.2'",
        fields(until="celery 5.2"),
        around=replace(AROUND, windows={"TASK2-HDR-001": {"since": "celery 5.1", "until": None}}),
    ),
    Broken(
        "evidence-well-formed",
        "expected evidence, a list of fixture, case, source; came None",
        sentence("A producer SHOULD write it.", evidence=None, harm=None),
    ),
    Broken(
        "evidence-well-formed",
        "expected evidence as one of fixture, case, source; came {'run': 'x'}",
        fields(evidence=[{"fixture": "task-v2/plain"}, {"run": "x"}]),
    ),
    Broken(
        "evidence-well-formed",
        "expected the source to be well formed; came 'celery/app/amqp.py'",
        fields(evidence=[{"fixture": "task-v2/plain"}, {"source": "celery/app/amqp.py"}]),
    ),
    Broken(
        "fixtures-exist",
        "expected the fixture task-v2/gone as fixtures/task-v2/gone.json; there is none",
        fields(evidence=[{"fixture": "task-v2/gone"}]),
    ),
    Broken(
        "cases-exist",
        "expected a case with the id v2-gone; there is none",
        fields(evidence=[{"case": "v2-gone"}]),
        around=replace(AROUND, cases=frozenset({"v2-here"})),
    ),
    Broken(
        "sources-exist",
        "expected celery/app/amqp.py:AMQP.as_task_v2 in the installed source; it is not there",
        around=replace(AROUND, source_exists=lambda _: False),
    ),
    Broken(
        "harm-behind-must",
        "expected the harm behind a MUST: what a real peer or user suffers when it is broken",
        fields(harm=None),
    ),
    Broken(
        "harm-behind-must",
        "expected the harm behind a MUST: what a real peer or user suffers when it is broken",
        sentence("A producer MUST NOT write it.", harm=None),
    ),
    Broken(
        "harm-behind-must",
        "expected the harm as one sentence with a full stop; came 'lost'",
        fields(harm="lost"),
    ),
    Broken(
        "id-not-retired",
        "expected a new id; this one is retired and ids are never used again",
        around=replace(AROUND, retired=frozenset({"TASK2-HDR-001"})),
    ),
    Broken(
        "must-is-tested",
        "expected a fixture or a case behind a MUST, or its reason in spec/untested.yaml",
        fields(evidence=[{"source": "celery/app/amqp.py:AMQP"}]),
    ),
    Broken(
        "must-is-tested",
        "expected no entry in spec/untested.yaml: a fixture or a case covers it",
        around=replace(AROUND, untested={"TASK2-HDR-001": "Nobody can see it."}),
    ),
    Broken(
        "must-is-tested",
        "expected only MUST and MUST NOT in spec/untested.yaml",
        sentence("A producer MAY write it.", evidence=[{"source": "celery/app/amqp.py:AMQP"}]),
        around=replace(AROUND, untested={"TASK2-HDR-001": "Nobody can see it."}),
    ),
    Broken(
        "ids-unique",
        "expected each id once; this one stands 2 times",
        others=(replace(GOOD, line=20),),
        place="spec/task-v2.md:20: TASK2-HDR-001",
    ),
    Broken(
        "no-id-vanished",
        "expected to find it again, or in spec/retired.yaml: ids never vanish",
        around=replace(AROUND, previous=frozenset({"TASK2-HDR-001", "TASK2-HDR-002"})),
        place="spec/requirements.json:1: TASK2-HDR-002",
    ),
    Broken(
        "untested-known",
        "expected the id of a requirement",
        around=replace(AROUND, untested={"TASK2-HDR-002": "Nobody can see it."}),
        place="spec/untested.yaml:1: TASK2-HDR-002",
    ),
    Broken(
        "untested-known",
        "expected a reason",
        fields(evidence=[{"source": "celery/app/amqp.py:AMQP"}]),
        around=replace(AROUND, untested={"TASK2-HDR-001": " "}),
        place="spec/untested.yaml:1: TASK2-HDR-001",
    ),
    Broken(
        "keywords-only-in-requirements",
        "expected keywords only in requirements; this paragraph holds MUST NOT",
        paragraphs=(Paragraph(5, "Nobody MUST NOT do so."),),
        place="spec/task-v2.md:5: -",
    ),
]


def judge(broken: Broken) -> list[Problem]:
    document = Document("task-v2.md", "task-v2", "Tasks", (broken.entry, *broken.others), broken.paragraphs)
    return lint((document,), broken.around)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.rule)
def test_a_rule_catches_what_breaks_it_and_nothing_else_does(broken: Broken) -> None:
    """One fault in a document is one problem: the rule's own, with place, expectation and what came."""
    problems = judge(broken)
    assert [problem.rule for problem in problems] == [broken.rule]
    assert str(problems[0]) == f"{broken.place}: {broken.message}"


def test_a_good_document_has_no_problems() -> None:
    """Everything in the form of the contract passes every rule, evidence of each kind included."""
    entry = fields(
        evidence=[*FIELDS["evidence"], {"case": "v2-task-name"}],
        when={"protocol": 2, "broker": ["redis", "amqp"]},
        since="celery 4.0",
        until="kombu 5.7",
        profile="robust",
    )
    around = replace(AROUND, cases=frozenset({"v2-task-name"}))
    assert judge(Broken("", "", entry, paragraphs=(Paragraph(5, "It must be so."),), around=around)) == []


def test_cases_are_not_asked_for_when_nobody_says_which_exist() -> None:
    """A document may name cases before they are written."""
    assert judge(Broken("", "", fields(evidence=[{"case": "v2-later"}]))) == []


def test_a_retired_id_may_vanish() -> None:
    """An id that is withdrawn in order, and stands in retired.yaml, is not missed."""
    names = frozenset({"TASK2-HDR-001", "TASK2-HDR-002"})
    around = replace(AROUND, previous=names, retired=frozenset({"TASK2-HDR-002"}))
    assert judge(Broken("", "", around=around)) == []


def test_an_untested_must_with_a_reason_passes() -> None:
    """A MUST that only the source bears out is lawful when the reason is written down."""
    entry = fields(evidence=[{"source": "celery/app/amqp.py:AMQP"}])
    assert judge(Broken("", "", entry, around=replace(AROUND, untested={GOOD.id: "Nobody can see it."}))) == []


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_the_level_is_the_keyword(keyword: str) -> None:
    """MUST NOT is one keyword, not MUST; so is SHOULD NOT."""
    assert level_of(sentence(f"A producer {keyword} write it.")) == keyword


def test_an_observation_has_a_level_of_its_own() -> None:
    """A sentence without keyword is of the level OBSERVATION."""
    assert level_of(sentence("It ends.", observation=True)) == "OBSERVATION"


def test_every_rule_has_a_document_that_breaks_it() -> None:
    """A rule that nobody has seen to catch anything is no rule."""
    assert {broken.rule for broken in BROKEN} == {*ENTRY_RULES, *DOCUMENT_RULES}
