"""The windows that were observed: ``spec/versions/windows.json``, written by ``celery_conformance.versions``.

Where a requirement has a window there, its ``since`` and ``until`` are taken from it, and a document that says
something else is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLACE = "versions/windows.json"

Windows = Mapping[str, Mapping[str, Any]]


def load(spec: Path) -> Windows:
    """The windows by requirement; none when the folder has no such file."""
    path = spec / PLACE
    found: Windows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def fields(windows: Windows, name: str) -> dict[str, str]:
    """``since`` and ``until`` of a requirement, as far as they were observed."""
    window = windows.get(name, {})
    return {key: window[key] for key in ("since", "until") if window.get(key)}
