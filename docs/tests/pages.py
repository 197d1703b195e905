"""The built HTML as data: what a page links to, loads, and offers as anchors."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes that a browser follows by itself, without a reader's click.
LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href"), ("use", "href")}


@dataclass
class Page(HTMLParser):
    """One page: addresses that readers may click, addresses that the browser loads, and anchors."""

    path: Path
    clicked: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.append(value)
            elif (tag, name) in LOADING:
                self.loaded.append(value)
            elif tag == "a" and name == "href":
                self.clicked.append(value)


def read(site: Path) -> dict[Path, Page]:
    """Every page of a site but the one for addresses that do not exist: it may stand anywhere."""
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def is_outside(address: str) -> bool:
    """Whether an address leaves the site."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def broken(pages: dict[Path, Page]) -> list[str]:
    """Each link inside a site that leads to no file, or to no anchor of its page."""
    found = []
    for path, page in pages.items():
        for address in [*page.clicked, *page.loaded]:
            if is_outside(address):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.is_file():
                found.append(f"{path.name}: {address}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.name}: {address}: no such anchor")
    return found
