"""``celery-wire list``: show adapters, cases, requirements or fixtures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from celery_conformance import adapter as adapters
from celery_conformance import specification
from celery_conformance.cases.load import load as load_cases
from celery_conformance.engine.select import matches
from celery_conformance.errors import UsageError
from celery_conformance.fixtures import load as load_fixtures

Row = tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``list``."""
    parser.add_argument("what", nargs="?", choices=sorted(_LISTS), default="adapters", help="what to show")
    parser.add_argument(
        "-k",
        dest="patterns",
        action="append",
        default=[],
        metavar="TEXT",
        help="only rows with this text; * is any text; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="one JSON list instead of a table")


def _adapter_rows(_patterns: Sequence[str]) -> tuple[Row, list[Row]]:
    rows: list[Row] = []
    for name in adapters.builtin_names():
        found = adapters.read(adapters.find(name))
        rows.append((name, found.language, ", ".join(found.roles), ", ".join(found.brokers), ", ".join(found.stores)))
    return ("name", "language", "roles", "brokers", "stores"), rows


def _case_rows(patterns: Sequence[str]) -> tuple[Row, list[Row]]:
    picked = [case for case in load_cases() if matches(case, patterns)]
    rows: list[Row] = [(case.id, str(case.role), ", ".join(case.covers), case.title) for case in picked]
    return ("case", "role", "covers", "title"), rows


def _requirement_rows(_patterns: Sequence[str]) -> tuple[Row, list[Row]]:
    rows: list[Row] = [
        (found.id, found.level, ", ".join(found.roles), found.sentence) for found in specification.load()
    ]
    return ("requirement", "level", "roles", "sentence"), rows


def _fixture_rows(_patterns: Sequence[str]) -> tuple[Row, list[Row]]:
    rows: list[Row] = [(found.name, "valid" if found.valid else "invalid", found.title) for found in load_fixtures()]
    return ("fixture", "", "title"), rows


_LISTS: dict[str, Callable[[Sequence[str]], tuple[Row, list[Row]]]] = {
    "adapters": _adapter_rows,
    "cases": _case_rows,
    "requirements": _requirement_rows,
    "fixtures": _fixture_rows,
}


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Print the list."""
    names, rows = _LISTS[arguments.what](arguments.patterns)
    if arguments.patterns and arguments.what != "cases":
        wanted = [pattern.lower().split("*") for pattern in arguments.patterns]
        rows = [row for row in rows if any(all(piece in " ".join(row).lower() for piece in one) for one in wanted)]
    if not rows:
        raise UsageError(
            f"expected in -k a text of one of the {arguments.what}, came {' or '.join(arguments.patterns)!r}",
            f"celery-wire list {arguments.what} shows all",
        )
    if arguments.json:
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=1, ensure_ascii=False))
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(names):
        table.add_column(name, no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    return 0
