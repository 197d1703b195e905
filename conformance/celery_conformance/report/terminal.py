"""What a run shows on a terminal: progress while it goes on, then cards and a summary.

On a terminal there is a bar; elsewhere plain lines that a log can hold. Nothing here decides anything. What comes
from an implementation is shown as it is: it is never taken for markup, and no terminal obeys it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from celery_conformance.report.document import RunDocument
from celery_conformance.report.text import visible
from celery_conformance.verdicts import Result, Verdict

STYLES: dict[Verdict, str] = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.KNOWN: "magenta",
    Verdict.STALE: "bold magenta",
    Verdict.FLAKY: "bold yellow",
    Verdict.UNSUPPORTED: "cyan",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.ADAPTER_ERROR: "bold red",
    Verdict.SUITE_ERROR: "bold red",
}
#: Verdicts whose cards are printed in full.
SHOWN = (Verdict.SUITE_ERROR, Verdict.ADAPTER_ERROR, Verdict.FAIL, Verdict.STALE, Verdict.FLAKY)
_TIMELINE_ROWS = 12


def plain(content: str, style: str = "") -> Text:
    """A text to be shown as it is."""
    return Text(visible(content), style=style)


class LiveProgress:
    """Tells what goes on; use as a context manager around the run."""

    def __init__(self, console: Console, total: int, title: str) -> None:
        self._console = console
        self._total = total
        self._title = title
        self._done = 0
        self._bad = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> LiveProgress:
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(visible(self._title), total=self._total)
        else:
            self._console.print(plain(f"{self._title}: {self._total} cases"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, result: Result) -> None:
        """A case got done."""
        self._done += 1
        if result.verdict in SHOWN:
            self._bad += 1
            line = f"{result.verdict.upper()} {result.name}: {result.title}"
            (self._bar.console if self._bar else self._console).print(plain(line, STYLES[result.verdict]))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._done % 25 == 0 or self._done == self._total:
            self._console.print(f"{self._done}/{self._total} done, {self._bad} failed", markup=False)


def card(result: Result) -> RenderableType:
    """One failure as a panel."""
    parts: list[RenderableType] = [plain(result.title)]
    if result.reason:
        parts.append(plain(result.reason, "italic"))
    if result.card is not None:
        parts += _card_lines(result)
    style = STYLES[result.verdict]
    title = Text.assemble((result.verdict.upper(), style), " ", plain(result.name))
    return Panel(Group(*parts), title=title, title_align="left", border_style=style)


def _card_lines(result: Result) -> list[RenderableType]:
    found = result.card
    assert found is not None
    lines: list[RenderableType] = []
    if found.requirement:
        lines.append(plain(f"[{found.requirement}] {found.sentence}", "bold"))
        lines.append(plain(f"where it stands: spec/{found.document}", "dim"))
    if found.harm:
        lines.append(plain(f"harm: {found.harm}", "dim"))
    place = f" at {found.pointer}" if found.pointer else ""
    lines.append(plain(f"expected{place}: {found.expected}", "green"))
    lines.append(plain(f"actual: {found.actual}", "red"))
    if found.timeline:
        lines.append(timeline(found.timeline))
    lines += [plain(f"{name}: {command}", "dim") for name, command in found.commands.items()]
    return lines


def timeline(rows: tuple[dict[str, Any], ...]) -> Table:
    """The rows around the marked ones."""
    table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
    for name in ("", "ms", "party", "fact"):
        widest = max((len(str(row.get(name, ""))) for row in rows), default=0)
        table.add_column(name, no_wrap=True, min_width=min(max(widest, len(name)), 18) if name else 1)
    table.add_column("", overflow="fold")
    for row in _around_marked(rows):
        mark = "▶" if row["marked"] else ""
        style = "bold red" if row["marked"] else ""
        says = row["says"] if len(row["says"]) < 160 else row["says"][:160] + "…"
        table.add_row(mark, f"{row['ms']:.0f}", plain(row["party"]), plain(row["fact"]), plain(says), style=style)
    return table


def _around_marked(rows: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """As many rows as are shown: up to two behind the last marked one, or the last of all."""
    marked = [place for place, row in enumerate(rows) if row["marked"]]
    end = min(len(rows), max(marked[-1] + 3, _TIMELINE_ROWS)) if marked else len(rows)
    return rows[max(0, end - _TIMELINE_ROWS) : end]


def summary(document: RunDocument) -> RenderableType:
    """The last lines of a run."""
    head = plain(f"{document.title} {document.version} on {document.broker_version}, store {document.store}", "bold")
    counts, roles = document.count(), document.table("role")
    table = Table(box=None, padding=(0, 2), show_edge=False)
    for name in ("", *roles, "all"):
        table.add_column(plain(name), justify="right" if name else "left")
    for verdict in (str(verdict) for verdict in Verdict if counts[verdict]):
        shown = [str(found.get(verdict, "")) for found in roles.values()]
        table.add_row(verdict, *shown, str(counts[verdict]), style=STYLES[Verdict(verdict)])
    tail = plain(f"{document.counted_cases} in {document.seconds:.1f} s, seed {document.seed}", "dim")
    return Group(head, table, tail)


def show(console: Console, document: RunDocument) -> None:
    """Print cards and summary."""
    for result in document.results:
        if result.verdict in SHOWN:
            console.print(card(result))
    warned = [result for result in document.results if result.verdict is Verdict.WARN]
    for result in warned:
        found = result.card
        detail = f": expected {found.expected}, actual {found.actual}" if found else ""
        console.print(plain(f"warn {result.name}: {result.title}{detail}", STYLES[Verdict.WARN]))
    console.print(summary(document))
