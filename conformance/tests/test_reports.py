"""Reports are held by golden files, and nothing that comes from an implementation can break one.

To write the golden files anew after a change that is meant: ``CELERY_WIRE_REWRITE_GOLDEN=1 pytest
conformance/tests/test_reports.py``, then look at the difference before it is committed.
"""

from __future__ import annotations

import html.parser
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from celery_conformance.errors import UsageError
from celery_conformance.report import terminal
from celery_conformance.report.html import as_html
from celery_conformance.report.junit import as_junit
from celery_conformance.report.markdown import as_markdown, code, escape, paragraph
from celery_conformance.report.text import visible
from celery_conformance.report.write import as_json, check_folder, write_all
from celery_conformance.schemas import documents as schema_documents
from celery_conformance.schemas import problems
from celery_conformance.verdicts import Verdict
from rich.console import Console

from .documents import CARD, DOCUMENT, HOSTILE, RESULTS, hostile

GOLDEN = Path(__file__).parent / "golden"


def _console(width: int = 100, **more: Any) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False, **more)


def _printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())


def _on_terminal(document: Any) -> str:
    console = _console()
    terminal.show(console, document)
    return _printed(console)


_FORMS: dict[str, Callable[[Any], str]] = {
    "report.json": as_json,
    "report.md": as_markdown,
    "junit.xml": as_junit,
    "terminal.txt": _on_terminal,
}


@pytest.mark.parametrize("name", _FORMS)
def test_a_report_is_as_agreed(name: str) -> None:
    """Each report of a document with every verdict in it is, to the letter, the one people agreed to."""
    path, written = GOLDEN / name, _FORMS[name](DOCUMENT)
    if os.environ.get("CELERY_WIRE_REWRITE_GOLDEN"):
        path.write_text(written, encoding="utf-8")
    assert written == path.read_text(encoding="utf-8")


def test_the_document_has_every_verdict() -> None:
    """The golden files show each verdict there is."""
    assert {result.verdict for result in RESULTS} == set(Verdict)


# -- JSON -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [DOCUMENT, hostile()], ids=["ordinary", "hostile"])
def test_the_document_keeps_its_schema(document: Any) -> None:
    """report.json is what its schema says, whatever an implementation put into it."""
    written = json.loads(as_json(document).encode("utf-8", "backslashreplace"))
    assert list(problems("report", written)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda written: written.pop("seed"),
        lambda written: written.update(extra=1),
        lambda written: written.update(exit_code=5),
        lambda written: written["counts"].pop("pass"),
        lambda written: written["results"][0].pop("verdict"),
        lambda written: written["results"][0].update(verdict="passed"),
        lambda written: written["results"][0].update(level="must"),
        lambda written: next(r for r in written["results"] if r["card"])["card"].pop("harm"),
        lambda written: next(r for r in written["results"] if r["card"])["card"]["timeline"].append({}),
        lambda written: written["coverage"].update({"TASK2": ["x"]}),
    ],
)
def test_the_schema_refuses_another_shape(spoil: Callable[[Any], Any]) -> None:
    """A document that lacks a field, has one more, or a value of another kind is none."""
    written = json.loads(as_json(DOCUMENT))
    spoil(written)
    assert list(problems("report", written)) != []


def test_the_schema_explains_every_property() -> None:
    """Each property of the schema has a description: the schema is the manual."""
    schema = schema_documents()["report"]
    for part in (schema, *(schema["$defs"][name] for name in ("result", "card", "row"))):
        for name, about in part["properties"].items():
            assert about.get("description") or "$ref" in about, name


# -- JUnit ------------------------------------------------------------------------------------------------------


def _cases(document: Any) -> list[tuple[str, ElementTree.Element]]:
    root = ElementTree.fromstring(as_junit(document))
    return [(next((child.tag for child in case), "passed"), case) for case in root.iter("testcase")]


