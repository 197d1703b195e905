"""Every link of the built site leads somewhere, and nothing is loaded from elsewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from celery_conformance import specification
from celery_conformance.cases.load import load as load_cases
from celery_conformance.fixtures import load as load_fixtures

from .pages import Page, broken, is_outside, read


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return read(site)


def test_every_link_inside_leads_to_its_page_and_anchor(pages: dict[Path, Page]) -> None:
    """A reader who follows a link comes to the place it names."""
    assert len(pages) > 40
    assert sum(len(page.clicked) for page in pages.values()) > 5000
    assert broken(pages) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """The check can fail: a page that is missing and an anchor that is missing are each named."""
    (tmp_path / "a.html").write_text('<a href="b.html#there">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<h4 id="there">x</h4>')
    assert broken(read(tmp_path)) == ["a.html: b.html#gone: no such anchor", "a.html: c.html: no such file"]


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page], site: Path) -> None:
    """A reader's browser asks no other host for fonts, scripts, styles or pictures."""
    assert [address for page in pages.values() for address in page.loaded if is_outside(address)] == []
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert not any("url(http" in text or "@import" in text for text in styles)


def test_anchors_stand_once(pages: dict[Path, Page]) -> None:
    """An anchor that stood twice on a page would lead to the wrong place."""
    twice = {
        (path.name, anchor)
        for path, page in pages.items()
        for anchor, count in Counter(page.anchors).items()
        if count > 1 and not anchor.startswith("__")
    }
    assert twice == set()


def test_every_requirement_has_an_anchor_in_its_document(pages: dict[Path, Page], site: Path) -> None:
    """Whoever knows an id can link to its sentence: spec/<document>.html#<id>."""
    for one in specification.load():
        place = site / "spec" / one.document.replace(".md", ".html")
        assert one.id in pages[place].anchors


def test_every_fixture_and_case_has_an_anchor(pages: dict[Path, Page], site: Path) -> None:
    """Evidence that a requirement names can be looked at."""
    for fixture in load_fixtures():
        surface, _, own = fixture.name.partition("/")
        assert own in pages[site / "reference" / "fixtures" / f"{surface}.html"].anchors
    for case in load_cases():
        assert case.id in pages[site / "reference" / "cases" / f"{case.topic}.html"].anchors


def test_no_requirement_block_is_left_as_code(site: Path) -> None:
    """Levels, roles, evidence and harm are read as text, not as YAML."""
    for path in (site / "spec").rglob("*.html"):
        if path.name != "index.html":
            assert "language-requirement" not in path.read_text(), path.name
            assert "evidence:" not in path.read_text(), path.name
