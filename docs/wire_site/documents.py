"""The documents of the specification as pages: each requirement becomes a card with an anchor of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from celery_conformance.specification import Requirement

from wire_site import prose, render
from wire_site.material import LEVELS, Material

#: A requirement as it stands in a document: its paragraph and the block behind it.
_ENTRY = re.compile(r"^\[(?P<id>[A-Z][A-Z0-9]*-[A-Z]{3}-[0-9]{3})\]\s.*?\n\n?```requirement\n.*?^```$", re.M | re.S)
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.S)
_TITLE = re.compile(r"^# .*$", re.M)

#: Whoever searches wants the sentence before what lists it.
_SEARCHED_FIRST = "---\nsearch:\n  boost: 2\n---\n\n"

Known = Callable[[str], bool]


def uri(path: Path, material: Material) -> str:
    """Where a document of ``spec/`` stands on the site."""
    return prose.place(f"spec/{path.relative_to(material.spec).as_posix()}")


def paths(material: Material) -> list[Path]:
    """Every document of the specification, normative or not, by path."""
    return sorted(material.spec.rglob("*.md"))


def is_normative(path: Path) -> bool:
    return path.read_text().startswith("---\n")


def title(path: Path) -> str:
    """The title in the front matter, or the first heading."""
    text = path.read_text()
    front = _FRONT.match(text)
    if front:
        return str(yaml.safe_load(front[1])["title"])
    heading = _TITLE.search(text)
    return heading[0][2:] if heading else path.stem


def page(path: Path, material: Material, known: Known) -> str:
    """A document as a page."""
    here = uri(path, material)
    text = path.read_text()
    front = _FRONT.match(text)
    body = text[front.end() :] if front else text
    if front:
        body = _TITLE.sub(lambda match: f"{match[0]}\n\n{_summary(path, here, material)}", body, count=1)
    own = _repository_path(path, material)
    return _SEARCHED_FIRST + "".join(
        piece if made else prose.link_documents(prose.relink(piece, own, here, known), here, known)
        for made, piece in _pieces(body, here, material)
    )


def _repository_path(path: Path, material: Material) -> str:
    return f"spec/{path.relative_to(material.spec).as_posix()}"


def _pieces(body: str, here: str, material: Material) -> Iterator[tuple[bool, str]]:
    """The text in order: what stands between requirements (False), and each card (True)."""
    start = 0
    for match in _ENTRY.finditer(body):
        yield False, body[start : match.start()]
        yield True, card(material.requirements[match["id"]], here, material)
        start = match.end()
    yield False, body[start:]


def card(requirement: Requirement, here: str, material: Material) -> str:
    """A requirement as a card, in Markdown."""
    keyword = requirement.level
    sentence = requirement.sentence
    if not requirement.observation:
        sentence = re.sub(rf"\b{keyword}\b", f"**{keyword}**", sentence, count=1)
    return render.page(
        "requirement.md.jinja", here, material, one=requirement, sentence=sentence, when=list(_conditions(requirement))
    )


def _conditions(requirement: Requirement) -> Iterator[str]:
    for key, value in requirement.when.items():
        values = value if isinstance(value, list) else [value]
        yield f"{key} {' or '.join(map(str, values))}"


def _summary(path: Path, here: str, material: Material) -> str:
    own = [one for one in material.requirements.values() if one.document == path.name]
    found = Counter(one.level for one in own)
    return render.page(
        "summary.md.jinja", here, material, counts=[(level, found[level]) for level in LEVELS if found[level]]
    )