def test_junit_tells_failures_from_errors() -> None:
    """A broken requirement is a failure, what kept the suite from judging an error, what was not judged skipped."""
    told = {case.get("name"): kind for kind, case in _cases(DOCUMENT)}
    assert told == {
        "ids-agree[serializer=json]": "failure",
        "early-ack": "failure",
        "redelivery": "failure",
        "answers": "error",
        "own-fault": "error",
        "late-ack": "skipped",
        "countdown": "skipped",
        "confirms": "skipped",
        "task-name": "passed",
        "language": "system-out",
    }


def test_junit_counts_what_it_shows() -> None:
    """The counts of each suite are those of its test cases."""
    for suite in ElementTree.fromstring(as_junit(DOCUMENT)).iter("testsuite"):
        shown = [child.tag for case in suite.iter("testcase") for child in case]
        assert suite.get("tests") == str(len(list(suite.iter("testcase"))))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(attribute) == str(shown.count(tag))


def test_junit_has_the_card() -> None:
    """A failure says in one line what was expected and what came, and in its text the sentence, harm and timeline."""
    (failure,) = [case for kind, case in _cases(DOCUMENT) if case.get("name") == "ids-agree[serializer=json]"]
    element = failure[0]
    assert element.get("message") == 'expected at /properties/correlation_id: "4f1c"; actual: "other"'
    for piece in (CARD.sentence, CARD.harm, CARD.commands["repeat"], ">       1.2 ms client-1"):
        assert piece in (element.text or "")


def test_junit_shows_what_xml_cannot_hold() -> None:
    """Characters that XML 1.0 has no place for are shown as escapes; all others come back as they were."""
    cases = _cases(hostile())
    assert len(cases) == len(RESULTS)
    for _, case in cases:
        name = case.get("name") or ""
        assert "<script>alert(1)</script>" in name
        assert "\\x1b[2J" in name
        assert "\\ud800 \\x00" in name


# -- hostile text -----------------------------------------------------------------------------------------------


class _Page(html.parser.HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _page(document: Any) -> _Page:
    page = _Page()
    page.feed(as_html(document))
    page.close()
    return page


def test_html_is_broken_by_nothing() -> None:
    """Hostile text adds no element, no handler and no link, and is shown as it is."""
    good, bad = _page(DOCUMENT), _page(hostile())
    assert bad.tags.count("script") == good.tags.count("script") == 1
    assert bad.tags.count("details") == len(RESULTS)
    assert bad.handlers == []
    assert set(bad.links) == set(good.links) == {"data:,", "#results"}
    assert any("<script>alert(1)</script>" in text and "{{ 7*7 }}" in text for text in bad.text)


def test_markdown_is_broken_by_nothing() -> None:
    """Hostile text adds no heading, no table row, no quote and no HTML to the Markdown report."""
    good, bad = as_markdown(DOCUMENT).splitlines(), as_markdown(hostile()).splitlines()

    def shape(lines: list[str]) -> list[str]:
        """The beginnings of the lines, without what they say."""
        return [found[0] if (found := re.match(r"#+ |[|>-]|$", line)) else "text" for line in lines]

    told = [kind for kind in shape(bad) if kind != "-"]
    assert told == [kind for kind in shape(good) if kind != "-"]
    assert not any(re.search(r"(?<![`\\&])<script", re.sub(r"(`+).*?\1", "", line)) for line in bad)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<b>&lt;", "&lt;b>&amp;lt;"),
        ("*a* _b_ `c` [d](e)", "\\*a\\* \\_b\\_ \\`c\\` \\[d\\](e)"),
        ("1.2.3", "1.2.3"),
        ("a\nb", "a b"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_markdown_escapes_markup(text: str, shown: str) -> None:
    """Prose stays prose."""
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("# head", "\\# head"), ("- item", "\\- item"), ("1. item", "1\\. item"), ("a # b", "a # b")]
)
def test_markdown_lines_begin_nothing(text: str, shown: str) -> None:
    """A text on a line of its own is no heading and no item of a list."""
    assert paragraph(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("a``b`c", "```a``b`c```"),
        ("", "` `"),
        ("a\nb", "`a b`"),
    ],
)
def test_markdown_code_is_ended_by_nothing(text: str, shown: str) -> None:
    """A code span has a longer fence than anything in it."""
    assert code(text) == shown


