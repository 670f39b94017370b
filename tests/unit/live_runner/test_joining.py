"""What is held is covered while books are compared that may differ for a while."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Position
from quant_pipelines.store.venue_orders import Received
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_denied_reversal import BOUGHT, CANARY, NOW_MS, TradingVenue
from tests.unit.live_runner.test_following import until
from tests.unit.live_runner.test_races import AT, SYMBOL
from tests.unit.live_runner.test_thinking import DIARY


def test_a_book_is_covered_while_a_sibling_that_was_dropped_is_missed() -> None:
    """The venue holds the sibling's part, too: the sum differs until that comes back, up to 10 s."""
    journal, venue = MemoryJournal([CANARY]), TradingVenue()
    venue.held = Decimal(3)
    epoch = journal.open_epoch("test:1", AT)
    held = Position(Decimal(2), Decimal(100), Decimal(0), None)
    journal.receive(epoch, [Received(CANARY.id, "binanceusdm", SYMBOL, (BOUGHT,), (), held, "")], AT)

    async def scenario() -> None:
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))
        plan, series = plan_of(CANARY, in_process), BarSeries(SYMBOL, "1m", 0)
        link.add(Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker))
        link._removed.leave(replace(plan, deployment=replace(CANARY, id=8)))
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(2.0):
            await until(lambda: venue.stops or running.done())
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
    assert [(stop.side, stop.closes_position) for stop in venue.stops.values()] == [("sell", True)]


def test_a_book_that_left_its_stage_is_read_again_beside_its_successor() -> None:
    """It was planned while it decided; somebody else trades there by now, and its rows are read anew."""
    left, next_one = replace(CANARY, source=DIARY), replace(CANARY, id=8)
    journal, venue = MemoryJournal([left, next_one]), TradingVenue()
    epoch = journal.open_epoch("test:1", AT)

    async def scenario() -> None:
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))

        def opened(deployment: Deployment) -> Trader:
            plan, series = plan_of(deployment, in_process), BarSeries(SYMBOL, "1m", 0)
            trader = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker)
            link.add(trader)
            return trader

        leaving = opened(left)
        leaving.is_leaving = True
        opened(next_one)
        leaving.outdate()
        assert leaving.with_broker(lambda broker: broker.position()).quantity == 0
        leaving.is_leaving = False
        leaving.outdate()
        with pytest.raises(ConfigurationError, match="expected it to be alone there"):
            leaving.with_broker(lambda broker: broker.position())

    asyncio.run(scenario())
