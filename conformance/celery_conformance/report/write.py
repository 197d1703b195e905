"""Writes all reports of a run into a folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from celery_conformance.errors import UsageError
from celery_conformance.report.document import RunDocument
from celery_conformance.report.html import as_html
from celery_conformance.report.junit import as_junit
from celery_conformance.report.markdown import as_markdown


def as_json(document: RunDocument) -> str:
    return json.dumps(document.plain(), indent=1, ensure_ascii=False, default=str) + "\n"


def _writers() -> dict[str, Callable[[RunDocument], str]]:
    return {"report.json": as_json, "junit.xml": as_junit, "report.md": as_markdown, "report.html": as_html}


def write_all(document: RunDocument, folder: Path) -> list[Path]:
    """Write every report; return their paths.

    Raises:
        UsageError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name, writer in _writers().items():
            path = folder / name
            path.write_bytes(writer(document).encode("utf-8", "backslashreplace"))  # half a surrogate pair is no text
            paths.append(path)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return paths


def check_folder(folder: Path) -> None:
    """Make sure before a run that its reports can be written.

    Raises:
        UsageError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"expected a folder to write to in --report, came {str(folder)!r}: {error.strerror}",
        "name one that you may write to; it is made if it does not exist",
    )
