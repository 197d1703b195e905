"""Each worker has a corner of the brokers of its own: there are enough of them, and one too many is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis
from celery_conformance.brokers.redis_server import DATABASES
from celery_conformance.cases.load import load
from celery_conformance.engine.select import instances
from celery_conformance.engine.testbed import Space, Target, Testbed
from celery_conformance.errors import SuiteError
from celery_conformance.fixtures import load as load_fixtures


def _last_space(folder: Path, taken: int) -> tuple[Space, list[bool]]:
    """The space after so many that are taken, and whether the databases of its URLs answer."""

    async def take() -> tuple[Space, list[bool]]:
        testbed = Testbed(folder, Target("redis"), Target("redis"))
        await testbed.start()
        try:
            testbed._spaces = taken
            space = await testbed.space()
            urls = await testbed.urls("worker", space)
            clients = [redis.asyncio.Redis.from_url(url) for url in urls.values()]
            answers = [await client.set("here", 1) for client in clients]
            await asyncio.gather(*(client.aclose() for client in clients))
            return space, answers
        finally:
            await testbed.stop()

    return asyncio.run(take())


def test_the_last_space_has_databases(tmp_path: Path) -> None:
    """The server has the databases of every space there is."""
    space, answers = _last_space(tmp_path, DATABASES // 2 - 1)
    assert {int(space.broker_path), int(space.store_path)} == {DATABASES - 2, DATABASES - 1}
    assert answers == [True, True]


def test_one_space_too_many_is_the_suites_fault(tmp_path: Path) -> None:
    """No implementation is given a database that the server does not have: it would fail for it."""
    with pytest.raises(SuiteError, match="expected at most 2048 workers and clients in a run, came one more"):
        _last_space(tmp_path, DATABASES // 2)


def test_a_whole_run_has_spaces_enough() -> None:
    """Were every worker to die, each instance of a case would have had one in company and one alone."""
    run, fixtures = {"broker": "redis", "store": "redis", "pool": "prefork"}, load_fixtures()
    every = [one for case in load() if case.role == "worker" for one in instances(case, fixtures, run)]
    assert 2 * len(every) < DATABASES // 2
