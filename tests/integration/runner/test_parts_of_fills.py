"""An order that fills in several parts, of which the venue tells one after the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.simulator.venue.state import MarketDepth
from quant_pipelines.trading.venue import OrderUpdate, VenueEvent, VenueTrade
from tests.integration.runner.minutes import BarStage, GatedOrders, minutes
from tests.integration.runner.stage import MARKET_SYMBOL, naked_ms
from tests.integration.runner.test_venue_stops import N_KNOWN, deploy_at_venue, random_bars
from tests.integration.runner.venue_world import HOLD, Ledger, assert_books_equal, our_fills

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

N_PARTS = 4
APART_SECONDS = 0.3


class ThinStage(BarStage):
    """Each level of the book holds a part of the order, ten units of quote further away."""

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        if symbol != MARKET_SYMBOL:
            return super().depth(symbol, ts_ms)
        price, size = self.price_at(ts_ms), Decimal("0.05")
        steps = [Decimal(10 * step) for step in range(N_PARTS - 1)]
        bids, asks = ([(price + sign * step, size) for step in steps] for sign in (-1, 1))
        return MarketDepth([*bids, (price - 40, Decimal(9))], [*asks, (price + 40, Decimal(9))])


class Trickling(GatedOrders):
    """The stream tells a part now and then, and the list of trades has none before the stream told all."""

    n_told = 0

    async def events(self, symbol: str) -> AsyncIterator[VenueEvent]:
        async for event in super().events(symbol):
            if isinstance(event, OrderUpdate) and event.trade is not None:
                await asyncio.sleep(APART_SECONDS)
                self.n_told += 1
            yield event

    async def trades(self, symbol: str, from_id: str | None) -> list[VenueTrade]:
        return await super().trades(symbol, from_id) if self.n_told == N_PARTS else []


def test_stop_is_placed_with_the_first_part_and_moved_once_with_the_last(
    engine: Engine, deploy: Callable[..., int], tmp_path: Path
) -> None:
    bars = random_bars(3, N_KNOWN + 4)
    deploy_at_venue(deploy, bars, "", HOLD)

    async def scenario() -> None:
        options = {"orders": Trickling, "stage_of": ThinStage}
        async with minutes(engine, tmp_path, bars, n_known=N_KNOWN, **options) as played:
            await played.pass_bar()
            await played.book_bars()
            await played.settle()

    asyncio.run(scenario())
    ledger = Ledger(tmp_path)
    assert len(our_fills(engine)) == N_PARTS
    # The first one, a bridge, and the one at the level of the average price.
    assert ledger.select("select count(*) from algo_orders") == [(3,)]
    with ledger.opened() as file:
        assert naked_ms(file) == 0
    assert_books_equal(engine, ledger)
