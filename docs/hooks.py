"""What mkdocs calls while it builds the site; the work is done in wire_site."""

from __future__ import annotations

from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from wire_site import prose
from wire_site.build import Site, build

_site: list[Site] = []


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make all pages, and the navigation over them and the hand-written ones."""
    _site[:] = [build()]
    config.nav = _site[0].navigation
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add what was made to what was written by hand."""
    for uri, text in _site[0].pages.items():
        files.append(File.generated(config, uri, content=text))
    for uri, path in _site[0].downloads.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Fill in numbers, and make a link of each id of a requirement."""
    return prose.finish(markdown, page.file.src_uri, _site[0].material)
