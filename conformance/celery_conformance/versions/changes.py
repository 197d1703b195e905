"""Which release brought a change: read from captures of the releases between two observed ones.

Between two lines a change is looked for first in the first release of the new line. Where that gives the new answer,
the old release is run among the packages of the new line: if it still gives the old answer, Celery has changed, and if
it gives the new one, a package has, which is looked for in kombu. Where the first release still gives another answer,
the change is looked for inside the line, whose packages stay the same. What was not run is not narrowed down; releases
that do not start are left out of the search, and where the old one does not start among the new packages, the release
is known and not whether it was Celery itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from celery_conformance.versions import captures, lines, table
from celery_conformance.versions.lines import Line
from celery_conformance.versions.questions import Row
from celery_conformance.versions.table import Answered
from celery_conformance.versions.variants import Variant

NAME = "changes.json"

#: What is said when a package other than Celery and kombu brought a change.
OTHER = "another package"
#: What is said when the old release does not start among the packages of the new one.
EITHER = "celery or a package beside it"


@dataclass(frozen=True, slots=True)
class Change:
    """A row's answer changed on a broker: the last release with the old answer, the first with the new one."""

    row: str
    broker: str
    package: str
    before: str
    release: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Need:
    """An entry that has to be captured of a variant before more can be said."""

    variant: Variant
    broker: str
    stage: str
    entry: str


@dataclass(frozen=True, slots=True)
class _Step:
    """Two neighbouring observed releases that answer a row otherwise."""

    row: Row
    broker: str
    older: Line
    newer: Line
    old: str
    new: str
    root: Path | None

    def answer(self, label: str) -> str | None:
        found = table.cell(self.row, label, self.broker, self.root)
        return None if found is None else found.value

    def change(self, package: str, before: str, release: str) -> Change:
        return Change(self.row.id, self.broker, package, before, release, self.old, self.new)

    def need(self, package: str, release: str) -> Need:
        return Need(Variant(self.newer.release, package, release), self.broker, self.row.stage, self.row.entry)

    def celery(self, release: str) -> str | None:
        """The answer of a release of Celery among the packages of the newer line."""
        if release == self.newer.release:
            return self.new
        return self.answer(Variant(self.newer.release, "celery", release).label)

    def kombu(self, release: str) -> str | None:
        """The answer of the newer line with a release of kombu."""
        return self.answer(Variant(self.newer.release, "kombu", release).label)


def named(change: Change) -> str:
    """The release in words."""
    package, _, rest = change.package.partition(" ")
    return f"{package} {change.release} {rest}" if change.package == EITHER else f"{change.package} {change.release}"


def derive(answered: Sequence[Answered], observed: Sequence[Line], root: Path | None = None) -> list[Change]:
    """Every change that the captures narrow down."""
    return [found for found in _found(answered, observed, root) if isinstance(found, Change)]


def needs(answered: Sequence[Answered], observed: Sequence[Line], root: Path | None = None) -> list[Need]:
    """What has to be captured next to narrow down further."""
    return [found for found in _found(answered, observed, root) if isinstance(found, Need)]


def _found(answered: Sequence[Answered], observed: Sequence[Line], root: Path | None) -> Iterator[Change | Need]:
    for one in answered:
        broker = _differing(one)
        cells = one.cells.get(broker, {})
        for older, newer in pairwise(observed):
            if older.line in cells and newer.line in cells and cells[older.line].value != cells[newer.line].value:
                values = cells[older.line].value, cells[newer.line].value
                yield _narrowed(_Step(one.row, broker, older, newer, *values, root))


def _differing(one: Answered) -> str:
    """The first broker on which lines differ."""
    return next((name for name, cells in one.cells.items() if len({cell.value for cell in cells.values()}) > 1), "")


def _narrowed(step: _Step) -> Change | Need:
    dead = lines.cannot()  # none of them starts a worker; what needs none may have been captured all the same
    releases = _between(lines.releases(), step.older.release, step.newer.release)
    between = [release for release in releases if release not in dead or step.celery(release) is not None]
    first = step.celery(between[0])
    if first is None:
        return step.need("celery", between[0])
    if first != step.new:
        return _searched(step, "celery", between, step.celery)
    control = step.celery(step.older.release)
    if control is None and Variant(step.newer.release, "celery", step.older.release).label in dead:
        return step.change(EITHER, step.older.release, between[0])
    if control is None:
        return step.need("celery", step.older.release)
    if control == step.new:
        return _of_kombu(step)
    return step.change("celery", step.older.release, between[0])


def _of_kombu(step: _Step) -> Change | Need:
    old, new = (_kombu(line, step.root) for line in (step.older, step.newer))
    if old == new:
        return step.change(OTHER, step.older.release, step.newer.release)
    start = step.kombu(old)
    if start is None:
        return step.need("kombu", old)
    if start == step.new:
        return step.change(OTHER, step.older.release, step.newer.release)
    between = [old, *_between(lines.releases("kombu"), old, new)]
    return _searched(step, "kombu", between, lambda release: step.new if release == new else step.kombu(release))


def _searched(step: _Step, package: str, releases: Sequence[str], answer: Callable[[str], str | None]) -> Change | Need:
    """The first release with the new answer; the first of all has another answer, the last has it."""
    low, high = 0, len(releases) - 1
    while high - low > 1:
        middle = (low + high) // 2
        found = answer(releases[middle])
        if found is None:
            return step.need(package, releases[middle])
        low, high = (low, middle) if found == step.new else (middle, high)
    return step.change(package, releases[low], releases[high])


def _between(releases: Sequence[str], old: str, new: str) -> list[str]:
    """The releases after the old one up to the new one."""
    return [one for one in releases if lines.order(old) < lines.order(one) <= lines.order(new)]


def _kombu(line: Line, root: Path | None) -> str:
    known = (captures.find(line.release, broker, "messages", root) for broker in ("redis", "amqp"))
    return next(capture.versions["kombu"] for capture in known if capture is not None)


def as_data(found: Sequence[Change]) -> str:
    """The changes as JSON, one a line."""
    rows = ",\n".join(f"  {json.dumps(asdict(change), ensure_ascii=False)}" for change in found)
    return f"[\n{rows}\n]\n"
