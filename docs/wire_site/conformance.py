"""The suite's manual: one page a chapter of ``conformance/README.md``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from wire_site import prose
from wire_site.material import ROOT

_CHAPTER = re.compile(r"^## (.+)$", re.M)
PATH = "conformance/README.md"
INDEX = "conformance/index.md"


def slug(title: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip())


def pages(known: Callable[[str], bool], root: Path = ROOT) -> dict[str, tuple[str, str]]:
    """Place to title and Markdown: the introduction first, then each chapter in order."""
    text = (root / PATH).read_text()
    intro, *parts = _CHAPTER.split(text)
    chapters = list(zip(parts[::2], parts[1::2], strict=True))
    moved = {f"#{slug(title)}": f"conformance/{slug(title)}.md" for title, _ in chapters}
    made = {INDEX: ("The suite", prose.relink(intro, PATH, INDEX, known, moved))}
    for title, body in chapters:
        here = f"conformance/{slug(title)}.md"
        made[here] = (title, f"# {title}\n{prose.relink(body, PATH, here, known, moved)}")
    return made
