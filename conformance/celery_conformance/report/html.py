"""The report as one HTML file that holds all it needs: no script, style, font or picture comes from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from celery_conformance.report.document import RunDocument
from celery_conformance.verdicts import Verdict

#: Verdict → the class that colours it.
_TONES: dict[Verdict, str] = {
    Verdict.PASS: "good",
    Verdict.FAIL: "bad",
    Verdict.SUITE_ERROR: "bad",
    Verdict.ADAPTER_ERROR: "bad",
    Verdict.STALE: "odd",
    Verdict.FLAKY: "odd",
    Verdict.KNOWN: "odd",
    Verdict.WARN: "warned",
    Verdict.UNSUPPORTED: "quiet",
    Verdict.NOT_APPLICABLE: "quiet",
}


@cache
def _template() -> Template:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


def as_html(document: RunDocument) -> str:
    """The whole run as one page."""
    counts = document.count()
    present = [verdict for verdict in Verdict if counts[str(verdict)]]
    return _template().render(
        run=document,
        counts=counts,
        verdicts=present,
        tones={str(verdict): tone for verdict, tone in _TONES.items()},
        tables={"role": document.table("role"), "surface": document.table("surface")},
        total=len(document.results),
        counted_cases=document.counted_cases,
    )
