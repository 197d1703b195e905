"""JUnit XML, as build servers read it.

A broken requirement is a failure; what kept the suite from judging is an error; what was not judged on purpose is
skipped. A broken SHOULD passes, and its card stands in the output of the test.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

from celery_conformance.report.document import RunDocument
from celery_conformance.verdicts import Result, Verdict

#: How a verdict stands in JUnit; what is missing here passes.
ELEMENTS: dict[Verdict, str] = {
    Verdict.FAIL: "failure",
    Verdict.STALE: "failure",
    Verdict.FLAKY: "failure",
    Verdict.ADAPTER_ERROR: "error",
    Verdict.SUITE_ERROR: "error",
    Verdict.UNSUPPORTED: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
    Verdict.KNOWN: "skipped",
}

#: What XML 1.0 cannot hold, not even escaped.
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """A text with what XML cannot hold shown as escapes."""
    return _UNPRINTABLE.sub(lambda match: match.group().encode("unicode_escape", "surrogatepass").decode(), text)


def as_junit(document: RunDocument) -> str:
    """The whole run as XML text; one suite a role."""
    root = ElementTree.Element(
        "testsuites", name=clean(f"celery-wire {document.implementation}"), time=str(document.seconds)
    )
    for role in sorted({result.role for result in document.results}):
        _suite(root, document, role)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, document: RunDocument, role: str) -> None:
    results = [result for result in document.results if result.role == role]
    count = Counter(ELEMENTS.get(result.verdict, "passed") for result in results)
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=clean(role),
        tests=str(len(results)),
        failures=str(count["failure"]),
        errors=str(count["error"]),
        skipped=str(count["skipped"]),
        time=f"{sum(result.seconds for result in results):.3f}",
        timestamp=document.started,
    )
    about = ElementTree.SubElement(suite, "properties")
    for name in ("implementation", "version", "broker_version", "store", "edition", "seed"):
        ElementTree.SubElement(about, "property", name=name, value=clean(str(getattr(document, name))))
    for result in results:
        _case(suite, result)


def _case(suite: ElementTree.Element, result: Result) -> None:
    where = f"{result.role}.{result.surface}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=clean(where), name=clean(result.name), time=f"{result.seconds:.3f}"
    )
    kind = ELEMENTS.get(result.verdict)
    if kind is not None:
        said = ElementTree.SubElement(case, kind, attrib={"message": clean(headline(result)), "type": result.verdict})
        if kind != "skipped":
            said.text = clean(as_text(result))
    elif result.card is not None:
        ElementTree.SubElement(case, "system-out").text = clean(as_text(result))


def headline(result: Result) -> str:
    """One line on why a result is not a pass."""
    if result.card is not None and result.verdict is not Verdict.KNOWN:
        place = f" at {result.card.pointer}" if result.card.pointer else ""
        return f"expected{place}: {result.card.expected}; actual: {result.card.actual}"
    return result.reason.strip().splitlines()[-1] if result.reason.strip() else result.title


def as_text(result: Result) -> str:
    """The card as plain text: title, sentence, harm, expected, actual, timeline, commands."""
    lines = [result.title, result.reason]
    card = result.card
    if card is not None:
        place = f" at {card.pointer}" if card.pointer else ""
        lines += [f"[{card.requirement}] {card.sentence}", f"harm: {card.harm}" if card.harm else ""]
        lines += [f"expected{place}: {card.expected}", f"actual: {card.actual}"]
        lines += [
            f"{'>' if row['marked'] else ' '} {row['ms']:>9.1f} ms {row['party']:<10} {row['fact']:<16} {row['says']}"
            for row in card.timeline
        ]
        lines += [f"{name}: {command}" for name, command in card.commands.items()]
    return "\n".join(line for line in lines if line)
