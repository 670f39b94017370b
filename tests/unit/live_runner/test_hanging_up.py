"""A talk with a venue ends with everything that belongs to its end, whatever breaks in a part of that."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueEvent
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_chasing import ROOT, Patient
from tests.unit.live_runner.test_denied_reversal import CANARY, NOW_MS, SYMBOL
from tests.unit.live_runner.test_following import until


class Broken(Patient):
    """Its stream breaks when it is told to, and it answers cancels with something that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks, self.has_hung_up = asyncio.Event(), False

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        try:
            if await self.breaks.wait():
                raise ExchangeUnavailable("the stream broke")
            yield None
        finally:
            self.has_hung_up = True

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        await super().cancel_order(symbol, client_order_id)
        raise KeyError("orderId")


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_talk_ends_whole_although_an_entry_can_not_be_left(*, is_dropped: bool) -> None:
    async def scenario() -> None:
        journal, venue = MemoryJournal([CANARY]), Broken()
        epoch = journal.open_epoch("test:1", from_ms(NOW_MS))
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))
        plan, series = plan_of(CANARY, in_process), BarSeries(SYMBOL, "1m", 0)
        trader = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker)
        trader.with_broker(lambda broker: broker.add(ROOT, from_ms(NOW_MS)))  # type: ignore[attr-defined]
        accepted = OrderStep(ROOT.client_order_id, OrderProgress("ACCEPTED"), "1")
        trader.with_broker(lambda broker: broker.follow(accepted, from_ms(NOW_MS)))  # type: ignore[attr-defined]
        venue.resting[ROOT.client_order_id] = venue.rests(ROOT.client_order_id)
        link.add(trader)
        running = asyncio.create_task(link.run())
        await until(lambda: link.place.first.begun.is_set() or running.done())
        assert link.away_since_ms is None
        if is_dropped:
            running.cancel()
        else:
            venue.breaks.set()
        with pytest.raises(asyncio.CancelledError if is_dropped else ExchangeUnavailable):
            await running
        assert venue.canceled == [ROOT.client_order_id]
        assert (venue.has_hung_up, link.away_since_ms) == (True, NOW_MS)
        link.hear(1.0)

    asyncio.run(asyncio.wait_for(scenario(), 60))
