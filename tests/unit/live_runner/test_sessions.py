"""A database that breaks off is back at once, however long it was away before; a slow one is told of."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.errors import DatabaseSilent, StoreError
from quant_pipelines.core.settings import Settings
from tests.faults.loop import run_virtually
from tests.in_process import in_process
from tests.integration.runner.replay import Recording, ReplaySource, ReplayTime
from tests.memory_journal import MemoryJournal

LIFE_SECONDS = 30.0


class Breaking:
    """A lease that others hold, and whose connection breaks after a while."""

    async def try_lock(self) -> bool:
        return False

    async def wait_for_change(self, _timeout_seconds: float) -> bool:
        await asyncio.sleep(LIFE_SECONDS)
        raise StoreError("the connection broke")


class Office:
    """A database that is away, there, and away, as it was planned."""

    def __init__(self, *plan: bool, lease: Breaking | None = None) -> None:
        self._plan, self._lease = list(plan), lease or Breaking()
        self.stopping = asyncio.Event()
        self.asked = list[float]()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Breaking]:
        self.asked.append(asyncio.get_running_loop().time())
        is_there = self._plan.pop(0)
        if not self._plan:
            self.stopping.set()
        if not is_there:
            raise StoreError("connection refused")
        yield self._lease


def runner_of(office: Office, journal: MemoryJournal) -> Runner:
    source: Any = ReplaySource(Recording({}, {}), ReplayTime(0, 1))
    around = Surroundings(
        journal, office.open, Settings(), source, ExchangeTime(lambda: 0), "test:1", load=in_process
    )
    return Runner(around)


def test_a_database_that_breaks_off_is_asked_again_at_once_however_long_it_was_away_before() -> None:
    async def scenario() -> list[float]:
        office = Office(False, False, False, False, False, False, True, False)
        await runner_of(office, MemoryJournal()).run(office.stopping)
        return office.asked

    asked = run_virtually(scenario(), random.Random(1))  # noqa: S311
    waits = [round(later - earlier, 1) for earlier, later in pairwise(asked)]
    assert waits[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert LIFE_SECONDS < waits[6] < LIFE_SECONDS + 1.0


class Frozen(Breaking):
    """A lease whose server falls silent: it is given up after a while, as often as that is planned."""

    async def wait_for_change(self, _timeout_seconds: float) -> bool:
        await asyncio.sleep(LIFE_SECONDS)
        raise DatabaseSilent("nothing was heard of it for 10 s", 10.0)


def test_a_database_that_was_silent_is_told_of_although_it_was_opened_again_at_once() -> None:
    async def scenario() -> list[str]:
        journal, office = MemoryJournal(), Office(True, True, lease=Frozen())
        await runner_of(office, journal).run(office.stopping)
        return [alert.message for alert, _ in journal.tables.alerts]

    told = run_virtually(scenario(), random.Random(1))  # noqa: S311
    assert told == ["the database was away from 1969-12-31 23:59:50 UTC on: nothing was heard of it for 10 s"]


class SlowTraders:
    """Whose first sign of life takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def beat(self) -> None:
        await asyncio.sleep(self._seconds)
        self._seconds = 0.0


def told_of(seconds: float) -> list[str]:
    async def scenario() -> list[str]:
        journal = MemoryJournal()
        traders: Any = SlowTraders(seconds)
        beating = asyncio.create_task(runner_of(Office(True), journal)._beat(traders))
        await asyncio.sleep(seconds + 1.0)
        beating.cancel()
        return [alert.message for alert, _ in journal.tables.alerts]

    return run_virtually(scenario(), random.Random(1))  # noqa: S311


def test_a_database_that_took_long_to_answer_is_told_of_once() -> None:
    assert told_of(7.5) == [
        "the database was away from 1970-01-01 00:00:00 UTC on: it took 7 s to answer a sign of life"
    ]


def test_a_database_that_answers_soon_is_not_told_of() -> None:
    assert told_of(3.0) == []
