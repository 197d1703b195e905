"""Pages that list: requirements with what covers them, fixtures by surface, cases by topic, schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from celery_conformance import resources
from celery_conformance.cases.model import Case
from celery_conformance.specification import Requirement

from wire_site import documents, render
from wire_site.material import Material


def schemas(material: Material) -> str:
    counts = {name: [0, 0] for name in material.schemas}
    for fixture in material.fixtures.values():
        for name, accepted in fixture.judged.items():
            counts[name][0 if accepted else 1] += 1
    return render.page("schemas.md.jinja", "reference/schemas/index.md", material, counts=counts)


def coverage(material: Material) -> str:
    """Every requirement with its fixtures and cases, a table a document."""
    groups = [
        (documents.title(path), documents.uri(path, material), own)
        for path in documents.paths(material)
        if (own := [one for one in material.requirements.values() if one.document == path.name])
    ]
    return render.page("coverage.md.jinja", "reference/coverage.md", material, groups=groups, uncovered=_uncovered)


def _uncovered(material: Material, own: list[Requirement]) -> int:
    return sum(not material.evidence(one, "fixture") and not material.all_cases(one) for one in own)


def surfaces(material: Material) -> list[str]:
    """The folders of fixtures, by name."""
    return sorted({name.partition("/")[0] for name in material.fixtures})


def fixtures(surface: str, material: Material) -> str:
    own = [one for name, one in sorted(material.fixtures.items()) if name.partition("/")[0] == surface]
    here = f"reference/fixtures/{surface}.md"
    groups = [("Valid", [one for one in own if one.valid]), ("With one fault", [one for one in own if not one.valid])]
    return render.page("fixtures.md.jinja", here, material, surface=surface, groups=groups)


def topics(material: Material) -> list[str]:
    """The files of cases, in the order in which they are read."""
    return list(dict.fromkeys(case.topic for case in material.cases.values()))


def cases(topic: str, material: Material) -> str:
    path = resources.folder("cases") / f"{topic}.yaml"
    own = [case for case in material.cases.values() if case.topic == topic]
    here = f"reference/cases/{topic}.md"
    return render.page(
        "cases.md.jinja", here, material, topic=topic, cases=list(_with_source(path, own)), about=_about(path)
    )


def _about(path: Path) -> str:
    """What the comment at the head of a file says."""
    lines: list[str] = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def _with_source(path: Path, own: list[Case]) -> Iterator[tuple[Case, str]]:
    """Each case with its part of the file, as it is written there."""
    lines = path.read_text().splitlines()
    starts = [int(case.source.rpartition(":")[2]) - 1 for case in own]
    for case, start, end in zip(own, starts, [*starts[1:], len(lines)], strict=True):
        yield case, "\n".join(lines[start:end]).rstrip()


def case_index(material: Material) -> str:
    groups = [(topic, [case for case in material.cases.values() if case.topic == topic]) for topic in topics(material)]
    return render.page("case-index.md.jinja", "reference/cases/index.md", material, groups=groups)


def fixture_index(readme: str, material: Material) -> str:
    """The fixtures' own introduction, and how many there are where."""
    rows = []
    for surface in surfaces(material):
        own = [one for name, one in material.fixtures.items() if name.partition("/")[0] == surface]
        rows.append((surface, sum(one.valid for one in own), sum(not one.valid for one in own)))
    return render.page("fixture-index.md.jinja", "reference/fixtures/index.md", material, readme=readme, rows=rows)
