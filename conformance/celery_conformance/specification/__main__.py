"""``python -m celery_conformance.specification``: write spec/requirements.json from the documents.

With ``--check`` nothing is written: the command ends with 1 and says what is wrong when a rule is broken or the
committed file is not what the documents say. With ``--cases`` the cases that the evidence names must exist.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from celery_wire.version import EDITION  # the edition of the specification is stated once, beside the version

from celery_conformance import resources
from celery_conformance.specification import observed, records, sources
from celery_conformance.specification.extract import FormatError, read_folder
from celery_conformance.specification.lint import Surroundings, lint

RECORDS = "requirements.json"


def main(arguments: Sequence[str] | None = None, spec: Path | None = None) -> int:
    """Run the command on a folder (by default the distribution's own) and return its exit code."""
    options = _parser().parse_args(arguments)
    folder = spec or resources.folder("spec")
    target = folder / RECORDS
    committed = target.read_text() if target.exists() else ""
    try:
        documents = read_folder(folder)
    except FormatError as error:
        return _fail([f"spec/{error}"])
    problems = lint(documents, surroundings(folder, committed, with_cases=options.cases))
    if problems:
        return _fail([str(problem) for problem in problems])
    current = records.dump(EDITION, records.requirements(documents, observed.load(folder)))
    if options.check:
        return _compare(committed, current)
    target.write_text(current)
    print(f"{target.name}: {current.count(chr(34) + 'hash' + chr(34))} requirements")
    return 0


def surroundings(folder: Path, committed: str, *, with_cases: bool) -> Surroundings:
    """What the rules compare the documents of a folder with."""
    return Surroundings(
        fixtures=_fixture_names(resources.folder("fixtures")),
        cases=_case_ids(resources.folder("cases")) if with_cases else None,
        previous=frozenset(one.id for one in records.parse(committed)) if committed else frozenset(),
        retired=frozenset(entry["id"] for entry in _yaml_list(folder / "retired.yaml")),
        untested={entry["id"]: entry.get("reason") or "" for entry in _yaml_list(folder / "untested.yaml")},
        source_exists=sources.exists,
        windows=observed.load(folder),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.specification", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is not in order")
    parser.add_argument("--cases", action="store_true", help="fail when a case that evidence names does not exist")
    return parser


def _compare(committed: str, current: str) -> int:
    if committed == current:
        return 0
    lines = records.differences(committed, current)
    hint = "Run `python -m celery_conformance.specification` and commit spec/requirements.json."
    return _fail(["spec/requirements.json is not what the documents say:", *lines, hint])


def _fail(lines: Sequence[str]) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 1


def _fixture_names(folder: Path) -> frozenset[str]:
    return frozenset(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.json"))


def _case_ids(folder: Path) -> frozenset[str]:
    return frozenset(case["id"] for path in folder.glob("*.yaml") for case in _yaml_list(path))


def _yaml_list(path: Path) -> list[Mapping[str, Any]]:
    """The entries of a YAML file that holds a list of mappings; none when there is no file."""
    return (yaml.safe_load(path.read_text()) or []) if path.exists() else []


if __name__ == "__main__":
    raise SystemExit(main())
