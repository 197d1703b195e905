"""The truth table as a page for people: every row, the spans of lines that agree, and what each was seen on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from celery_conformance.versions import captures, changes, lines, pairs, table
from celery_conformance.versions.changes import Change
from celery_conformance.versions.lines import Line
from celery_conformance.versions.pairs import Pair
from celery_conformance.versions.questions import BROKERS
from celery_conformance.versions.table import Answered, Cell

NAME = "table.md"
_BROKER_NAMES = {"redis": "Redis", "amqp": "RabbitMQ"}
_LONGEST = 110

_HEAD = """\
# Observed on: what differs from Celery 4.0 to {newest}

This page is written from [table.json](table.json), and that from the captures in `captures/`; do not edit it. Each
line of Celery was installed and run on Redis and on RabbitMQ, and what it wrote is kept as it was. A row asks one
question of one entry of the captures. A cell says what each line answered, and its links lead to the captures. What
differs from run to run is written in angle brackets: `<uuid>` for an id that Celery chose, `<time>` for a moment.
`absent` means that there is no such key. *With* names the release that brought a change: the releases between two lines
were run too. It says *or a package beside it* where the old release does not start among the packages of the new one.

{counts}

## What was run

| line | Celery | Python | kombu | py-amqp | redis-py | billiard |
|---|---|---|---|---|---|---|
{versions}

What does not start here, and so stands in no cell and beside no change of what a worker does:

| release | why |
|---|---|
{cannot}
"""


def render(
    answered: Sequence[Answered], observed: Sequence[Line], found: Sequence[Change], paired: Sequence[Pair] = ()
) -> str:
    """The page."""
    differing = [one for one in answered if one.differs]
    same = [one for one in answered if not one.differs]
    counts = f"{len(answered)} rows, in {len(differing)} of which lines differ."
    cannot = "\n".join(f"| {label.replace('-', ' ')} | {reason} |" for label, reason in lines.cannot().items())
    versions = "\n".join(_versions(observed))
    head = _HEAD.format(newest=observed[-1].line, counts=counts, versions=versions, cannot=cannot)
    parts = [head, "## Rows in which lines differ\n", *_tables(differing, found)]
    parts += ["## Rows in which no line differs\n", *_tables(same, found)]
    parts += _pairs(paired)
    return "\n".join(parts)


_PAIRS_HEAD = """## Pairs of releases

The producer of one release and the worker of another, for each shape: each release with the newest in both directions,
and with its neighbours. Where few pairs give an answer, they are named as *producer → worker*, with the broker where it
is not both; where many do, their number on both brokers together is given.

| shape | what became of it | pairs |
|---|---|---|"""
_FEW = 12


def _pairs(paired: Sequence[Pair]) -> Iterator[str]:
    if not paired:
        return
    yield _PAIRS_HEAD
    for shape, text, members in pairs.grouped(paired):
        yield f"| {shape} | {_code(text)} | {_named(members)} |"
    yield ""


def _named(members: Sequence[Pair]) -> str:
    brokers: dict[tuple[str, str], list[Pair]] = {}
    for one in members:
        brokers.setdefault((one.producer, one.worker), []).append(one)
    if len(brokers) > _FEW:
        return str(len(members))
    return ", ".join(_pair(own) for own in brokers.values())


def _pair(own: Sequence[Pair]) -> str:
    """A pair of releases; the broker is named where it answers so on one broker alone."""
    first = own[0]
    place = first.capture.partition("#")[0]
    only = f" ({_BROKER_NAMES[first.broker]})" if len({one.broker for one in own}) == 1 else ""
    return f"[{first.producer} → {first.worker}]({place}){only}"


def _versions(observed: Sequence[Line]) -> Iterator[str]:
    for line in observed:
        known = (captures.find(line.release, broker, "messages") for broker in BROKERS)
        versions = next((capture.versions for capture in known if capture is not None), {})
        words = [versions.get(name, "–") for name in ("python", "kombu", "amqp", "redis-py", "billiard")]
        yield f"| {line.line} | {line.release} | {' | '.join(words)} |"


def _tables(answered: Sequence[Answered], found: Sequence[Change]) -> Iterator[str]:
    for surface in dict.fromkeys(one.row.surface for one in answered):
        yield f"### {surface}\n"
        yield "| question | answers | with |\n|---|---|---|"
        for one in answered:
            if one.row.surface == surface:
                yield _row(one, found)
        yield ""


def _row(one: Answered, found: Sequence[Change]) -> str:
    title = one.row.title + "".join(f" {name}" for name in one.row.requirements)
    if one.brokers_agree:
        broker = next(iter(one.cells))
        answers = _answers(one.cells[broker])
        if len(one.row.brokers) == 1:
            answers = f"{_BROKER_NAMES[broker]}: {answers}"
    else:
        answers = "<br>".join(f"{_BROKER_NAMES[broker]}: {_answers(cells)}" for broker, cells in one.cells.items())
    return f'| <a id="{one.row.id}"></a>{title} | {answers} | {_with(one, found)} |'


def _answers(cells: Mapping[str, Cell]) -> str:
    return "; ".join(f"{_lines(first, last, cells)} {_code(value)}" for first, last, value in table.spans(cells))


def _lines(first: str, last: str, cells: Mapping[str, Cell]) -> str:
    names = [first] if first == last else [first, last]
    return "–".join(f"[{name}]({cells[name].capture.partition('#')[0]})" for name in names)


def _code(value: str) -> str:
    text = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    text = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    return f"`{text}`".replace("|", "\\|") if text else "*empty*"


def _with(one: Answered, found: Sequence[Change]) -> str:
    own = [change for change in found if change.row == one.row.id]
    return ", ".join(dict.fromkeys(changes.named(change) for change in own))
