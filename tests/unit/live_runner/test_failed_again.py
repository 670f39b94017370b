"""A paper book that failed twice books nothing more, until what it holds is to be closed with its stage."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from live_runner.feed.feed import Feed
from live_runner.process.traders import Traders
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.trading import Booking, Position
from quant_pipelines.trading.breaker import Trip
from tests.in_process import in_process
from tests.integration.runner.replay import ReplaySource, ReplayTime
from tests.integration.runner.sets import SPREAD
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_following import KNOWN, NEW, NOW_MS, RECORDING, SETTINGS
from tests.unit.live_runner.test_races import AT, SYMBOL

HELD = Position(Decimal(1), Decimal(100), Decimal(0), None)


class Refusing(MemoryJournal):
    """Rows that take no booking until they are whole again."""

    is_broken = True
    n_tries = 0

    def book(self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()) -> None:
        self.n_tries += 1
        if self.is_broken:
            raise ReconciliationError("the rows contradict each other")
        super().book(epoch, booking, at, beside)


class RefusingOnce(Refusing):
    """Rows that take no booking the first time."""

    def book(self, epoch: int, booking: Booking, at: datetime, beside: Sequence[Booking] = ()) -> None:
        self.is_broken = self.n_tries == 0
        super().book(epoch, booking, at, beside)


def test_a_paper_book_that_failed_twice_is_tried_at_each_close_once_it_leaves_its_stage() -> None:
    journal = Refusing([KNOWN])

    async def scenario() -> list[int]:
        time, tries = ReplayTime(NOW_MS, NOW_MS + 20 * MINUTE_MS), list[int]()
        feed = Feed(ReplaySource(RECORDING, time, is_silent=True), time)
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            traders = Traders(journal, SETTINGS, feed, epoch=epoch, venues=venues, load=in_process)
            await traders.open()
            for minute in range(1, 6):
                if minute == 3:
                    journal.tables.positions[KNOWN.id, SYMBOL] = HELD
                    journal.deployments[KNOWN.id] = replace(KNOWN, stage="culled")
                    await traders.refresh()
                journal.is_broken = minute < 5
                before = journal.n_tries
                await time.sleep_until(NOW_MS + minute * MINUTE_MS)
                await traders.advance(NOW_MS + minute * MINUTE_MS)
                tries.append(journal.n_tries - before)
            await traders.close()
        return tries

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == [2, 0, 1, 1, 1]
    assert journal.read_book(KNOWN.id).bar_close == from_ms(NOW_MS + 5 * MINUTE_MS)


def test_a_set_of_which_a_leg_is_frozen_is_booked_once_more_without_decisions_where_it_fails() -> None:
    legs = [replace(one, source=SPREAD, set_id=5, n_legs=2) for one in (KNOWN, NEW)]
    journal = RefusingOnce(legs)
    journal.write_alert(halt_alert(KNOWN.key, Trip("frozen", "halted by ann"), AT))

    async def scenario() -> None:
        time = ReplayTime(NOW_MS, NOW_MS + 20 * MINUTE_MS)
        feed = Feed(ReplaySource(RECORDING, time, is_silent=True), time)
        epoch = journal.open_epoch("test:1", AT)
        async with OrderVenues(SETTINGS, lambda *_: pytest.fail("no venue is needed"), pytest.fail) as venues:
            traders = Traders(journal, SETTINGS, feed, epoch=epoch, venues=venues, load=in_process)
            await traders.open()
            for minute in (1, 2):
                await time.sleep_until(NOW_MS + minute * MINUTE_MS)
                await traders.advance(NOW_MS + minute * MINUTE_MS)
            await traders.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))
    ends = {key: journal.read_book(key).bar_close for key in (KNOWN.id, NEW.id)}
    assert ends == dict.fromkeys(ends, from_ms(NOW_MS + 2 * MINUTE_MS))
