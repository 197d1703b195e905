"""Whether a place in the source of Celery or Kombu exists: evidence of the kind ``source``.

A place is a file of an installed package and a name in it, ``celery/app/amqp.py:AMQP.as_task_v2``. Of a
dotted name each part must stand inside the one before; a bare name may stand anywhere in the file, so
that nested functions can be cited.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path


def exists(place: str) -> bool:
    """Whether the file is part of an installed package and defines the name."""
    file, _, name = place.partition(":")
    return any(qualified == name or qualified.endswith(f".{name}") for qualified in _names(file))


@cache
def _names(file: str) -> frozenset[str]:
    path = _path(file)
    return frozenset(_defined(ast.parse(path.read_text()), "")) if path else frozenset()


def _path(file: str) -> Path | None:
    package, _, rest = file.partition("/")
    spec = PathFinder.find_spec(package)
    for location in (spec.submodule_search_locations or []) if spec else []:
        candidate = Path(location) / rest
        if candidate.is_file():
            return candidate
    return None


def _defined(node: ast.AST, outer: str) -> Iterator[str]:
    """The qualified names of functions, classes and assigned variables below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield outer + child.name
            yield from _defined(child, f"{outer}{child.name}.")
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from (outer + target.id for target in targets if isinstance(target, ast.Name))
        else:
            yield from _defined(child, outer)
