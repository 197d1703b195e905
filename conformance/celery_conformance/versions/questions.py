"""Rows of the truth table as data, and how a row is answered from a capture.

A row asks one question of one entry of one stage: a pointer into the decoded entry and the form in which what is there
is shown. What differs from run to run (ids that Celery chose, times, process ids) is made equal here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from celery_conformance import pointer
from celery_conformance.versions import lines, templates

BROKERS = ("redis", "amqp")
_LONGEST = 160

_VOLATILE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
    (re.compile(r"gen\d+@"), "gen<pid>@"),
    (re.compile(r"\b(1[6-9]|2[0-9])\d{8}\.\d+"), "<unix time>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<address>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<script>"),
    (re.compile(r"\bJob: \d+"), "Job: <number>"),
    (re.compile(r"\bpid: \d+"), "pid: <pid>"),
    (re.compile(r"line-\d+\.\d+\.\d+"), "<virtual host>"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``bears_on`` maps ids of requirements to the answers under which the requirement holds.

    ``like_newest`` names requirements that hold where the answer is that of the newest line. ``beside`` says, where
    lines differ, why no requirement is touched by that.
    """

    id: str
    title: str
    surface: str
    stage: str
    entry: str
    at: str
    show: str = "value"
    brokers: tuple[str, ...] = BROKERS
    each: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    bears_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    like_newest: Sequence[str] = ()
    beside: str = ""
    package: str = "celery"

    @property
    def requirements(self) -> tuple[str, ...]:
        """The requirements that it bears on."""
        return (*self.bears_on, *self.like_newest)


def load(folder: Path | None = None) -> list[Row]:
    """Every row, surface by surface."""
    found = []
    for surface, data in _written(folder):
        several = templates.expand(data) if _is_template(data) else [data]
        found += [_row(surface, one) for one in several]
    return found


def unmatched(folder: Path | None = None) -> list[str]:
    """What the templates say about fixtures that become no row."""
    asked = (data for _, data in _written(folder) if _is_template(data))
    return [problem for data in asked for problem in templates.lint(data)]


def _written(folder: Path | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted((folder or lines.folder() / "rows").glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        yield from ((document["surface"], data) for data in document["rows"])


def _is_template(data: Mapping[str, Any]) -> bool:
    return str(data["of"]).endswith("/*")


def _row(surface: str, data: Mapping[str, Any]) -> Row:
    stage, _, entry = data["of"].partition("/")
    rest = {name: value for name, value in data.items() if name not in ("of", "brokers", "at")}
    rest["brokers"] = tuple(data.get("brokers", BROKERS))
    return Row(surface=surface, stage=stage, entry=entry, at=data.get("at", ""), **rest)


def answer(row: Row, decoded: Mapping[str, Any]) -> str:
    """What the decoded entry of a capture answers to a row, as short text."""
    if row.show == "outcome":
        return _outcome(decoded)
    found = _find(row, decoded)
    if found is pointer.ABSENT:
        return _instead(row, decoded)
    return shorten(normal(FORMS[row.show](found)))


def _find(row: Row, decoded: Mapping[str, Any]) -> Any:
    place = decoded
    found = pointer.resolve(place, row.at)
    if row.where and found is not pointer.ABSENT:
        found = next((one for one in found if _matches(one, row.where)), pointer.ABSENT)
    if row.each is None or found is pointer.ABSENT:
        return found
    if row.where:
        return pointer.resolve(found, row.each)
    return [_or_absent(pointer.resolve(one, row.each)) for one in found]


def _or_absent(value: Any) -> Any:
    return "absent" if value is pointer.ABSENT else value


def _matches(item: Any, where: Mapping[str, Any]) -> bool:
    return all(pointer.resolve(item, place) == wanted for place, wanted in where.items())


def _outcome(decoded: Mapping[str, Any]) -> str:
    if "raised" in decoded:
        return f"raises {decoded['raised']}"
    return "sent" if decoded.get("messages") else "nothing is sent"


def _instead(row: Row, decoded: Mapping[str, Any]) -> str:
    if "raised" in decoded and not row.at.startswith("/raised"):
        return f"raises {decoded['raised']}"
    part = row.at.split("/")[1] if row.at.startswith("/") else ""
    if part in ("messages", "stored", "events", "results", "replies", "controls") and not decoded.get(part):
        return f"no {part}" if part != "stored" else "nothing stored"
    return "absent"


def normal(text: str) -> str:
    """The text with what differs from run to run made equal."""
    for pattern, instead in _VOLATILE:
        text = pattern.sub(instead, text)
    return text


def shorten(text: str) -> str:
    """At most so much of the text as a cell holds."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _value(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False) if not isinstance(found, str) else (found or '""')


def _type(found: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "float", str: "text", list: "list", dict: "object"}
    return "null" if found is None else names.get(type(found), type(found).__name__)


def _keys(found: Any) -> str:
    return " ".join(sorted(found)) if isinstance(found, Mapping) else f"no object: {_type(found)}"


def _shape(found: Any) -> str:
    if isinstance(found, str):
        return "digits" if found.isdigit() else re.sub(r"\d+", "0", normal(found))
    return _type(found)


def _offset(found: Any) -> str:
    if not isinstance(found, str):
        return _type(found)
    match = re.search(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$", found)
    return "no time" if match is None else (match.group(2) or "no offset")


def _happened(found: Any) -> str:
    """What a trace says, without the order of what happens in two processes."""
    seen = Counter(" ".join(line[:1] + line[2:]) for line in found if isinstance(line, list))
    return ", ".join(what if count == 1 else f"{what} ×{count}" for what, count in sorted(seen.items()))


def _reaction(found: Any) -> str:
    """The word for what a worker did with a message, and whether the message is still there when it has ended."""
    word = str(found["reaction"])
    if word == "runs" and any(document["status"] == "FAILURE" for document in found.get("stored", [])):
        word = "fails"  # what the task sent on has failed, after the worker was looked at
    return f"{word}; {found['note']}" if word in ("terminates", "loops") and "note" in found else word


def _read(found: Any) -> str:
    """The state that a reader sees in a document, and what getting the result comes to."""
    return f"{found['read']['state']}; {found['read']['get']}" if "read" in found else f"raises {found['raised']}"


FORMS: Mapping[str, Callable[[Any], str]] = {
    "value": _value,
    "type": _type,
    "keys": _keys,
    "count": lambda found: str(len(found)),
    "shape": _shape,
    "offset": _offset,
    "happened": _happened,
    "kinds": lambda found: ", ".join(sorted({" ".join(line[:1] + line[2:]) for line in found})),
    "reaction": _reaction,
    "read": _read,
    "names": lambda found: " ".join(sorted({str(one) for one in found})),
    "present": lambda _: "present",
    "types": lambda found: " ".join(f"{name}:{_type(found[name])}" for name in sorted(found)),
}


def lint(rows: Sequence[Row]) -> Iterator[str]:
    """What is wrong with the rows."""
    names = [row.id for row in rows]
    yield from (f"{name}: stands twice" for name in sorted(set(names)) if names.count(name) > 1)
    yield from (f"{row.id}: no form {row.show!r}" for row in rows if row.show not in {*FORMS, "outcome"})
    yield from (f"{row.id}: unknown broker" for row in rows if not set(row.brokers) <= set(BROKERS))
