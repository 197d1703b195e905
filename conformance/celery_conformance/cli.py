"""The command ``celery-wire``: a thin main over the commands.

Whatever goes wrong ends in one clear sentence and an exit code of the design, never in a traceback and never in a
parser's own exit code.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import NoReturn

from celery_wire.version import EDITION, __version__
from rich.console import Console

from celery_conformance.errors import SUITE_EXIT, USAGE_EXIT, CommandError
from celery_conformance.report.terminal import plain

INTERRUPTED_EXIT = 130
_EPILOG = """\
exit codes: 0 fine; 1 a requirement is broken; 2 the baseline is stale; 3 usage, adapter or environment;
4 the suite is at fault, or nothing was judged; 130 interrupted"""


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors end like all others."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"celery-wire: {message}\nsee {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE_EXIT)


Command = Callable[[argparse.Namespace, Console], int]


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each is imported only when it is used, so that help is quick."""
    parser = _Parser(
        prog="celery-wire",
        description="Judges implementations of the Celery message protocol, and explains it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"celery-wire {__version__}, specification {EDITION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module, says in _commands():
        child = commands.add_parser(
            name, help=says, description=says, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(child)
        child.set_defaults(execute=module.execute)
    return parser


def _commands() -> list[tuple[str, ModuleType, str]]:
    from celery_conformance.commands import check, doctor, explain, listing, run  # late: --version needs none of it

    return [
        ("run", run, "judge an implementation"),
        ("check", check, "say what a message or a stored document is, and what it breaks"),
        ("list", listing, "show adapters, cases or requirements"),
        ("explain", explain, "say what a requirement or a case is about"),
        ("doctor", doctor, "say whether an adapter is sane, and if not what is wrong"),
    ]


class _Console(Console):
    """A console that shows whatever it is given, and leaves a reader who has gone to ``main``."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError

    def say(self, text: str) -> None:
        self.print(plain(text), soft_wrap=True)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Take SIGTERM for Ctrl-C: whoever handles that (a running event loop ends its tasks in order) handles this."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows few letters is no error
    arguments = build_parser().parse_args(words)
    console, errors = _Console(highlight=False), _Console(stderr=True, highlight=False)
    try:
        code = int(arguments.execute(arguments, console))
        sys.stdout.flush()
    except CommandError as error:
        errors.say(f"celery-wire: {error.cause}")
        if error.hint:
            errors.say(error.hint)
        return error.exit_code
    except KeyboardInterrupt:
        errors.say("celery-wire: interrupted; everything it had started has been ended")
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the end of Python writes to nobody
        return USAGE_EXIT
    except Exception:
        errors.say("celery-wire: the suite is at fault; please report what follows")
        errors.say(traceback.format_exc(limit=-6))
        return SUITE_EXIT
    return code


if __name__ == "__main__":
    sys.exit(main())
