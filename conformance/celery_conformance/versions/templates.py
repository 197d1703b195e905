"""Rows that ask the same of every fixture: a row of which the entry is ``*`` becomes one row a fixture.

Only fixtures that were given to every observed line become rows, so that no cell is missing. What a fixture says of
what a worker or reader takes (topics ACC and RDR) is borne out by the lines that answer as the newest one does. What
else a row bears on stands in ``about`` of the template: patterns of names of fixtures, and the keys that the rows of
these fixtures have on top. Several patterns may fit one fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from celery_conformance.fixtures import Fixture, load
from celery_conformance.versions import captures, lines

ABOUT = "about"
_TOPICS = ("-ACC-", "-RDR-")


def expand(data: Mapping[str, Any], root: Path | None = None) -> Iterator[dict[str, Any]]:
    """The rows that a template stands for, as data."""
    named = _fixtures()
    stage = _stage(data)
    shared = {key: value for key, value in data.items() if key != ABOUT}
    for name, brokers in _asked(data, root).items():
        fixture = named.get(name)
        filled = {"id": f"{data['id']}:{name}", "of": f"{stage}/{name}", "brokers": brokers}
        title = data["title"].format(fixture=name, title=fixture.title if fixture else name)
        package = "kombu" if name.startswith("redis-envelope/") else "celery"
        row = {**shared, **filled, "title": title, "package": package, "like_newest": _taken(fixture)}
        yield _with(row, [more for pattern, more in data.get(ABOUT, {}).items() if fnmatchcase(name, pattern)])


def lint(data: Mapping[str, Any], root: Path | None = None) -> Iterator[str]:
    """The patterns of a template that fit none of its rows."""
    names = _asked(data, root)
    for pattern in data.get(ABOUT, {}):
        if not any(fnmatchcase(name, pattern) for name in names):
            yield f"{data['id']}: {pattern} fits no fixture"


def _with(row: dict[str, Any], more: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The row with what is said about its fixture; requirements are added to one another."""
    for one in more:
        like = list(dict.fromkeys([*row["like_newest"], *one.get("like_newest", ())]))
        bears = {**row.get("bears_on", {}), **one.get("bears_on", {})}
        row = {**row, **one, "like_newest": like, "bears_on": bears}
    return row


def _stage(data: Mapping[str, Any]) -> str:
    return str(data["of"].partition("/")[0])


def _asked(data: Mapping[str, Any], root: Path | None) -> dict[str, list[str]]:
    """The fixtures that become rows, and the brokers on which each is asked."""
    places = {broker: _entries(_stage(data), broker, root) for broker in data.get("brokers", ("redis", "amqp"))}
    names = sorted(set().union(*places.values()))
    return {name: [broker for broker, entries in places.items() if name in entries] for name in names}


@cache
def _fixtures() -> Mapping[str, Fixture]:
    return {fixture.name: fixture for fixture in load()}


def _entries(stage: str, broker: str, root: Path | None) -> set[str]:
    """The entries that every observed line has."""
    found = [captures.find(line.release, broker, stage, root) for line in lines.load()]
    if any(capture is None for capture in found):
        return set()
    return set.intersection(*(set(capture.entries) for capture in found if capture is not None))


def _taken(fixture: Fixture | None) -> Sequence[str]:
    if fixture is None or not fixture.valid:
        return ()
    return tuple(name for name in fixture.requirements if any(topic in name for topic in _TOPICS))
