"""What a venue takes is known before the first decision of what is taken up, and none is given up for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.trader import Trader
from live_runner.feed.feed import Feed
from live_runner.process.first_limits import SymbolOfAccount
from live_runner.process.traders import Traders
from live_runner.process.venue_limits import LimitsWatch
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Income, Position
from quant_pipelines.store.venue_orders import Received
from quant_pipelines.trading.venue_limits import VenueLimits
from tests.in_process import in_process
from tests.integration.runner.replay import ReplaySource, ReplayTime
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_following import KNOWN, NOW_MS, RECORDING, SETTINGS
from tests.unit.live_runner.test_races import AT, SYMBOL

CANARY = replace(KNOWN, stage="canary", venue="binanceusdm")
AT_VENUE = replace(SETTINGS, exchange=ExchangeSettings(base_url="http://127.0.0.1:9"))
COARSE = Decimal("0.5")


class Venue(MemoryVenue):
    """Tells its limits after a while."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def settings_changed(self) -> None:
        await asyncio.Event().wait()

    async def limits(self, symbols: Iterable[str]) -> list[VenueLimits]:
        await asyncio.sleep(self._seconds)
        return [VenueLimits(one, COARSE, COARSE, COARSE, None, 20, ()) for one in symbols]


class Rows:
    """Writes what a venue told into the deployments, as the specification would."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def follow(self, _exchange: str, told: Iterable[VenueLimits], _at: Any) -> list[str]:
        [limits] = told
        known = self._journal.deployments[CANARY.id]
        new = replace(known.instrument, lot_size=limits.lot_size)  # type: ignore[type-var] - it has one
        self._journal.deployments[CANARY.id] = replace(known, instrument=new)
        return ["changed"]


@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize(("seconds", "is_known"), [(0.1, True), (60.0, False)])
def test_a_book_is_taken_up_with_the_limits_of_its_venue(
    seconds: float, is_known: bool, is_shared: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        time, venue = ReplayTime(NOW_MS, NOW_MS + 30_000), Venue(seconds)
        others = [replace(CANARY, id=9)] if is_shared else []
        journal = MemoryJournal([CANARY, *others])
        epoch = journal.open_epoch("test:1", AT)

        @asynccontextmanager
        async def connect(_settings: Any) -> AsyncIterator[Venue]:
            yield venue

        async with OrderVenues(AT_VENUE, connect, _told) as venues:
            feed = Feed(ReplaySource(RECORDING, time, is_silent=True), time)
            traders = Traders(journal, AT_VENUE, feed, epoch=epoch, venues=venues, load=in_process)
            watch = LimitsWatch(Rows(journal), venues, time, exchange="binanceusdm", warn=_told)
            traders.limits.read = watch.read
            watching = asyncio.create_task(watch.run(lambda: traders.streamed))
            try:
                await traders.open()
                found = {one.plan.deployment.id: one.plan.deployment.instrument for one in traders.all}
                assert (found[CANARY.id].lot_size == COARSE) == is_known  # type: ignore[union-attr]
                assert len(found) == 1 + is_shared
                assert traders.symbols == [SYMBOL]
                if is_known:
                    await traders.refresh()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await traders.close()

    with caplog.at_level("INFO"):
        asyncio.run(asyncio.wait_for(scenario(), 30))
    said = [record.message for record in caplog.records]
    assert "deployment dropped" not in said
    assert said.count("deployment taken up") == 1 + is_shared


async def _told(_sentence: str) -> None: ...


def test_a_book_that_is_opened_once_more_is_known_by_its_new_rows_alone() -> None:
    """Who had the first one may still ask it: it told the account what its book held before."""

    async def scenario() -> float:
        time, venue, first = ReplayTime(NOW_MS, NOW_MS + 30_000), Venue(0.1), list[Trader]()
        journal = MemoryJournal([CANARY])
        epoch = journal.open_epoch("test:1", AT)

        @asynccontextmanager
        async def connect(_settings: Any) -> AsyncIterator[Venue]:
            yield venue

        async with OrderVenues(AT_VENUE, connect, _told) as venues:
            feed = Feed(ReplaySource(RECORDING, time, is_silent=True), time)
            traders = Traders(journal, AT_VENUE, feed, epoch=epoch, venues=venues, load=in_process)
            watch = LimitsWatch(Rows(journal), venues, time, exchange="binanceusdm", warn=_told)

            async def read(wanted: frozenset[SymbolOfAccount]) -> None:
                first.extend(traders.all)
                await watch.read(wanted)
                paid = Income("funding", from_ms(NOW_MS), Decimal(-100))
                flat = Position(Decimal(0), Decimal(0), Decimal(0), None)
                journal.receive(epoch, [Received(CANARY.id, CANARY.venue, SYMBOL, (), (paid,), flat, "")], AT)

            traders.limits.read = read
            watching = asyncio.create_task(watch.run(lambda: traders.streamed))
            try:
                await traders.open()
                assert first[0] not in traders.all
                first[0].with_broker(lambda _: None)
                await traders.beat()
                return float(journal.tables.heartbeats["live_runner"].detail["accounts"][0]["nav"])
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await traders.close()

    nav = asyncio.run(asyncio.wait_for(scenario(), 30))
    assert nav == float(CANARY.capital) - 100.0
