"""A run: every case of the plan against one implementation, side by side, each ending in one result."""

from __future__ import annotations

import asyncio
import json
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from celery_conformance.adapter import Adapter
from celery_conformance.cases.model import Instance
from celery_conformance.engine.card import Judge
from celery_conformance.engine.clients import GONE, ClientGone, ClientKeeper
from celery_conformance.engine.context import Context, StepFailed, Unsupported
from celery_conformance.engine.door2 import Client, ClientProblem
from celery_conformance.engine.expect import NOTHING, Failure, judge
from celery_conformance.engine.ground import ground
from celery_conformance.engine.select import Lack
from celery_conformance.engine.shared import SharedWorkers, slot_key
from celery_conformance.engine.steps import STEPS
from celery_conformance.engine.suite import BrokerRefused, Suite
from celery_conformance.engine.testbed import Testbed
from celery_conformance.engine.workers import Place, Worker, WorkerGone, WorkerKeeper
from celery_conformance.errors import CommandError
from celery_conformance.verdicts import Result, Verdict

DEADLINE_SECONDS = 10.0
#: Programs that start at the same time; once they are up they mostly wait.
_STARTING = 4
#: Of the cases at the same time, one in so many needs a worker of its own: these mostly wait, the others work.
_OWN_SHARE = 3
_MANY, _HASTE = 24, 0.4


@dataclass(frozen=True, slots=True)
class Planned:
    """An instance of a case, and what the adapter lacks for it."""

    instance: Instance
    lacks: tuple[Lack, ...] = ()


