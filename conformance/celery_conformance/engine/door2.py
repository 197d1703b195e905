"""Door 2: a client or codec behind JSON lines on stdin and stdout.

Every request has an id; replies may come in any order. The expectation never crosses this line. What a client prints
that is no reply of the protocol is an adapter error, told in words, never a verdict about the implementation.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery_conformance.adapter import Adapter, Part
from celery_conformance.brokers.process import last_lines
from celery_conformance.engine.subprocesses import finish, launch
from celery_conformance.errors import AdapterError

#: How long a reply may take, where the request itself does not say.
REPLY_SECONDS = 30.0
#: How long a client whose pipes are closed may take to end.
_END_SECONDS = 5.0
#: The verb a client needs to be judged in a role.
_VERBS = {"producer": "send", "reader": "result"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: exactly one of ``ok``, ``unsupported`` and ``error`` is not None."""

    ok: dict[str, Any] | None = None
    unsupported: str | None = None
    error: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """The answer as cases point into it."""
        shown = {"ok": self.ok, "unsupported": self.unsupported, "error": self.error}
        return {name: value for name, value in shown.items() if value is not None}


class ClientProblem(AdapterError):
    """The client broke the dialogue; ``kind`` names how."""

    def __init__(self, kind: str, cause: str, hint: str = "") -> None:
        super().__init__(cause, hint or "the dialogue stands in conformance/README.md, its lines in door2.schema.json")
        self.kind = kind


def parse_reply(line: bytes) -> tuple[int, Reply]:
    """A line of the client as id and reply.

    Raises:
        ClientProblem: it is no reply of the protocol.
    """
    shown = line.decode("utf-8", "backslashreplace").strip()[:200]
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ClientProblem("garbage", f"expected a JSON object on one line, came {shown!r}") from error
    if not isinstance(raw, dict) or type(raw.get("id")) is not int:
        raise ClientProblem("garbage", f"expected a JSON object with an integer id, came {shown!r}")
    answers = [name for name in ("ok", "unsupported", "error") if name in raw]
    if len(answers) != 1:
        raise ClientProblem("garbage", f"expected one of ok, unsupported and error in a reply, came {shown!r}")
    kinds = {"ok": dict, "unsupported": str, "error": dict}
    (answer,) = answers
    if not isinstance(raw[answer], kinds[answer]):
        raise ClientProblem("garbage", f"expected {kinds[answer].__name__} in {answer!r}, came {shown!r}")
    return raw["id"], Reply(**{answer: raw[answer]})


@dataclass(slots=True)
class Client:
    """The running client of an adapter."""

    adapter: Adapter
    part: Part
    environment: dict[str, str]
    log: Path
    party: str
    hello: dict[str, Any] = field(default_factory=dict)
    problem: ClientProblem | None = None
    _process: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None
    _waiting: dict[int, asyncio.Future[Reply]] = field(default_factory=dict)
    _abandoned: set[int] = field(default_factory=set)
    _answered: set[int] = field(default_factory=set)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def start(self) -> None:
        """Start the program, greet it, and hold its greeting against adapter.toml.

        Raises:
            AdapterError: it does not start, does not greet, or contradicts adapter.toml.
        """
        command = self.adapter.fill(self.part.command)
        environment = self.adapter.process_environment(self.environment)
        self._process = await launch(self.adapter, command, environment, self.log, dialogue=True)
        self._reader = asyncio.create_task(self._read())
        reply = await self.ask("hello", {})
        if reply.ok is None:
            raise ClientProblem("hello", f"expected ok to 'hello', came {reply.document()}")
        self.hello = reply.ok
        self._agree()

    def _agree(self) -> None:
        told = self.hello.get("options", [])
        if not isinstance(told, list) or set(map(str, told)) != set(self.part.options):
            differs = sorted(set(map(str, told)) ^ set(self.part.options)) if isinstance(told, list) else told
            raise ClientProblem(
                "lie",
                f"adapter.toml and the client's hello disagree about its options: {differs}",
                "write the same options in [client] of adapter.toml and in the answer to hello",
            )
        verbs = self.hello.get("verbs", [])
        for role, verb in _VERBS.items():
            if role in self.adapter.roles and (not isinstance(verbs, list) or verb not in verbs):
                raise ClientProblem(
                    "lie",
                    f"expected the verb {verb!r} in the client's hello, for the role {role!r}; came {verbs!r}",
                    f"name it in verbs, or take {role!r} out of roles in adapter.toml",
                )

    async def ask(self, verb: str, arguments: dict[str, Any], seconds: float | None = None) -> Reply:
        """Send a request and wait for its reply.

        Raises:
            ClientProblem: the client ended, printed garbage, or stayed silent.
        """
        if self.problem is not None:
            raise self.problem
        assert self._process is not None
        assert self._process.stdin is not None
        number = next(self._ids)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        line = json.dumps({"id": number, "verb": verb, **arguments}, ensure_ascii=True) + "\n"
        seconds = REPLY_SECONDS if seconds is None else seconds
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(line.encode())
                await self._process.stdin.drain()
                return await asyncio.shield(future)
        except (ConnectionError, RuntimeError) as error:
            await self._ended()
            raise self.problem or ClientProblem("crash", "the client closed its input") from error
        except TimeoutError as error:
            cause = f"expected an answer to {verb!r} within {seconds:g} s, the client stayed silent"
            self._fail(ClientProblem("hang", cause, f"the request was {line.strip()[:200]}"))
            raise self.problem or AssertionError from error
        finally:
            self._waiting.pop(number, None)
            if not future.done():
                self._abandoned.add(number)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                if line.strip():
                    self._take(*parse_reply(line))
            await self._ended()
        except ClientProblem as problem:
            self._fail(problem)
        except ValueError:  # a line longer than the limit
            self._fail(ClientProblem("garbage", "expected a reply of at most 16 MiB on one line, came more"))

    def _take(self, number: int, reply: Reply) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_result(reply)
            self._answered.add(number)
        elif number in self._answered:
            raise ClientProblem("twice", f"expected one reply a request, came one more with id {number}")
        elif number not in self._abandoned:
            raise ClientProblem("twice", f"expected replies to requests alone, came one with the unknown id {number}")

    async def _ended(self) -> None:
        """The client closed a pipe: it has ended, or does so at once, or is of no more use."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), _END_SECONDS)
            cause = f"the client ended with exit code {code}"
        except TimeoutError:
            cause = "the client closed its stdin or stdout and went on"
        said = last_lines(self.log, 1)
        cause += f", its last words: {said}" if said else ""
        self._fail(ClientProblem("crash", cause, f"run it by hand: {' '.join(self.adapter.fill(self.part.command))}"))

    def _fail(self, problem: ClientProblem) -> None:
        if self.problem is None:
            self.problem = problem
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(self.problem)

    async def stop(self) -> None:
        """Ask the client to stop, then end it."""
        if self._process is None:
            return
        if self.problem is None and self._process.returncode is None:
            with contextlib.suppress(AdapterError):
                await self.ask("stop", {}, seconds=2.0)
        await finish(self._process)
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)
