"""A result document made by hand, with every verdict in it, for the tests of the reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from celery_conformance.report.document import RunDocument, order
from celery_conformance.verdicts import Card, Result, Verdict


def _row(ms: float, party: str, fact: str, says: str, *, marked: bool = False) -> dict[str, Any]:
    return {"ms": ms, "party": party, "connection": 1, "fact": fact, "says": says, "marked": marked}


CARD = Card(
    sentence="A producer MUST put the same identifier into the `id` header and the `correlation_id` property.",
    requirement="TASK2-HDR-004",
    document="task-v2.md",
    harm="A result sent over rpc carries an id that no caller waits for, so the caller waits for ever.",
    pointer="/properties/correlation_id",
    expected='"4f1c"',
    actual='"other"',
    timeline=(
        _row(0.0, "client-1", "declared", 'what "queue", name "q"'),
        _row(1.25, "client-1", "published", 'queue "q", headers {"id": "4f1c"}', marked=True),
        _row(3.5, "worker-1", "delivered", 'queue "q"'),
    ),
    commands={
        "repeat": "celery-wire run example --broker redis --seed 7 -k ids-agree",
        "explain": "celery-wire explain TASK2-HDR-004",
        "excuse": "- {id: ids-agree, reason: …, link: …}  # in baseline.yaml",
    },
)
SHOULD_CARD = replace(
    CARD, sentence="A producer SHOULD write the `lang` header.", requirement="TASK2-HDR-001", harm="", pointer="",
    expected="something there: true", actual="nothing", timeline=(),
)  # fmt: skip

_FAILED = Result(
    name="ids-agree[serializer=json]",
    case="ids-agree",
    title="the id header and the correlation id agree",
    role="producer",
    surface="task-v2",
    level="MUST",
    requirements=("TASK2-HDR-004",),
    verdict=Verdict.FAIL,
    seconds=0.25,
    card=CARD,
)


def _other(verdict: Verdict, name: str, title: str, **more: Any) -> Result:
    given: dict[str, Any] = {"card": None, **more}
    return replace(_FAILED, verdict=verdict, name=name, case=name.partition("[")[0], title=title, **given)


RESULTS = (
    _FAILED,
    _other(Verdict.PASS, "task-name", "the task header names the task", seconds=0.125),
    _other(
        Verdict.WARN, "language", "the lang header is written", level="SHOULD", requirements=("TASK2-HDR-001",),
        card=SHOULD_CARD,
    ),
    _other(
        Verdict.KNOWN, "late-ack", "with acks_late a message is acknowledged after its task", role="worker",
        surface="worker", requirements=("WORK-ACK-002",), card=CARD,
        reason="it knows no late acknowledgement (https://example.org/issues/1)",
    ),
    _other(
        Verdict.STALE, "early-ack", "by default a message is acknowledged before its task ends", role="worker",
        surface="worker", requirements=("WORK-ACK-001",), reason="it passes, but the baseline says: too slow",
    ),
    _other(
        Verdict.FLAKY, "redelivery", "a message of a dead worker is given to another", role="worker",
        surface="worker", requirements=("WORK-ACK-003",), reason="1 of 3 runs failed", card=CARD,
    ),
    _other(
        Verdict.UNSUPPORTED, "countdown", "a countdown becomes an eta", requirements=("TASK2-ETA-001",),
        reason="declared without the client option countdown", seconds=0.0,
    ),
    _other(
        Verdict.NOT_APPLICABLE, "confirms", "a confirmed publish waits", requirements=("AMQP-PUB-001",),
        reason="it is about amqp", seconds=0.0,
    ),
    _other(
        Verdict.ADAPTER_ERROR, "answers", "a client answers once", role="reader", surface="results",
        requirements=("RES-RDR-001",), reason="expected one reply a request, came one more with id 7",
    ),
    _other(
        Verdict.SUITE_ERROR, "own-fault", "the suite knows its own cases", role="reader", surface="results",
        requirements=("RES-RDR-002",), reason="Traceback (most recent call last):\n  …\nKeyError: 'sent'",
    ),
)  # fmt: skip

DOCUMENT = RunDocument(
    implementation="example",
    title="Example",
    language="Python",
    version="1.2.3",
    broker="redis",
    broker_version="Redis 6.2.14",
    store="redis",
    edition="0.1.0",
    suite_version="0.1.0",
    seed=7,
    jobs=24,
    started="2026-01-02T03:04:05+00:00",
    seconds=12.34,
    exit_code=4,
    results=order(RESULTS),
    coverage={"TASK2-HDR-004": ("ids-agree",), "WORK-ACK-002": ("late-ack", "early-ack")},
    notes=("the broker was busy",),
)

#: Text that tries to be something else: HTML, rich's markup, Markdown, a terminal's commands, no text at all.
HOSTILE = (
    "<script>alert(1)</script></pre>&amp;\"'>[bold red]x[/][/nothing] :warning: | a | "
    "`code` ``` *em* _em_ [l](http://x) \x1b[2J\x1b]0;title\x07\r\x9b31m \u202eover\u2066 \ud800 \x00 ]]> "
    "{{ 7*7 }} {% raw %}\n# head\n> quote\n1. one"
)


def hostile() -> RunDocument:
    """The document with hostile text wherever an implementation or its adapter could have put any."""
    timeline = (_row(1, "client-1", "published", HOSTILE, marked=True),)
    card = replace(CARD, actual=HOSTILE, expected=HOSTILE, pointer="/" + HOSTILE, timeline=timeline)
    spoilt: dict[str, Any] = {"reason": HOSTILE, "title": HOSTILE, "name": f"c[{HOSTILE}]"}
    results = [replace(result, **spoilt, card=result.card and card) for result in RESULTS]
    about: dict[str, Any] = {"title": HOSTILE, "version": HOSTILE, "implementation": HOSTILE}
    return replace(DOCUMENT, **about, results=order(results), notes=(HOSTILE,))
