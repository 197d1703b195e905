"""The HTML report in a real browser: it filters, it asks nobody for anything, and nothing in it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery_conformance.report.html import as_html

from .chromium import Browser, find
from .documents import CARD, DOCUMENT, RESULTS, hostile

pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("browser")]

_SHOWN = "[...document.querySelectorAll('.result')].filter(e => e.getClientRects().length).map(e => e.dataset.verdict)"
_COUNT = "document.getElementById('shown').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this file."""
    program = find()
    if program is None:
        pytest.skip("there is no Chromium on PATH (apt install chromium)")
    made = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Browser:
    """The ordinary report, freshly opened."""
    path = tmp_path / "report.html"
    path.write_text(as_html(DOCUMENT), encoding="utf-8")
    browser.open(path)
    return browser


def test_everything_is_shown_at_first(page: Browser) -> None:
    """A fresh report shows every case, and the cards of the gravest stand open."""
    assert len(page.evaluate(_SHOWN)) == len(RESULTS)
    assert page.evaluate(_COUNT) == "10 shown"
    assert page.evaluate("[...document.querySelectorAll('.result[open]')].map(e => e.dataset.verdict)") == [
        "suite error", "adapter error", "fail",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "verdicts"),
    [
        ("ids-agree", ["fail"]),
        ("task2-hdr-001", ["warn"]),
        ("READER answers", ["adapter error"]),
        ("acknowledged after", ["known failure"]),
        ("no such case", []),
        ("  ", [str(result.verdict) for result in DOCUMENT.results]),
    ],
)
def test_the_filter_hides_what_does_not_fit(page: Browser, typed: str, verdicts: list[str]) -> None:
    """Words typed into the filter leave the cases that have all of them, in any order and case, and their number."""
    page.click("#filter")
    page.type(typed)
    assert page.evaluate(_SHOWN) == verdicts
    assert page.evaluate(_COUNT) == f"{len(verdicts)} shown"


def test_a_chip_hides_and_shows_its_verdict(page: Browser) -> None:
    """A chip switches the cases of its verdict off and on, together with the filter."""
    page.click(".chip[data-verdict=fail]")
    assert "fail" not in page.evaluate(_SHOWN)
    assert page.evaluate("document.querySelector('.chip[data-verdict=fail]').getAttribute('aria-pressed')") == "false"
    page.click("#filter")
    page.type("ids-agree")
    assert page.evaluate(_SHOWN) == []
    page.click(".chip[data-verdict=fail]")
    assert page.evaluate(_SHOWN) == ["fail"]


def test_a_row_of_a_table_picks_its_cases(page: Browser) -> None:
    """A role or a surface in the tables is a link that filters by it."""
    page.click("[data-pick=reader]")
    assert page.evaluate(_SHOWN) == ["suite error", "adapter error"]


def test_a_card_opens_and_shows_the_guilty_line(page: Browser) -> None:
    """A click opens a closed case; its card shows the marked line of the timeline and the commands."""
    page.click(".result[data-verdict=flaky] summary")
    inside = "document.querySelector('.result[data-verdict=flaky] .inside')"
    assert page.evaluate(f"{inside}.getClientRects().length") == 1
    text = page.evaluate(f"{inside}.innerText")
    assert CARD.sentence.replace("`", "") in text
    assert page.evaluate(f"[...{inside}.querySelectorAll('blockquote code')].map(e => e.textContent)") == [
        "id", "correlation_id",
    ]  # fmt: skip
    assert CARD.commands["repeat"] in text
    assert page.evaluate(f"{inside}.querySelectorAll('tr.marked').length") == 1


def test_a_narrow_screen_is_no_wider_than_itself(page: Browser) -> None:
    """On a screen of 360 pixels nothing but a table or a line of code scrolls sideways."""
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_nothing_leaves_the_page(browser: Browser, tmp_path: Path, which: str) -> None:
    """Opening and using a report asks for the file alone; no script but its own runs, and nothing is complained of."""
    path = tmp_path / "report.html"
    document = DOCUMENT if which == "ordinary" else hostile()
    path.write_bytes(as_html(document).encode("utf-8", "backslashreplace"))
    browser.open(path)
    browser.click("#filter")
    browser.type("a")
    browser.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if url != "data:,"] == [path.as_uri()]
    complaints = (
        "Runtime.consoleAPICalled",
        "Runtime.exceptionThrown",
        "Log.entryAdded",
        "Page.javascriptDialogOpening",
    )
    assert [event for event in browser.events if event["method"] in complaints] == []
    assert browser.evaluate("document.scripts.length") == 1
    assert len(browser.evaluate(_SHOWN)) == len(RESULTS)


def test_the_browser_would_tell(browser: Browser, tmp_path: Path) -> None:
    """The checks above can fail: a page that asks for a file, logs an error and throws is seen to do so."""
    path = tmp_path / "bad.html"
    path.write_text("<img src=elsewhere.png><script>console.error('x'); throw new Error('y')</script>")
    browser.open(path)
    told = {event["method"] for event in browser.events}
    assert told >= {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert any(url.endswith("elsewhere.png") for url in asked)
