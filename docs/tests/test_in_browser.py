"""The site in a real browser, opened from disk: it fits a narrow screen, searches, and asks no host for anything."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery_conformance.specification import load as load_requirements

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
NARROW = 390


def _chromium() -> Any:
    """The suite's own browser, which its report is tested with."""
    spec = importlib.util.spec_from_file_location("site_chromium", ROOT / "conformance" / "tests" / "chromium.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


chromium = _chromium()
pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(chromium.find() is None, reason="needs a Chromium binary"),
]

PAGES = (
    "index.html", "upstream.html", "guides/build-a-client.html", "guides/read-a-message.html", "spec/index.html",
    "spec/task-v2.html", "spec/primer.html", "reference/coverage.html", "reference/asyncapi.html",
    "reference/python.html", "reference/schemas/task-v2-emitted.html", "reference/schemas/index.html",
    "reference/fixtures/task-v2.html", "reference/cases/producer-task-v2.html", "conformance/door-1-a-worker.html",
    "conformance/writing-cases.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = chromium.Browser(chromium.find(), tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


def requested(browser: Any) -> list[str]:
    """What the page that was opened last has asked for."""
    sent = [told["params"] for told in browser.events if told.get("method") == "Network.requestWillBeSent"]
    return [one["request"]["url"] for one in sent]


def test_no_page_is_wider_than_a_narrow_screen(browser: Any, site: Path) -> None:
    """Tables and code scroll by themselves; a reader never scrolls the page sideways. Nothing comes from a host."""
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=NARROW, height=844, deviceScaleFactor=1, mobile=True
    )  # fmt: skip
    wide = {}
    for name in PAGES:
        browser.open(site / name)
        width = browser.evaluate("document.documentElement.scrollWidth")
        if width > NARROW:
            wide[name] = width
        assert [url for url in requested(browser) if not url.startswith(("file:", "data:"))] == []
    assert wide == {}


def test_contrast_of_marks_and_links(browser: Any, site: Path) -> None:
    """Small coloured words can be read in both schemes: at least 4.5 to 1 against the page."""
    browser.open(site / "spec" / "task-v2.html")
    still = "document.head.insertAdjacentHTML('beforeend', '<style>* { transition: none !important }</style>')"
    browser.evaluate(still)
    for scheme in ("default", "slate"):
        browser.evaluate(f"document.body.setAttribute('data-md-color-scheme', {json.dumps(scheme)})")
        for selector in (".marks .level", ".md-content p a[href]", ".label", ".evidence summary"):
            assert browser.evaluate(_CONTRAST % json.dumps(selector)) >= 4.5, (scheme, selector)


_CONTRAST = """
(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (layers) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    const part = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const page = getComputedStyle(document.body).backgroundColor;
  const ratios = [...document.querySelectorAll(%s)].slice(0, 40).map((element) => {
    const a = light([page]), b = light([page, getComputedStyle(element).color]);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return ratios.length ? Math.min(...ratios) : 0;
})()
"""


def until(look: Any, wanted: str) -> Any:
    """What a look finds, as soon as it finds something."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"expected {wanted} within {SECONDS:g} s"
        time.sleep(0.05)
    return found


def test_search_works_from_disk(browser: Any, site: Path) -> None:
    """Without a server and without a network, the id of a requirement leads to its sentence."""
    one = next(one for one in load_requirements() if one.id == "TASK2-HDR-031")
    browser.call("Emulation.setDeviceMetricsOverride", width=1440, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(site / "index.html")
    browser.evaluate("document.querySelector('.md-search__input').focus()")
    browser.type(one.id)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="Shift")
    links = "[...document.querySelectorAll('.md-search-result__link')].map(link => link.getAttribute('href') || '')"
    found = until(lambda: browser.evaluate(links), "results of the search")
    assert any(f"spec/{one.document.replace('.md', '.html')}" in link and one.id in link for link in found), found
    assert [url for url in requested(browser) if not url.startswith(("file:", "data:", "about:"))] == []
