"""Who may know whom: the suite and the reference share no code, and neither is bound to one implementation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery_conformance import resources

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "conformance" / "celery_conformance"
REFERENCE = ROOT / "python-ref" / "celery_wire"


def imported(folder: Path) -> Iterator[tuple[str, str]]:
    """Each module a folder's modules import, with the module that does."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            here = str(path.relative_to(folder))
            if isinstance(node, ast.Import):
                yield from ((here, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield here, node.module


def test_the_suite_knows_of_the_reference_only_its_version() -> None:
    """A fault that both shared could not be seen."""
    known = {(here, name) for here, name in imported(SUITE) if name.split(".")[0] == "celery_wire"}
    assert {name for _, name in known} == {"celery_wire.version"}


def test_the_reference_knows_nothing_of_the_suite() -> None:
    """Whoever imports the reference gets no suite with it, and no Celery."""
    roots = {name.split(".")[0] for _, name in imported(REFERENCE)}
    assert roots & {"celery_conformance", "celery"} == set()


@pytest.mark.parametrize("room", ["engine", "tap", "report", "cases", "check", "commands"])
def test_what_judges_imports_no_celery(room: str) -> None:
    """What judges Celery is not Celery; only what captures and observes it may import it."""
    assert [(here, name) for here, name in imported(SUITE / room) if name.split(".")[0] in ("celery", "kombu")] == []


def test_no_adapter_is_known_by_name() -> None:
    """Renaming an adapter's folder can change no verdict: what judges holds no adapter's name."""
    names = {path.name for path in resources.folder("adapters").iterdir() if path.is_dir()} - {"celery"}
    said = [
        (str(path.relative_to(SUITE)), name)
        for room in ("engine", "tap", "report")
        for path in (SUITE / room).rglob("*.py")
        for name in names
        if f'"{name}"' in path.read_text(encoding="utf-8")
    ]
    assert said == []
