"""Reads case files: restricted YAML, checked by a schema and by the rules a schema cannot say.

Restricted means: no anchors, no tags, no duplicate keys. A message names file, line, case and place, what was
expected and what came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from celery_conformance import resources
from celery_conformance.cases.model import RUN_AXES, Case
from celery_conformance.errors import CaseFileError
from celery_conformance.facts import FIELDS, KINDS, UNIONS
from celery_conformance.schemas import problems

#: What a filter may hold beside the fields of a fact.
_FILTER_WORDS = frozenset({"of", "by", "since_start"})

#: Expectations that ask for nothing to happen.
_ABSENCES = ("never",)


if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:  # libyaml's loader where PyYAML was built with it, the same in Python elsewhere
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Loader):
    """YAML without explicit tags, duplicate keys or the timestamp type."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _refuse_anchors(text: str) -> None:
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.constructor.ConstructorError(None, None, "anchors are not allowed", event.start_mark)  # type: ignore[arg-type]  # libyaml's mark serves as well


def read_file(path: Path) -> list[Case]:
    """The cases of one file.

    Raises:
        CaseFileError: it is no YAML, or not what the schema says.
    """
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_anchors(text)
        loader = _StrictLoader(text)
        root = loader.get_single_node()
        raw = loader.construct_document(root) if root is not None else []
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise CaseFileError(f"{where}: expected YAML, came {error.problem}", "mend the case file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise CaseFileError(f"{path.name}: expected YAML, came {said}", "mend the case file") from error
    for place, message in problems("case", raw):
        raise CaseFileError(f"{path.name}: {_name(raw, place)}: {message}", "see spec/schemas/case.schema.json")
    lines = [entry.start_mark.line + 1 for entry in root.value] if root is not None else []
    return [_case(entry, f"{path.name}:{line}") for entry, line in zip(raw, lines, strict=True)]


def _name(raw: Any, place: str) -> str:
    """The case a schema problem stands in, by its id where it has one."""
    steps = place.strip("/").split("/")
    if isinstance(raw, list) and steps[0].isdigit() and isinstance(raw[int(steps[0])], dict):
        return f"{raw[int(steps[0])].get('id', steps[0])} at /{'/'.join(steps[1:])}"
    return place


def _case(raw: Mapping[str, Any], source: str) -> Case:
    fields: dict[str, Any] = dict(raw)
    for name in ("covers", "do", "expect", "kills"):
        if name in fields:
            fields[name] = tuple(fields[name])
    for name in ("vary", "more"):
        if name in fields:
            fields[name] = {axis: tuple(values) for axis, values in fields[name].items()}
    case = Case(**fields, source=source)
    for message in rule_problems(case):
        raise CaseFileError(f"{source}: {case.id}: {message}", "mend the case file")
    return case


def rule_problems(case: Case) -> Iterable[str]:
    """What is wrong with a case beyond its shape."""
    presences = [entry for entry in case.expect if not set(entry) & set(_ABSENCES)]
    if not presences:
        yield "expects only absences; a case that expects an absence also expects a presence"
    for axis in sorted(set(case.more) - (set(case.vary) - set(RUN_AXES))):
        why = "belongs to the run" if axis in RUN_AXES else "it does not vary"
        yield f"has more values for the axis {axis!r}, which {why}"
    bound = _bound(case)
    for entry in case.expect:
        for name in entry.get("order", ()):
            if name not in bound:
                yield f"orders {name!r}, which no step and no expectation binds"
        for key in ("reply", "value"):
            if key in entry and entry[key] not in bound:
                yield f"looks at {entry[key]!r}, which no step binds"
    for name in sorted(set(_references(case)) - bound):
        yield f"refers to {name!r}, which no step binds"
    for name in sorted(set(_filter_words(case)) - FIELDS - _FILTER_WORDS):
        yield f"filters by {name!r}, which no fact has; an absence would hold always"


def _filter_words(case: Case) -> Iterator[str]:
    """The fields that filters name without a slash."""
    wanted = [step["await"] for step in case.do if "await" in step]
    for entry in case.expect:
        wanted += [entry[key] for key in ("never", "whenever", "then") if key in entry] or [entry]
    for part in wanted:
        for name, filtered in part.items():
            if name in KINDS or name in UNIONS:
                yield from (word for word in filtered if not word.startswith("/"))


def _references(case: Case) -> Iterator[str]:
    """The names a case refers to: by ``of`` and ``to`` in a step or a filter, and by ``ref`` anywhere."""
    parts = [*case.do, *case.expect, *(entry["never"] for entry in case.expect if "never" in entry)]
    for part in parts:
        for arguments in part.values():
            if isinstance(arguments, Mapping):
                yield from (arguments[key] for key in ("of", "to") if key in arguments)
        yield from _refs(part)


def _refs(given: Any) -> Iterator[str]:
    if isinstance(given, Mapping):
        if set(given) == {"ref"}:
            yield str(given["ref"]).partition(".")[0]
        for value in given.values():
            yield from _refs(value)
    elif isinstance(given, list | tuple):
        for entry in given:
            yield from _refs(entry)


def _bound(case: Case) -> set[str]:
    names = {"queue", "axis"}
    for step in case.do:
        for verb, arguments in step.items():
            names |= set(arguments) if verb == "name" else set()
            names |= {arguments["as"]} if "as" in arguments else set()
    return names | {entry["as"] for entry in case.expect if "as" in entry}


def load(folder: Path | None = None) -> list[Case]:
    """Every case of the suite, ordered by file and place.

    Raises:
        CaseFileError: a file is malformed, or two cases share an id.
    """
    root = folder if folder is not None else resources.folder("cases")
    cases = [case for path in sorted(root.glob("*.yaml")) for case in read_file(path)]
    for name, count in Counter(case.id for case in cases).items():
        if count > 1:
            raise CaseFileError(f"two cases have the id {name!r}", "ids are never reused; rename the newer one")
    return cases
