"""The specification as data: what the documents in ``spec/`` require, and the tools that keep them in order.

`load` is all that the rest of the suite needs. It reads spec/requirements.json; the documents themselves are
read only by ``python -m celery_conformance.specification``, which writes that file.
"""

from __future__ import annotations

from functools import cache

from celery_conformance import resources
from celery_conformance.specification.model import OBSERVATION, Evidence, Requirement
from celery_conformance.specification.records import parse

__all__ = ["OBSERVATION", "Evidence", "Requirement", "load"]


@cache
def load() -> tuple[Requirement, ...]:
    """Every requirement of this edition, sorted by id.

    Raises:
        FileNotFoundError: the distribution is incomplete.
    """
    return parse((resources.folder("spec") / "requirements.json").read_text())
