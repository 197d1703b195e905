"""The whole site: every page that is made, the files it offers, and the navigation over both kinds of pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance import resources

from wire_site import asyncapi, catalogue, conformance, documents, links, material, prose, schema_pages, upstream
from wire_site.material import ROOT, Material

PAGES = ROOT / "docs" / "pages"

#: Documents of the specification that stand first, in this order; all others follow by title.
FIRST = (
    *("task-v2.md", "task-v1.md", "worker.md", "results.md", "canvas.md", "serialization.md"),
    *("broker-redis.md", "broker-amqp.md", "store-redis.md", "store-rpc.md"),
)
#: Where documents stand, by the first word of their names; all others with those of tasks.
GROUPS = {
    "events": "Monitoring and scheduling",
    "control": "Monitoring and scheduling",
    "scheduling": "Monitoring and scheduling",
    "broker": "Brokers",
    "transports": "Brokers",
    "store": "Result stores",
    "stores": "Result stores",
}
#: Documents that bind nobody, behind all that do.
LAST = ("primer.md", "CHANGELOG.md")

Navigation = list[dict[str, Any]]


@dataclass(frozen=True)
class Site:
    """What the hooks hand to mkdocs: Markdown by place, files by place, and the navigation."""

    material: Material
    pages: dict[str, str]
    downloads: dict[str, Path]
    navigation: Navigation


def build() -> Site:
    """Make every page.

    Raises:
        FileNotFoundError: a part of the project is missing.
    """
    own = material.read()
    known = _known(own)
    chapters = conformance.pages(known)
    pages = {place: text for place, (_, text) in chapters.items()}
    pages |= {documents.uri(path, own): documents.page(path, own, known) for path in documents.paths(own)}
    pages |= {links.schema(name): schema_pages.page(name, own) for name in own.schemas}
    pages |= {f"reference/fixtures/{name}.md": catalogue.fixtures(name, own) for name in catalogue.surfaces(own)}
    pages |= {f"reference/cases/{name}.md": catalogue.cases(name, own) for name in catalogue.topics(own)}
    pages |= {
        "reference/coverage.md": catalogue.coverage(own),
        "reference/schemas/index.md": catalogue.schemas(own),
        "reference/cases/index.md": catalogue.case_index(own),
        "reference/fixtures/index.md": _fixture_index(own, known),
        "reference/asyncapi.md": asyncapi.page(own),
        "upstream.md": upstream.page(own),
    }
    titles = {place: title for place, (title, _) in chapters.items()}
    return Site(own, pages, _downloads(own), _navigation(own, titles))


def _known(own: Material) -> Callable[[str], bool]:
    """Whether a place has a page, before the pages are made."""
    made = {documents.uri(path, own) for path in documents.paths(own)} | set(prose.PLACES.values())
    written = {path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*.md")}
    return (made | written).__contains__


def _fixture_index(own: Material, known: Callable[[str], bool]) -> str:
    path, here = "fixtures/README.md", "reference/fixtures/index.md"
    return catalogue.fixture_index(prose.relink((ROOT / path).read_text(), path, here, known), own)


def _downloads(own: Material) -> dict[str, Path]:
    files = {links.fixture_file(name): resources.folder("fixtures") / f"{name}.json" for name in own.fixtures}
    for name in own.schemas:
        files[f"reference/schemas/files/{name}.schema.json"] = own.spec / "schemas" / f"{name}.schema.json"
    for name in ("requirements.json", "asyncapi.yaml"):
        files[f"reference/files/{name}"] = own.spec / name
    return files


def _navigation(own: Material, chapters: dict[str, str]) -> Navigation:
    return [
        {"Home": "index.md"},
        {"Guides": [{_heading(PAGES / path): path} for path in _written("guides")]},
        {"Specification": _specification(own)},
        {"Conformance": [{title: place} for place, title in chapters.items()]},
        {"Reference": _reference(own)},
        {"Upstream errors": "upstream.md"},
    ]


def _written(folder: str) -> list[str]:
    return sorted(path.relative_to(PAGES).as_posix() for path in (PAGES / folder).glob("*.md"))


def _heading(path: Path) -> str:
    return next(line[2:] for line in path.read_text().splitlines() if line.startswith("# "))


def _specification(own: Material) -> Navigation:
    normative = [path for path in documents.paths(own) if documents.is_normative(path)]
    groups: dict[str, list[Path]] = {kind: [] for kind in ("Messages and workers", *dict.fromkeys(GROUPS.values()))}
    for path in normative:
        groups[GROUPS.get(re.split(r"[-.]", path.name)[0], "Messages and workers")].append(path)
    rest = [
        path for path in documents.paths(own) if path not in normative and documents.uri(path, own) != "spec/index.md"
    ]
    rest.sort(key=lambda path: (path.name in LAST, path.as_posix()))
    return [
        {"How to read it": "spec/index.md"},
        *({kind: _entries(sorted(paths, key=_rank), own)} for kind, paths in groups.items() if paths),
        {"Beside the text": _entries(rest, own)},
    ]


def _rank(path: Path) -> tuple[int, str]:
    return (FIRST.index(path.name) if path.name in FIRST else len(FIRST), documents.title(path))


def _entries(paths: list[Path], own: Material) -> Navigation:
    return [{documents.title(path): documents.uri(path, own)} for path in paths]


def _reference(own: Material) -> Navigation:
    def listed(kind: str, names: list[str]) -> Navigation:
        return [*([f"reference/{kind}/index.md"]), *({name: f"reference/{kind}/{name}.md"} for name in names)]  # type: ignore[list-item]  # mkdocs takes a bare place as the section's own page

    return [
        {"Requirements and coverage": "reference/coverage.md"},
        {"Schemas": listed("schemas", list(own.schemas))},
        {"Fixtures": listed("fixtures", catalogue.surfaces(own))},
        {"Cases": listed("cases", catalogue.topics(own))},
        {"AsyncAPI": "reference/asyncapi.md"},
        {"Python library": "reference/python.md"},
    ]