@dataclass(slots=True)
class Run:
    """One run. ``report`` is called with each result as it comes."""

    adapter: Adapter
    testbed: Testbed
    plan: Sequence[Planned]
    judge: Judge
    seed: int
    jobs: int
    report: Callable[[Result], None]
    suite: Suite = field(init=False)
    clients: ClientKeeper | None = None
    keeper: WorkerKeeper | None = None
    shared: SharedWorkers | None = None
    patience: float = 1.0
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    _again: list[Planned] = field(default_factory=list)
    _missed: int = 0
    _begun: Counter[str] = field(default_factory=Counter)
    _probes: dict[str, str | None] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(init=False)
    _own_slots: asyncio.Semaphore = field(init=False)
    _alone_slots: asyncio.Semaphore = field(init=False)
    starting: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.suite = Suite(self.testbed)
        own = self.jobs // _OWN_SHARE
        self._slots = asyncio.Semaphore(self.jobs - own)
        self._own_slots = asyncio.Semaphore(own) if own else self._slots
        self._alone_slots = asyncio.Semaphore(self.jobs)
        self.starting = asyncio.Semaphore(_STARTING)

    async def all(self) -> list[Result]:
        """Run the plan.

        Raises:
            AdapterError: the implementation could not be started or spoken to.
        """
        try:
            await self._start()
            results = await self._batch(in_order(self.plan, self.seed, self.jobs))
            again, self._again = self._again, []
            if self.shared is not None:
                await self.shared.end_gone()
            results += await self._batch(again, alone=True)
            return results + self._late_problems()
        finally:
            await self._stop()

    def _late_problems(self) -> list[Result]:
        """What a client did against the rules of door 2 after its last reply; no case can tell."""
        problems = self.clients.problems() if self.clients is not None else []
        return [
            Result(
                name="the client's dialogue",
                case="",
                title="every line of a client is one reply to one request",
                role="adapter",
                surface="door-2",
                level="MUST",
                requirements=(),
                verdict=Verdict.ADAPTER_ERROR,
                reason=problem.cause,
            )
            for problem in problems
            if problem.kind not in GONE
        ]

    async def _batch(self, plan: Sequence[Planned], *, alone: bool = False) -> list[Result]:
        tasks = [asyncio.create_task(self._one(planned, alone)) for planned in plan]
        try:
            return [result for result in await asyncio.gather(*tasks) if result is not None]
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _start(self) -> None:
        roles = {planned.instance.case.role for planned in self.plan if not planned.lacks}
        probed = any(lack.client_option for planned in self.plan for lack in planned.lacks)
        if self.adapter.client is not None and (roles & {"producer", "reader"} or probed):
            part, space = self.adapter.client, await self.testbed.space()
            queue = f"conf-client-{self.nonce}"
            self.clients = ClientKeeper(self.adapter, part, self.testbed, space, queue, self.seed)
            await self.clients.shared()
        if self.adapter.worker is not None and "worker" in roles:
            self.keeper = WorkerKeeper(
                self.adapter, self.adapter.worker, self.testbed, self.suite, self.nonce, patience=self.patience
            )
            self.shared = SharedWorkers(self.keeper)

    async def _stop(self) -> None:
        if self.keeper is not None:
            await self.keeper.end_all()
        if self.clients is not None:
            await self.clients.end_all()
        await self.suite.close()

    async def _one(self, planned: Planned, alone: bool) -> Result | None:
        """Run one instance; None when it has to run again alone."""
        own = self._own_slots if planned.instance.case.isolation != "shared" else self._slots
        async with self._alone_slots if alone else own:
            started = time.monotonic()
            try:
                verdict = await self._verdict(planned, alone)
            except (WorkerGone, ClientGone):
                self._again.append(planned)
                return None
            failure = verdict[2]
            self._missed += failure is not None and failure.actual.startswith(NOTHING)
            result = self.judge.result(planned.instance, *verdict, seconds=time.monotonic() - started)
            self.report(result)
            return result

    async def _verdict(self, planned: Planned, alone: bool) -> tuple[Verdict, str, Failure | None, Context | None]:
        context: Context | None = None
        try:
            if planned.lacks:
                return await self._unsupported(planned)
            async with ground(self, planned.instance, alone) as context:
                failure = await perform(context)
                return (Verdict.FAIL if failure else Verdict.PASS), "", failure, context
        except Unsupported as error:
            return Verdict.UNSUPPORTED, str(error), None, None
        except ClientProblem as error:
            return await self._client_problem(error, alone, context)
        except StepFailed as error:
            return Verdict.FAIL, str(error), Failure("", str(error), "it did not come"), context
        except (WorkerGone, CommandError, asyncio.CancelledError):
            raise
        except Exception as error:
            said = str(error) if isinstance(error, BrokerRefused) else traceback.format_exc(limit=-3)
            return Verdict.SUITE_ERROR, said, None, context

    async def _client_problem(
        self, error: ClientProblem, alone: bool, context: Context | None
    ) -> tuple[Verdict, str, Failure | None, Context | None]:
        """A client that is gone: run the case again alone; alone it has failed. All else is the adapter's fault."""
        if error.kind not in GONE:
            return Verdict.ADAPTER_ERROR, error.cause, None, None
        if not alone:
            raise ClientGone
        return Verdict.FAIL, error.cause, Failure("", "the client to go on", error.cause), context

    async def _unsupported(self, planned: Planned) -> tuple[Verdict, str, None, None]:
        """Declared as lacking; where a client option is lacking, the client must say so itself when asked."""
        for lack in planned.lacks:
            if lack.client_option is not None and self.clients is not None:
                said = await self._probe(lack.client_option, planned.instance)
                if said is not None:
                    return Verdict.ADAPTER_ERROR, said, None, None
        return Verdict.UNSUPPORTED, f"declared without {', '.join(lack.what for lack in planned.lacks)}", None, None

    async def _probe(self, option: str, instance: Instance) -> str | None:
        if option not in self._probes:
            assert self.clients is not None
            client = await self.clients.shared()
            value = next(
                step["send"]["options"][option]
                for step in instance.case.do
                if option in step.get("send", {}).get("options", {})
            )
            reply = await client.ask(
                "send", {"task": "conf.ping", "args": [], "kwargs": {}, "options": {option: value}}
            )
            refused = reply.unsupported is not None
            self._probes[option] = (
                None
                if refused
                else (
                    f"adapter.toml does not name the client option {option!r}, "
                    f"but the client answered {json.dumps(reply.document())[:120]} to it"
                )
            )
        return self._probes[option]

    def _haste(self) -> float:
        """Many facts never came: the run has failed, and what is left of it need not wait as long."""
        return _HASTE if self._missed >= _MANY else 1.0

    async def context(self, instance: Instance, worker: Worker | Place | None, client: Client | None) -> Context:
        """A context for an instance, with a worker or with a client; one that runs again has other ids."""
        self._begun[instance.name] += 1
        identity = random.Random(f"{self.seed}:{self.nonce}:{instance.name}:{self._begun[instance.name]}")
        queue = f"conf-{self.nonce}-{identity.getrandbits(48):012x}"
        if worker is not None:
            space, queue = worker.space, worker.queue
        elif client is not None and self.clients is not None:
            space, queue = self.clients.space, queue if "queue" in client.part.options else self.clients.queue
        else:
            raise StepFailed(f"the adapter has no program for the role {instance.case.role!r}")
        return Context(
            instance=instance,
            testbed=self.testbed,
            suite=self.suite,
            space=space,
            queue=queue,
            seconds=(instance.case.seconds or DEADLINE_SECONDS) * self.patience * self._haste(),
            random=identity,
            client=client,
            keeper=self.keeper if worker is not None else None,
            worker=worker if isinstance(worker, Worker) else None,
        )


def in_order(plan: Sequence[Planned], seed: int, jobs: int) -> list[Planned]:
    """The longest first, then those that share a worker with few: what comes last finds all workers up."""
    order = list(plan)
    random.Random(seed).shuffle(order)
    sharing = Counter(slot_key(planned.instance.case) for planned in order)
    order.sort(key=lambda planned: min(sharing[slot_key(planned.instance.case)], jobs))
    order.sort(key=lambda planned: -(planned.instance.case.seconds or 0))
    return order


async def perform(context: Context) -> Failure | None:
    """Do the steps of a case, then hold each expectation; return the first that is broken."""
    for step in context.instance.case.do:
        for verb, arguments in step.items():
            await STEPS[verb](context, arguments)
    await asyncio.gather(*context.reads)
    for expected in context.instance.case.expect:
        failure = await judge(context, expected)
        if failure is not None:
            return failure
    return None
