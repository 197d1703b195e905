"""Records the runs of cases against Celery that requirements cite: ``python -m celery_conformance.evidence``.

A requirement whose evidence is a case rests on a run of that case against real Celery. This makes the runs and keeps of
each what happened on the wire, with the versions, in ``spec/evidence/``: one file a broker. A case that Celery does not
pass is recorded as it went: observations need it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import re
import shutil
import socket
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery_conformance import adapter as adapters
from celery_conformance import resources, specification
from celery_conformance.cases.load import load as load_cases
from celery_conformance.cases.model import Instance
from celery_conformance.engine.card import Judge, excerpt
from celery_conformance.engine.context import Context
from celery_conformance.engine.expect import Failure
from celery_conformance.engine.run import Planned, Run
from celery_conformance.engine.select import instances
from celery_conformance.engine.testbed import Target, Testbed
from celery_conformance.fixtures import load as load_fixtures
from celery_conformance.verdicts import Result, Verdict

_ROWS, _LENGTH = 24, 160
RUNS = (("redis", "redis"), ("redis", "rpc"), ("amqp", "rpc"))
CLIENTS = ("celery", "kombu", "redis", "amqp")


def cited() -> set[str]:
    """The cases that requirements name as evidence."""
    return {
        evidence.reference
        for requirement in specification.load()
        for evidence in requirement.evidence
        if evidence.kind == "case"
    }


@dataclass(slots=True)
class Recorder(Judge):
    """A judge that keeps the timeline of every case, passed or not."""

    recorded: dict[str, dict[str, Any]] = field(default_factory=dict)

    def result(
        self,
        instance: Instance,
        verdict: Verdict,
        reason: str,
        failure: Failure | None,
        context: Context | None,
        *,
        seconds: float,
    ) -> Result:
        """As every judge, after the record is made."""
        timeline = excerpt(context, failure.facts if failure is not None else ()) if context is not None else []
        entry: dict[str, Any] = {"verdict": str(verdict), "timeline": [_brief(row) for row in timeline[:_ROWS]]}
        if failure is not None:
            entry |= {"expected": neutral(failure.expected), "actual": neutral(failure.actual)}
        self.recorded[instance.name] = entry
        return Judge.result(self, instance, verdict, reason, failure, context, seconds=seconds)


def _brief(row: dict[str, Any]) -> list[Any]:
    said = neutral(row["says"])
    return [row["ms"], row["party"], row["fact"], said if len(said) <= _LENGTH else said[:_LENGTH] + "…"]


def neutral(text: str) -> str:
    """A text without the folders and the name of the machine it was said on."""
    text = re.sub(r"/[^\s\"']*/(?=site-packages/|lib/python)", "", text)
    text = text.replace(f"{resources.folder('adapters')}/", "").replace(tempfile.gettempdir(), "")
    return text.replace(socket.gethostname(), "host")


def first_instances(plan: Iterable[Planned]) -> list[Planned]:
    """One instance a case is evidence enough."""
    chosen: dict[str, Planned] = {}
    for planned in plan:
        chosen.setdefault(planned.instance.case.id, planned)
    return list(chosen.values())


async def record(broker: str, store: str, names: set[str], folder: Path) -> dict[str, Any]:
    """Run the cases against Celery on one broker and store; return the content of their file."""
    adapter = adapters.prepare(adapters.read(adapters.find("celery")))
    axes = {"broker": broker, "store": store, "pool": adapter.worker.pool if adapter.worker is not None else ""}
    cases, fixtures = [case for case in load_cases() if case.id in names], load_fixtures()
    plan = [Planned(instance) for case in cases for instance in instances(case, fixtures, axes)]
    testbed = Testbed(folder, Target(broker), Target(store))
    try:
        await testbed.start()
        requirements = {requirement.id: requirement for requirement in specification.load()}
        recorder = Recorder("celery", requirements, axes, adapter.baseline, "")
        await Run(adapter, testbed, first_instances(plan), recorder, 1, 8, _ignore).all()
        versions = {name: importlib.metadata.version(name) for name in CLIENTS} | {"broker": testbed.broker.version}
        return {"versions": versions, "store": store, "cases": dict(sorted(recorder.recorded.items()))}
    finally:
        await testbed.stop()


def _ignore(_result: Result) -> None:
    """Nobody watches the progress of a recording."""


def write(content: dict[str, Any], path: Path) -> None:
    """One case a line: a change of one case is a change of one line."""
    head = {name: value for name, value in content.items() if name != "cases"}
    lines = [f"{json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in content["cases"].items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    body = ",\n".join(lines)
    path.write_text(json.dumps(head, indent=1)[:-2] + ',\n "cases": {\n' + body + "\n}}\n", encoding="utf-8")


def beside_others(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The content of a file with cases added to those it has.

    Raises:
        ValueError: the others were recorded on other versions.
    """
    old = json.loads(path.read_text(encoding="utf-8"))
    if old["versions"] != content["versions"]:
        raise ValueError(f"expected {old['versions']} as in {path.name}, came {content['versions']}: record all again")
    return {**old, "cases": dict(sorted({**old["cases"], **content["cases"]}.items()))}


def recorded_cases(folder: Path | None = None) -> set[str]:
    """The cases whose runs are recorded."""
    root = folder if folder is not None else resources.folder("spec") / "evidence"
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(root.glob("*.json"))]
    return {name.partition("[")[0] for content in files for name in content["cases"]}


def main(words: Sequence[str] | None = None) -> None:
    """Record on every broker, or on one."""
    parser = argparse.ArgumentParser(prog="python -m celery_conformance.evidence", description=__doc__)
    parser.add_argument("--broker", choices=("redis", "amqp"), help="only this broker (default: all)")
    parser.add_argument("--missing", action="store_true", help="only cases that no file has yet; keep the others")
    arguments = parser.parse_args(words)
    names = cited() - recorded_cases() if arguments.missing else cited()
    for broker, store in RUNS:
        if arguments.broker in (None, broker):
            folder = Path(tempfile.mkdtemp(prefix="celery-wire-"))
            try:
                content = asyncio.run(record(broker, store, names, folder))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            name = f"celery-{content['versions']['celery']}-{broker}-{store}.json"
            path = resources.folder("spec") / "evidence" / name
            write(beside_others(content, path) if arguments.missing else content, path)
            print(f"{path.name}: {len(content['cases'])} cases")


if __name__ == "__main__":
    main()
