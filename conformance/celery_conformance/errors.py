"""What can go wrong outside a verdict, each with a cause, a hint and the exit code it ends the command with.

An error is one sentence on what was expected and what came, and one on what to do. It never carries a
traceback to the person who typed the command. Exit codes are those of the design: 3 for usage, adapter and
environment, 4 for a defect of the suite.
"""

from __future__ import annotations

USAGE_EXIT = 3
SUITE_EXIT = 4


class CommandError(Exception):
    """Ends a command with one clear sentence and a hint."""

    exit_code = USAGE_EXIT

    def __init__(self, cause: str, hint: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.cause}\n{self.hint}" if self.hint else self.cause


class UsageError(CommandError):
    """The command line asks for something that does not exist."""


class AdapterError(CommandError):
    """An adapter's folder, file or process is not what the contract says."""


class BrokerError(CommandError):
    """A broker or a result store could not be started or reached."""


class InstallError(CommandError):
    """What an adapter needs could not be installed."""


class CaseFileError(CommandError):
    """A case file of the suite is malformed; whoever edits cases sees this."""

    exit_code = SUITE_EXIT


class SuiteError(CommandError):
    """The suite itself is at fault, or it judged nothing."""

    exit_code = SUITE_EXIT
