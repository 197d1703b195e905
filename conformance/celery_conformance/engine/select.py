"""Which cases a run holds: by role, by ``-k``, by the run's broker and store, and by what the adapter has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from celery_conformance.adapter import Adapter
from celery_conformance.cases.model import Case, Instance, applies, expand
from celery_conformance.fixtures import Fixture


@dataclass(frozen=True, slots=True)
class Lack:
    """What an adapter does not have that a case needs. ``client_option`` can be probed."""

    what: str
    client_option: str | None = None


def matches(case: Case, patterns: Iterable[str]) -> bool:
    """Whether ``-k`` picks a case: one text is in its id, its topic or a requirement it covers; ``*`` is any text.

    Without a text every case is picked.
    """
    texts = (case.id, case.topic, *case.covers)
    expressions = [re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE) for pattern in patterns]
    return not expressions or any(expression.search(text) for expression in expressions for text in texts)


def fitting_fixtures(case: Case, fixtures: Iterable[Fixture], broker: str) -> list[str]:
    """The fixtures a case's query finds, for a run's broker."""
    query: Mapping[str, Any] = case.fixtures or {}
    return [
        fixture.name
        for fixture in fixtures
        if fixture.surface == query["surface"]
        and all(fixture.judged.get(schema) is wanted for schema, wanted in query.get("judged", {}).items())
        and ("reactions" not in query or fixture.reaction(broker) in query["reactions"])
        and ("priority" not in query or (fixture.priority > 0) is query["priority"])
    ]


def instances(
    case: Case, fixtures: Iterable[Fixture], run: Mapping[str, str], *, thorough: bool = True
) -> list[Instance]:
    """The instances of a case in a run; none when it does not apply, or only a thorough run has them."""
    if not applies(case, run) or (case.thorough and not thorough):
        return []
    names = fitting_fixtures(case, fixtures, run["broker"]) if case.fixtures is not None else []
    return list(expand(case, names, thorough=thorough))


def lacks(case: Case, adapter: Adapter, fixtures: Mapping[str, Fixture], axes: Mapping[str, Any]) -> list[Lack]:
    """What a case needs and the adapter says it has not."""
    found: list[Lack] = []
    for step in case.do:
        for verb, arguments in step.items():
            if verb == "send" and adapter.client is not None:
                missing = set(arguments.get("options", {})) - adapter.client.options - {"queue"}
                found += [Lack(f"the client option {name}", name) for name in sorted(missing)]
            elif verb == "publish" and adapter.worker is not None and adapter.worker.tasks is not None:
                task = _task_of(arguments, fixtures, axes)
                if task is not None and task.startswith("conf.") and task not in adapter.worker.tasks:
                    found.append(Lack(f"the task {task}"))
    if case.role == "worker" and adapter.worker is not None:
        missing = set(case.worker) - adapter.worker.options - {"concurrency"}
        found += [Lack(f"the worker option {name}") for name in sorted(missing)]
        found += [Lack(topic) for topic in adapter.worker.without if f"{case.topic}-".startswith(f"{topic}-")]
    return found


def _task_of(arguments: Mapping[str, Any], fixtures: Mapping[str, Fixture], axes: Mapping[str, Any]) -> str | None:
    """The catalogue task a publish step calls; tasks meant to be unknown do not count."""
    if "fixture" in arguments:
        given = arguments["fixture"]
        name = axes.get("fixture") if isinstance(given, Mapping) else given
        headers = fixtures[str(name)].message.get("headers") if str(name) in fixtures else None
        task = headers.get("task") if isinstance(headers, dict) else None
    else:
        task = arguments.get("task")
    return task if isinstance(task, str) and not task.startswith("conf.unknown") else None


__all__ = ["Lack", "fitting_fixtures", "instances", "lacks", "matches"]
