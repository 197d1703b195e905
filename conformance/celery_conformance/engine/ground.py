"""Gives a case the worker or the client it needs, shared or its own, and takes it away again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from celery_conformance.cases.model import Instance
from celery_conformance.engine.context import Context, StepFailed
from celery_conformance.engine.workers import Place, WorkerGone

if TYPE_CHECKING:
    from celery_conformance.engine.run import Run


@asynccontextmanager
async def ground(run: Run, instance: Instance, alone: bool) -> AsyncIterator[Context]:
    """The context of a case, for as long as the case runs."""
    async with AsyncExitStack() as stack:
        if instance.case.role == "worker":
            yield await _with_worker(run, instance, alone, stack)
            if run.shared is not None:
                run.shared.progress(run.shared.slot(instance.case))
        else:
            yield await _with_client(run, instance, alone, stack)


async def _with_client(run: Run, instance: Instance, alone: bool, stack: AsyncExitStack) -> Context:
    if run.clients is None:
        raise StepFailed(f"the adapter has no program for the role {instance.case.role!r}")
    if not alone:
        if instance.case.hazard:
            await stack.enter_async_context(run.clients.turn)
        return await run.context(instance, None, await run.clients.shared(hazard=instance.case.hazard))
    async with run.starting:
        client = await run.clients.start()
    stack.push_async_callback(run.clients.end, client)
    return await run.context(instance, None, client)


async def _with_worker(run: Run, instance: Instance, alone: bool, stack: AsyncExitStack) -> Context:
    case = instance.case
    if run.keeper is None or run.shared is None:
        raise StepFailed("the adapter has no worker")
    slot = run.shared.slot(case)
    if not (alone or case.isolation != "shared" or slot.alone):
        return await run.context(instance, await run.shared.take(slot), None)
    context = await (_late if case.isolation == "late" else _private)(run, instance)
    stack.push_async_callback(_end_workers, run, context)
    return context


async def _private(run: Run, instance: Instance) -> Context:
    assert run.keeper is not None
    try:
        async with run.starting:
            worker = await run.keeper.start(instance.case.worker)
    except WorkerGone as error:
        raise StepFailed(str(error)) from error
    context = await run.context(instance, worker, None)
    context.own_workers.append(worker)
    return context


async def _late(run: Run, instance: Instance) -> Context:
    """A place for a worker that the case itself starts."""
    assert run.keeper is not None
    space = await run.testbed.space()
    return await run.context(instance, Place(space, run.keeper.queue(space)), None)


async def _end_workers(run: Run, context: Context) -> None:
    assert run.keeper is not None
    for worker in context.own_workers:
        await run.keeper.end(worker)
