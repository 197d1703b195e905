"""How many task messages a second ``check`` judges on one core, beside what the engines alone do.

``python -m celery_conformance.check.benchmark`` prints a table and ends with 1 when messages that are in order are
judged more slowly than the target. Each figure is the best of several rounds in CPU time, so that a busy machine makes
it no better and hardly worse.
"""

from __future__ import annotations

import base64
import collections
import io
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from celery_conformance import schemas
from celery_conformance.check import engine, forms
from celery_conformance.check.judge import Judge
from celery_conformance.check.reading import Input, inputs
from celery_conformance.fixtures import load

TARGET = 20_000
_MESSAGES, _ROUNDS = 500, 30
_SCHEMA = "task-v2-emitted"


def items(count: int, **headers: Any) -> list[bytes]:
    """Redis list items of Celery's, each with ids of its own; ``headers`` replace those that Celery wrote."""
    (plain,) = [fixture for fixture in load() if fixture.name == "redis-envelope/plain"]
    found = []
    for number in range(count):
        envelope = json.loads(plain.message["item"])
        task_id = str(uuid.UUID(int=number, version=4))
        envelope["headers"] |= {"id": task_id, "root_id": task_id, **headers}
        envelope["properties"] |= {"correlation_id": task_id, "delivery_tag": str(uuid.UUID(int=2**64 + number))}
        body = [
            [number, "a text"],
            {"key": number},
            {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
        ]
        envelope["body"] = base64.b64encode(json.dumps(body).encode()).decode()
        found.append(json.dumps(envelope).encode())
    return found


def rate(work: Callable[[], object], count: int, rounds: int = _ROUNDS) -> float:
    """How many of ``count`` a second the work does, at its best."""
    work()
    best = min(_seconds(work) for _ in range(rounds))
    return count / best


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return max(time.process_time() - begun, 1e-9)


def measure(rounds: int = _ROUNDS) -> list[tuple[str, float]]:
    """Each row of the table: what was done, and how many a second."""
    judge, sound, broken = Judge(), items(_MESSAGES), items(_MESSAGES // 10, eta="", lang=None)
    stream, decoded = b"\n".join(sound), [_decoded(item) for item in sound]
    fast, slow = engine.compiled(_SCHEMA), schemas.validator(_SCHEMA)

    def each(work: Callable[[Any], object], subjects: Iterable[Any]) -> Callable[[], object]:
        return lambda: collections.deque(map(work, subjects), maxlen=0)

    work: list[tuple[str, Callable[[], object], int]] = [
        ("check: bytes to verdict", each(judge.judge, [Input(1, item) for item in sound]), _MESSAGES),
        ("check: the lines of a stream", partial(_judge_stream, judge, stream), _MESSAGES),
        ("check: messages that break sentences", each(judge.judge, [Input(1, item) for item in broken]), len(broken)),
        ("parsing alone: envelope, form and body", each(_decoded, sound), _MESSAGES),
        ("jsonschema-rs alone, one schema", each(fast.is_valid, decoded), _MESSAGES),
        ("jsonschema alone, one schema", each(slow.is_valid, decoded[:50]), 50),
    ]
    return [(name, rate(one, count, rounds)) for name, one, count in work]


def _judge_stream(judge: Judge, stream: bytes) -> None:
    for given in inputs(io.BytesIO(stream)):
        judge.judge(given)


def _decoded(item: bytes) -> Any:
    return forms.carried(json.loads(item)).layers[-1].document


def main() -> int:
    """Print the table; return 0 when the target is met."""
    rows = measure()
    table = Table("what", "messages a second", box=None)
    table.columns[1].justify = "right"
    for name, found in rows:
        table.add_row(name, f"{found:,.0f}")
    Console().print(table)
    met = rows[0][1] >= TARGET
    print(f"the target, {TARGET:,} a second on one core, is {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
