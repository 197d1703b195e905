"""In which order the cases of a run begin."""

from __future__ import annotations

from dataclasses import replace

from celery_conformance.cases.model import Case, Instance
from celery_conformance.engine.run import Planned, in_order

_PLAIN = Case("plain", "any", ("WORK-STA-001",), "worker", (), ())
_LONG = replace(_PLAIN, id="long", seconds=20.0)
_FEW = replace(_PLAIN, id="few", worker={"acks_late": True})
_MANY = [replace(_PLAIN, id=f"many-{number}", worker=worker) for number in range(6) for worker in ({}, {"prefetch": 1})]


def _order(seed: int) -> list[Case]:
    plan = [Planned(Instance(case)) for case in (*_MANY, _FEW, _LONG)]
    return [planned.instance.case for planned in in_order(plan, seed, jobs=4)]


def test_what_takes_longest_and_what_few_share_a_worker_with_begins_first() -> None:
    """Then nothing waits for a worker to come up when the rest is done."""
    for seed in range(20):
        assert _order(seed)[:2] == [_LONG, _FEW]


def test_the_others_begin_at_random_whatever_their_worker() -> None:
    """The seed says how; cases of two large groups are mixed, for one worker does its own one after another."""
    orders = [_order(seed)[2:] for seed in range(20)]
    assert orders[7] == _order(7)[2:]
    assert len({tuple(case.id for case in order) for order in orders}) > 1
    first_half = [{str(case.worker) for case in order[:6]} for order in orders]
    assert any(len(workers) == 2 for workers in first_half)