@pytest.mark.parametrize("interactive", [False, True])
def test_the_terminal_obeys_nothing(interactive: bool) -> None:
    """Hostile text is no markup, clears no screen and turns no writing round, on a terminal or in a log."""
    document, console = hostile(), _console(width=500, force_terminal=interactive)
    with terminal.LiveProgress(console, len(document.results), f"{document.title} {document.version}") as progress:
        for result in document.results:
            progress.advance(result)
    shown = _console(width=500)
    terminal.show(shown, document)
    for printed in (console.file.getvalue(), shown.file.getvalue()):  # type: ignore[attr-defined]  # both are StringIO
        assert "[bold red]x[/][/nothing] :warning:" in printed
        assert "\\x1b[2J\\x1b]0;title\\x07\\r\\x9b31m \\u202eover\\u2066 \\ud800 \\x00" in printed
        assert "\x1b[2J\x1b]0" not in printed
        assert not set(printed) & set("\x07\x9b\u202e\u2066\ud800\x00")


def test_only_what_is_obeyed_is_escaped() -> None:
    """Letters of any script, line feeds and tabs stay as they are."""
    assert visible("é 漢字 العربية 😀\n\tend") == "é 漢字 العربية 😀\n\tend"
    assert visible("\x1b\r\x00\ud83d") == "\\x1b\\r\\x00\\ud83d"


def test_the_guilty_line_is_always_shown() -> None:
    """Of a long timeline the terminal shows the part with the marked line in it."""
    row = CARD.timeline[0]
    for place in (0, 5, 30, 49):
        rows = tuple({**row, "ms": float(number), "marked": number == place} for number in range(50))
        console = _console()
        console.print(terminal.timeline(rows))
        (marked,) = [line for line in _printed(console).splitlines() if "▶" in line]
        assert f" {place} " in marked


@pytest.mark.parametrize("width", [80, 60])
def test_a_long_line_leaves_room_for_its_neighbours(width: int) -> None:
    """However much a fact has to say, its moment, party and kind stay readable on a narrow terminal."""
    rows = tuple({**row, "says": "word " * 200, "marked": False} for row in CARD.timeline)
    console = _console(width)
    console.print(terminal.timeline(rows))
    printed = _printed(console)
    for row in CARD.timeline:
        assert re.search(rf"{row['ms']:.0f} +{row['party']} +{row['fact']} +word", printed)


# -- writing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [DOCUMENT, hostile()], ids=["ordinary", "hostile"])
def test_all_reports_are_written(tmp_path: Path, document: Any) -> None:
    """The four reports are written into a folder that need not exist, as UTF-8 that anybody can read."""
    paths = write_all(document, tmp_path / "deep" / "report")
    assert [path.name for path in paths] == ["report.json", "junit.xml", "report.md", "report.html"]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    assert json.loads(texts[0])["format"] == 1


@pytest.mark.parametrize("use", [check_folder, lambda folder: write_all(DOCUMENT, folder)], ids=["check", "write"])
def test_a_folder_that_cannot_be_is_told(tmp_path: Path, use: Callable[[Path], Any]) -> None:
    """A report folder that cannot be made is a usage error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"expected a folder to write to in --report, came '.*file/report'"):
        use(tmp_path / "file" / "report")


def test_checking_a_folder_leaves_nothing_in_it(tmp_path: Path) -> None:
    """A checked folder exists and is empty."""
    check_folder(tmp_path / "report")
    assert list((tmp_path / "report").iterdir()) == []


def test_hostile_text_is_hostile() -> None:
    """The text of these tests holds what each report has to withstand."""
    assert all(
        piece in HOSTILE for piece in ("<script>", "[bold", "`", "|", "\x1b", "\u202e", "\ud800", "\x00", "\n# ")
    )
