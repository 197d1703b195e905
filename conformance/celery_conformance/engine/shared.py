"""Workers that cases share, and what happens when one of them dies.

Cases with the same worker options, and the same word in ``apart``, run against one worker. When it dies, the cases
in flight run again, each with a worker of its own, and only one that fails alone has failed. After two deaths without
a case getting done in between nothing is shared any more: what is left runs alone as well. So every case is judged,
and none waits on a dead worker.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from celery_conformance.cases.model import Case
from celery_conformance.engine.context import StepFailed
from celery_conformance.engine.workers import Worker, WorkerGone, WorkerKeeper

_DEATHS = 2


@dataclass(slots=True)
class Slot:
    """The worker of one set of options. ``hazard`` slots take the messages a weak worker dies of."""

    options: Mapping[str, Any]
    hazard: bool
    worker: Worker | None = None
    deaths: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def alone(self) -> bool:
        """Whether its cases now run with a worker each; where death was to be expected, the first is enough."""
        return self.deaths >= (1 if self.hazard else _DEATHS)


def slot_key(case: Case) -> str:
    """Two cases of the role worker share one when this is the same."""
    return json.dumps([case.role, case.worker, case.hazard, case.apart], sort_keys=True)


@dataclass(slots=True)
class SharedWorkers:
    """All slots of a run."""

    keeper: WorkerKeeper
    _slots: dict[str, Slot] = field(default_factory=dict)

    def slot(self, case: Case) -> Slot:
        """The slot a case runs in."""
        return self._slots.setdefault(slot_key(case), Slot(case.worker, case.hazard))

    async def take(self, slot: Slot) -> Worker:
        """The living worker of a slot; started when there is none.

        Raises:
            StepFailed: its worker never ran a task.
            WorkerGone: its worker died, and its cases run alone from now on.
        """
        async with slot.lock:
            if slot.worker is not None and slot.worker.gone.is_set():
                slot.deaths += 1
                await self.keeper.end(slot.worker)
                slot.worker = None
            if slot.worker is None and not slot.alone:
                try:
                    slot.worker = await self.keeper.start(slot.options)
                except WorkerGone as error:
                    slot.deaths = _DEATHS
                    raise StepFailed(str(error)) from error
            if slot.worker is None:
                raise WorkerGone("its worker died, and nothing is shared any more")
            return slot.worker

    async def end_gone(self) -> None:
        """End the workers that count as gone: one that is only slow must not do the tasks of cases that run again."""
        for slot in self._slots.values():
            if slot.worker is not None and slot.worker.gone.is_set():
                await self.keeper.end(slot.worker)
                slot.worker = None

    def progress(self, slot: Slot) -> None:
        """A case got done: deaths start to count anew, but for hazards."""
        if not slot.hazard:
            slot.deaths = 0
