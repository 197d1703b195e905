"""Who passes: verdicts on the cases of a requirement, from the recorded runs and from reports that a user gives.

The recorded runs are those of Celery in ``spec/evidence/``; a report is the ``report.json`` of a run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery_conformance import resources, schemas
from celery_conformance.errors import UsageError

_HINT = "a report is report.json in the folder that celery-wire run --report FOLDER names"
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Standing:
    """What one run says of one requirement or case: the verdict on each of its cases with their axes."""

    who: str
    where: str
    verdicts: Mapping[str, str]

    @property
    def words(self) -> str:
        """One line, such as ``Celery 5.7.0 on Redis 6.2.14, store redis: 3 pass``."""
        counted = Counter(self.verdicts.values())
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items()))
        return f"{self.who} on {self.where}: {said}"

    @property
    def others(self) -> dict[str, str]:
        """The cases that did not pass, with their verdicts."""
        return {name: verdict for name, verdict in self.verdicts.items() if verdict != "pass"}


@dataclass(frozen=True, slots=True)
class Source:
    """One run, and the verdicts in it: case with axes, the requirements it covers where they are said, verdict."""

    who: str
    where: str
    rows: tuple[tuple[str, frozenset[str], str], ...]

    def standing(self, wanted: Callable[[str, frozenset[str]], bool]) -> Standing:
        """The verdicts on the cases that are wanted."""
        return Standing(self.who, self.where, {name: said for name, ids, said in self.rows if wanted(name, ids)})


def recorded() -> list[Source]:
    """The recorded runs of Celery."""
    found = []
    for path in sorted((resources.folder("spec") / "evidence").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        versions = content["versions"]
        where = f"{versions['broker']}, store {content['store']}"
        rows = tuple((name, frozenset[str](), entry["verdict"]) for name, entry in content["cases"].items())
        found.append(Source(f"Celery {versions['celery']}", where, rows))
    return found


def read_report(name: str) -> Source:
    """The run that a report tells of.

    Raises:
        UsageError: the file is no report of this suite, or is not whole.
    """
    document = _document(name)
    rows = tuple((one["name"], frozenset(one["requirements"]), one["verdict"]) for one in document["results"])
    where = f"{document['broker_version']}, store {document['store']}"
    return Source(f"{document['title']} {document['version']}".strip(), where, rows)


def _document(name: str) -> Any:
    try:
        document = json.loads(Path(name).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no whole JSON: {error}"
        raise UsageError(f"expected a report in {name!r}, came {reason}", _HINT) from None
    wrong = next(iter(_problems(document)), None)
    if wrong is not None:
        raise UsageError(f"expected a report of this suite in {name!r}, came another document: {wrong}", _HINT)
    return document


def _problems(document: Any) -> Iterable[str]:
    for place, message in schemas.problems("report", document):
        said = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
        yield f"at {place}, {said}"
