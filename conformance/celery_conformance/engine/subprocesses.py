"""Processes of the implementation, in a session of their own, that end with the run."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from celery_conformance.adapter import Adapter
from celery_conformance.brokers.process import die_with_parent, signal_group
from celery_conformance.errors import AdapterError


async def launch(
    adapter: Adapter,
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    dialogue: bool = False,
) -> asyncio.subprocess.Process:
    """Start a program of the adapter. With ``dialogue`` its stdin and stdout are pipes; else all goes to the log.

    Raises:
        AdapterError: the program does not exist or may not be run.
    """
    with log.open("ab") as out:
        pipe: int | IO[bytes] = asyncio.subprocess.PIPE if dialogue else out
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE if dialogue else asyncio.subprocess.DEVNULL,
                stdout=pipe,
                stderr=out,
                cwd=adapter.folder,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=die_with_parent,
                limit=1 << 24,
            )
        except OSError as error:
            raise AdapterError(
                f"expected to start {command[0]!r} of the adapter {adapter.name!r}, came: {error.strerror}",
                f"the command in adapter.toml is: {' '.join(command)}",
            ) from error


async def finish(process: asyncio.subprocess.Process, grace: float = 0.0) -> int:
    """End a process and all it started: with a grace, first politely. Return its exit code.

    Polite is what a container's runtime does: the process alone is asked, and sees to what it has started.
    """
    if process.returncode is None and grace:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace)
    signal_group(process.pid, signal.SIGKILL)
    return await process.wait()
