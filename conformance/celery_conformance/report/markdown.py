"""The report as Markdown, for a pull request or a wiki."""

from __future__ import annotations

import re

from celery_conformance.report.document import RunDocument
from celery_conformance.report.junit import headline
from celery_conformance.report.text import visible
from celery_conformance.verdicts import Result, Verdict

_TOLD = (
    Verdict.SUITE_ERROR,
    Verdict.ADAPTER_ERROR,
    Verdict.FAIL,
    Verdict.STALE,
    Verdict.FLAKY,
    Verdict.WARN,
    Verdict.KNOWN,
)


_MARKUP = re.compile(r"[\\`*_\[\]|~]")
_LINE_START = re.compile(r"^([#+=>-]|\d+(?=[.)]))")
_TICKS = re.compile("`+")


def escape(text: str) -> str:
    """A text on one line that cannot break a table or start markup."""
    flat = visible(" ".join(text.split("\n"))).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\g<0>", flat)


def paragraph(text: str) -> str:
    """A text on a line of its own that is no heading, quote or list either."""
    return _LINE_START.sub(lambda match: match[0] + "\\" if match[0].isdigit() else "\\" + match[0], escape(text))


def code(text: str) -> str:
    """A text on one line as a code span that nothing in it can end."""
    flat = visible(" ".join(text.split("\n"))) or " "
    fence = "`" * (max((len(run) for run in _TICKS.findall(flat)), default=0) + 1)
    pad = " " if "`" in (flat[0], flat[-1]) else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def as_markdown(document: RunDocument) -> str:
    """The whole run."""
    parts = [_head(document), _table(document, "role"), _table(document, "surface")]
    parts += [_section(document, verdict) for verdict in _TOLD]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(document: RunDocument) -> str:
    lines = [
        f"# {escape(document.title)} {escape(document.version)}: celery-wire report",
        "",
        f"Judged on {escape(document.broker_version)} with the store {document.store}, "
        f"specification {document.edition}, on {document.started}. "
        f"{document.counted_cases} in {document.seconds:.1f} s, seed {document.seed}.",
    ]
    notes = [f"- {paragraph(note)}" for note in document.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _table(document: RunDocument, by: str) -> str:
    counts = document.count()
    present = [str(verdict) for verdict in Verdict if counts[str(verdict)]]
    rows = [f"| {by} | {' | '.join(present)} |", f"|---|{'---:|' * len(present)}"]
    for group, found in document.table(by).items():
        rows.append(f"| {escape(group)} | {' | '.join(str(found.get(name, 0)) for name in present)} |")
    return "\n".join(rows)


def _section(document: RunDocument, verdict: Verdict) -> str:
    results = [result for result in document.results if result.verdict is verdict]
    if not results:
        return ""
    return "\n\n".join([f"## {str(verdict).capitalize()} ({len(results)})", *(_entry(result) for result in results)])


def _entry(result: Result) -> str:
    lines = [f"### {code(result.name)}", "", paragraph(result.title) + "."]
    card = result.card
    if card is None:
        return "\n".join([*lines, "", paragraph(headline(result))])
    if card.requirement:
        lines += ["", f"> **[{card.requirement}]** {card.sentence}"]  # Markdown of the specification's own
    place = f" at {code(card.pointer)}" if card.pointer else ""
    lines += ["", f"- expected{place}: {code(card.expected)}", f"- actual: {code(card.actual)}"]
    if card.harm:
        lines.append(f"- harm: {card.harm}")
    if result.reason:
        lines.append(f"- {paragraph(result.reason)}")
    return "\n".join(lines)
