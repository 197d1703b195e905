"""Everything the pages are made from, read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from celery_conformance import resources, schemas, specification
from celery_conformance.cases.load import load as load_cases
from celery_conformance.cases.model import Case
from celery_conformance.fixtures import model as fixtures
from celery_conformance.specification import Requirement
from celery_wire.version import EDITION

ROOT = Path(__file__).resolve().parents[2]
LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "OBSERVATION")


@dataclass(frozen=True)
class Material:
    """The project as data. Folders are those of the checkout that is built."""

    requirements: Mapping[str, Requirement]
    fixtures: Mapping[str, fixtures.Fixture]
    cases: Mapping[str, Case]
    schemas: Mapping[str, Mapping[str, Any]]
    untested: Mapping[str, str]
    upstream: tuple[Mapping[str, Any], ...]
    spec: Path

    @cached_property
    def covering(self) -> dict[str, list[str]]:
        """Requirement to the cases that cover it, in the order of the cases."""
        found: dict[str, list[str]] = {}
        for case in self.cases.values():
            for name in case.covers:
                found.setdefault(name, []).append(case.id)
        return found

    @cached_property
    def counts(self) -> dict[str, int | str]:
        """Numbers that hand-written pages quote as ``{{ name }}``."""
        levels = Counter(one.level for one in self.requirements.values())
        return {
            "edition": EDITION,
            "celery": version("celery"),
            "kombu": version("kombu"),
            "requirements": len(self.requirements) - levels["OBSERVATION"],
            "observations": levels["OBSERVATION"],
            "musts": levels["MUST"] + levels["MUST NOT"],
            "fixtures": len(self.fixtures),
            "cases": len(self.cases),
            "schemas": len(self.schemas),
            "upstream": sum(len(group["entries"]) for group in self.upstream),
        }

    def evidence(self, requirement: Requirement, kind: str) -> list[str]:
        """The references of one kind, in the order of the document."""
        return [item.reference for item in requirement.evidence if item.kind == kind]

    def all_cases(self, requirement: Requirement) -> list[str]:
        """The cases a requirement cites and those that cover it, each once."""
        return list(dict.fromkeys([*self.evidence(requirement, "case"), *self.covering.get(requirement.id, [])]))


def read() -> Material:
    """Read the project.

    Raises:
        FileNotFoundError: a data folder is missing.
    """
    spec = resources.folder("spec")
    untested = yaml.safe_load((spec / "untested.yaml").read_text()) or []
    return Material(
        requirements={one.id: one for one in specification.load()},
        fixtures={one.name: one for one in fixtures.load()},
        cases={one.id: one for one in load_cases()},
        schemas=schemas.documents(),
        untested={entry["id"]: entry["reason"] for entry in untested},
        upstream=tuple(yaml.safe_load((ROOT / "docs" / "upstream.yaml").read_text())),
        spec=spec,
    )
