"""``python -m celery_conformance.versions``: observe lines of Celery, and write the truth table from what was seen.

``observe`` installs and runs lines, ``table`` writes the table (``--check`` writes nothing and fails when it is not
what the captures say), ``bisect`` narrows changes down to releases, ``add`` puts a line or another release of one into
the list, observes it and shows the difference, ``difference`` shows what changed between two lines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from celery_conformance.versions import bisect, captures, difference, doubts, environments, lines, results
from celery_conformance.versions.lines import Line
from celery_conformance.versions.observe import FAILED, Plan, observe, observe_again
from celery_conformance.versions.questions import BROKERS
from celery_conformance.versions.stages import NAMES, STAGES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 1 when something is not in order, 3 when a line could not be run."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m celery_conformance.versions", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    watch = commands.add_parser("observe", help="install lines, run them, keep what they wrote, write the table")
    watch.add_argument("lines", nargs="*", help="lines (5.2) or releases (5.2.1); default: every line")
    watch.set_defaults(run=_observe)
    new = commands.add_parser("add", help="add a line or take another release of one, observe it, show the difference")
    new.add_argument("release", help="the release of Celery, such as 5.8.0")
    new.add_argument(
        "pins",
        nargs="*",
        help="further packages; default: those of the line, or of the newest one with kombu left open",
    )
    new.add_argument("--python", default="3.11", help="the Python it runs on (default: %(default)s)")
    new.set_defaults(run=_add)
    for command in (watch, new):
        command.add_argument("--stage", action="append", choices=NAMES, help="default: every stage")
        command.add_argument("--broker", action="append", choices=BROKERS, help="default: both")
        command.add_argument("--at-once", type=int, default=12, help="how many at the same time (default: %(default)s)")
    write = commands.add_parser("table", help="write the table from the captures")
    write.add_argument("--check", action="store_true", help="write nothing; fail when the table is not what they say")
    write.set_defaults(run=_table)
    search = commands.add_parser("bisect", help="run the releases between lines to find which brought each change")
    search.add_argument("--stage", action="append", choices=list(STAGES), help="default: every stage")
    search.add_argument("--at-once", type=int, default=4, help="how many at the same time (default: %(default)s)")
    search.set_defaults(run=_bisect)
    show = commands.add_parser("difference", help="what changed between two lines")
    show.add_argument("old")
    show.add_argument("new")
    show.set_defaults(run=_difference)
    return parser


def _observe(options: argparse.Namespace) -> int:
    complete = _capture(lines.chosen(options.lines), options)
    results.write()
    return 0 if complete else 3


def _capture(wanted: Sequence[Line], options: argparse.Namespace) -> bool:
    before = doubts.answers()
    provided = list(environments.provide_all(list(wanted)))
    ready = [one for one in provided if not isinstance(one, str)]
    missing = [one for one in provided if isinstance(one, str)]
    print(*missing, sep="\n", file=sys.stderr)
    plan = Plan(ready, options.broker or BROKERS, options.stage or NAMES, at_once=options.at_once)
    reports = []
    for report in observe(plan):
        print(report, flush=True)
        reports.append(report)
    for report in observe_again(plan, doubts.between(before, doubts.answers())):
        print(report, flush=True)
        reports.append(report)
    captures.read.cache_clear()
    return not missing and not any(FAILED in report for report in reports)


def _table(options: argparse.Namespace) -> int:
    if options.check:
        wrong = results.stale()
        print(*wrong, sep="\n", file=sys.stderr)
        return 1 if wrong else 0
    print(results.write())
    return 0


def _add(options: argparse.Namespace) -> int:
    before = difference.committed()
    name = ".".join(options.release.split(".")[:2])
    lines.add(Line(name, options.release, options.python, tuple(options.pins) or _pins(name)))
    complete = _capture([lines.find(name)], options)
    results.write()
    print("\n".join(difference.of_line(before, difference.committed(), name)))
    return 0 if complete else 3


def _bisect(options: argparse.Namespace) -> int:
    for report in bisect.narrow(bisect.Plan(options.stage or tuple(STAGES), at_once=options.at_once)):
        print(report, flush=True)
    print(results.write())
    return 0


def _pins(name: str) -> tuple[str, ...]:
    """The packages of a line that is known, or what a new line is tried with."""
    return next((line.pins for line in lines.load() if line.line == name), None) or difference.open_pins()


def _difference(options: argparse.Namespace) -> int:
    committed = difference.committed()
    print("\n".join(difference.between(committed, options.old, options.new)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
