"""What is captured of a release, one module a stage. Each has ``NAME`` and ``capture(bed)``, which yields entries.

An entry is a name and its parts: what a call came to (``done``, or ``raised`` and ``text``), and what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from celery_conformance.versions.bed import Bed
from celery_conformance.versions.stages import (
    beat,
    control,
    malformed,
    messages,
    pairs,
    quorum,
    readers,
    replies,
    settings,
    surfaces,
    work,
)

Stage = Callable[[Bed], Iterator[tuple[str, dict[str, Any]]]]

_MODULES = (messages, work, settings, replies, control, beat, quorum, readers, malformed, surfaces)

#: Name to stage, in the order in which they are captured. ``pairs`` stands apart: it needs other releases too.
STAGES: Mapping[str, Stage] = {module.NAME: module.capture for module in _MODULES}
NAMES = (*STAGES, pairs.NAME)
