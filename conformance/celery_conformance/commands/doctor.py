"""``celery-wire doctor``: say whether an adapter is sane, and if not what is wrong."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from celery_conformance import adapter as adapters
from celery_conformance.adapter import Adapter
from celery_conformance.brokers import rabbitmq
from celery_conformance.cases.load import load as load_cases
from celery_conformance.commands.settings import default_store
from celery_conformance.engine.checkup import Finding, log_tail, run_check_up
from celery_conformance.engine.testbed import Target, Testbed
from celery_conformance.errors import USAGE_EXIT, BrokerError, CommandError
from celery_conformance.report.terminal import plain

_MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``doctor``."""
    parser.add_argument("folder", help="a folder with adapter.toml, or the name of a built-in adapter")
    parser.add_argument(
        "--broker", choices=("redis", "amqp"), help="try this broker only (default: all the adapter names)"
    )


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Check an adapter up; return 0 when it is sane, else 3."""

    def tell(finding: Finding) -> None:
        mark, style = _MARKS[finding.fine]
        console.print(plain(f"{mark} {finding.says}", style), soft_wrap=True)
        if finding.hint and finding.fine is False:
            console.print(plain(f"  {finding.hint}"), soft_wrap=True)

    adapter = adapters.read(adapters.find(arguments.folder))
    tell(Finding(True, f"adapter.toml of {adapter.name!r} is well-formed: {', '.join(adapter.roles)}"))
    fine = _tell_all(tell, _baseline_findings(adapter))
    adapter = adapters.prepare(adapter)
    if adapter.setup is not None:
        tell(Finding(True, "its set-up is done"))
    tell(Finding(True, f"its version is {adapter.version()}"))
    brokers = [kind for kind in adapter.brokers if arguments.broker in (None, kind)]
    for kind in brokers:
        fine = _try_broker(adapter, kind, console, tell) and fine
    verdict = "the adapter is sane" if fine else "the adapter is not sane; what to mend stands above"
    console.print(plain(verdict, "bold"))
    return 0 if fine else USAGE_EXIT


def _tell_all(tell: Callable[[Finding], None], findings: list[Finding]) -> bool:
    for finding in findings:
        tell(finding)
    return all(finding.fine is not False for finding in findings)


def _baseline_findings(adapter: Adapter) -> list[Finding]:
    known = {case.id for case in load_cases()}
    named = [entry.id.partition("[")[0] for entry in adapter.baseline.entries]
    unknown = [name for name in named if name not in known and "*" not in name]
    if unknown:
        return [Finding(False, f"baseline.yaml names cases that do not exist: {', '.join(unknown)}", "take them out")]
    return [Finding(True, f"baseline.yaml names {len(named)} known failures")] if named else []


def _try_broker(adapter: Adapter, kind: str, console: Console, tell: Callable[[Finding], None]) -> bool:
    if kind == "amqp":
        try:
            rabbitmq.find_server()
        except BrokerError as error:
            tell(Finding(None, f"not tried on RabbitMQ: {error.cause}"))
            return True
    folder = Path(tempfile.mkdtemp(prefix="celery-wire-"))
    try:
        testbed = Testbed(folder, Target(kind), Target(default_store(kind, adapter)))
        fine = run_check_up(adapter, testbed, tell)
    except CommandError as error:
        tell(Finding(False, error.cause, error.hint))
        return False
    else:
        if not fine and log_tail(folder):
            console.print(plain(log_tail(folder)), soft_wrap=True)
        return fine
    finally:
        shutil.rmtree(folder, ignore_errors=True)
