"""Judges a changed copy of a built-in adapter, as its author would: another folder, other variables, one command."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from celery_conformance import judged as command
from celery_conformance import resources
from celery_conformance.judged import Judged

__all__ = ["HERE", "Judged", "copy_adapter", "judge", "search_path"]

HERE = Path(__file__).parent
_SECONDS = 300


def copy_adapter(name: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """A copy of a built-in adapter with variables added to its environment."""
    shutil.copytree(resources.folder("adapters") / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    added = "".join(f"{key} = {json.dumps(value)}\n" for key, value in environment.items())
    path = folder / "adapter.toml"
    text = path.read_text(encoding="utf-8")
    assert "[environment]" not in text, "the copy would have two tables of that name"
    path.write_text(text + "\n[environment]\n" + added, encoding="utf-8")
    return folder


def search_path(folder: str) -> str:
    """The PYTHONPATH that adds a folder beside this file: a copy imports the same packages as its tests."""
    return os.pathsep.join([str(HERE / folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def judge(implementation: Path | str, report: Path, *words: str) -> Judged:
    """Run the command on an adapter's folder and read its report back."""
    return command.judge(implementation, report, *words, seconds=_SECONDS)
