"""One suite over every implementation of the writer's lease."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
from sqlalchemy import Engine

from live_runner.ports.lease import OpenLease
from quant_pipelines.core.errors import DatabaseSilent, StoreError
from quant_pipelines.store.epochs import writer_session
from tests.integration.runner.world import execute, rows
from tests.memory_lease import Leases

pytestmark = pytest.mark.postgres

KILL = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)

HOLDER = """
select pid from pg_locks join pg_database on pg_database.oid = database
where locktype = 'advisory' and granted and datname = current_database()
"""
ANSWER = 0.5


class Bench(NamedTuple):
    """How a lease is opened, how news are announced, and how every session is ended."""

    open_lease: OpenLease
    announce: Callable[[], None]
    break_all: Callable[[], None]


@pytest.fixture(params=["memory", "postgres"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        leases = Leases()
        return Bench(leases.open, leases.announce, leases.break_all)
    url: str = request.getfixturevalue("database_url")
    engine: Engine = request.getfixturevalue("engine")
    announce = partial(execute, engine, "select pg_notify('deployments', '')")
    return Bench(partial(writer_session, url), announce, partial(execute, engine, KILL))


def test_one_holds_it_and_its_end_frees_it(bench: Bench) -> None:
    async def both() -> tuple[bool, bool]:
        async with bench.open_lease() as second:
            async with bench.open_lease() as first:
                held = await first.try_lock(), await second.try_lock()
            async with asyncio.timeout(10):  # a server frees it a moment after the session's end
                while not await second.try_lock():
                    await second.wait_for_change(0.02)
            return held

    assert asyncio.run(both()) == (True, False)


def test_whoever_has_it_open_hears_of_news(bench: Bench) -> None:
    async def heard() -> tuple[bool, bool, bool]:
        async with bench.open_lease() as lease:
            quiet = await lease.wait_for_change(0.05)
            bench.announce()
            return quiet, await lease.wait_for_change(5), await lease.wait_for_change(0.05)

    assert asyncio.run(heard()) == (False, True, False)


def test_a_session_that_was_ended_is_noticed(bench: Bench) -> None:
    async def ended() -> None:
        async with bench.open_lease() as lease:
            assert await lease.try_lock()
            bench.break_all()
            await lease.wait_for_change(5)

    with pytest.raises(StoreError):
        asyncio.run(ended())


def test_a_server_that_is_frozen_is_noticed_within_seconds(database_url: str, engine: Engine) -> None:
    async def noticed() -> None:
        async with writer_session(database_url, ANSWER) as lease:
            assert await lease.try_lock()
            [(pid,)] = rows(engine, HOLDER)
            os.kill(pid, signal.SIGSTOP)
            try:
                await lease.wait_for_change(0.1)
            finally:
                os.kill(pid, signal.SIGCONT)

    with pytest.raises(DatabaseSilent, match="does not answer: nothing was heard of it"):
        asyncio.run(asyncio.wait_for(noticed(), 8))
