"""``celery-wire check``: say what a message or document is, field by field, and what it breaks."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.text import Text

from celery_conformance.check import Finding, Judge, Outcome, show, windows
from celery_conformance.check.reading import inputs
from celery_conformance.errors import USAGE_EXIT, UsageError
from celery_conformance.report.terminal import plain
from celery_conformance.verdicts import FAILED, FINE

DESCRIPTION = """\
Says what a message or a stored document is, shows it field by field in plain words, and lists every sentence of the
specification that it breaks, with place, expected, actual and harm. Nothing in it is ever run."""
EPILOG = """\
what FILE may hold, one in a file or one a line:
  the item of a Redis list        {"body": "…", "content-type": "…", "headers": {…}, "properties": {…}}
  a publication on AMQP           {"exchange": "", "routing_key": "celery", "properties": {…}, "headers": {…},
                                   "body": "<base64>"}
  a message as the spec shows it  {"content_type": "…", "content_encoding": "…", "headers": {…}, "properties": {…},
                                   "body": […]}
  the value of a result key       {"status": "SUCCESS", "result": 3, "task_id": "…", …}
  a value of the hash unacked     [{…}, "", "celery"]
  a file of fixtures/

  redis-cli --raw lindex celery 0 | celery-wire check -

exit codes: 0 no MUST is broken (a SHOULD may be); 1 a MUST is broken; 3 an input cannot be read, or usage; an
unreadable input goes before a broken MUST"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``check``."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("file", metavar="FILE", help="a file with messages or documents; - is standard input")
    parser.add_argument(
        "--celery",
        metavar="LINE",
        default=windows.NEWEST,
        help=f"judge by what this line of Celery keeps, such as 5.2 (default: {windows.NEWEST})",
    )
    parser.add_argument("--brief", action="store_true", help="no fields, and nothing of what breaks no sentence")
    parser.add_argument("--json", action="store_true", help="one JSON object an input (spec/schemas/check.schema.json)")


def execute(arguments: argparse.Namespace, console: Console) -> int:
    """Check each input; return 0, 1 or 3."""
    judge = Judge(windows.line(arguments.celery))
    counted: Counter[Outcome] = Counter()
    with _opened(arguments.file) as stream:
        for given in inputs(stream):
            finding = judge.judge(given)
            counted[finding.outcome] += 1
            _show(finding, judge.line, arguments, console)
    if counted.total() > 1 and not arguments.json:
        _print(console, plain(summary(counted), "bold"))
    return exit_code(counted)


def exit_code(counted: Counter[Outcome]) -> int:
    """The gravest thing that happened."""
    if counted[Outcome.UNREADABLE] or not counted:
        return USAGE_EXIT
    return FAILED if counted[Outcome.MUST] else FINE


def summary(counted: Counter[Outcome]) -> str:
    """The last line, where there is more than one input."""
    parts = [f"{counted[outcome]} {words}" for outcome, words in _SUMMARY.items() if counted[outcome]]
    return f"{counted.total()} inputs: {', '.join(parts)}"


_SUMMARY = {
    Outcome.MUST: "break a MUST",
    Outcome.SHOULD: "break only a SHOULD",
    Outcome.FINE: "break nothing",
    Outcome.UNREADABLE: "unreadable",
}


def _show(finding: Finding, line: str, arguments: argparse.Namespace, console: Console) -> None:
    if arguments.json:
        sys.stdout.write(json.dumps(show.as_data(finding, line)) + "\n")
    elif not arguments.brief:
        for text_line in show.in_full(finding, line):
            _print(console, text_line)
    elif finding.outcome is not Outcome.FINE:
        _print(console, show.head(finding))
        for text_line in show.in_short(finding, line):
            _print(console, text_line)


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as stream:
            yield stream
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"expected a file to check, came {name!r}: {reason}", "celery-wire check --help") from None
