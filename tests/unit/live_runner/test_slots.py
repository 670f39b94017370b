"""Funding slots as a paper book gets them with its bars."""

import asyncio
from collections.abc import Iterable

import numpy as np

from live_runner.book.fill_data import FillData, SlotPrices, slot_prices
from live_runner.book.tick import Tick, execution_bars
from live_runner.feed.feed import Feed
from quant_pipelines.backtest.book.values import FundingSlot
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.exchange import FundingRate, PricePoint
from tests.integration.runner.replay import Recording, ReplaySource, ReplayTime, random_bars

START = 1_767_225_600_000
SYMBOL = "BTC/USDT:USDT"


class Marked(ReplaySource):
    """Exchange that tells the mark price of the first hours only."""

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        known = window.start_ms < START + 8 * HOUR_MS
        return [PricePoint(window.start_ms, 101.0)] if known else []


def test_price_of_a_slot_is_the_mark_of_that_moment_else_the_close_that_ends_there() -> None:
    bars = random_bars(SYMBOL, START, 24 * 60, seed=1)
    time = ReplayTime(START + 9 * HOUR_MS, START + 24 * HOUR_MS)
    feed = Feed(Marked(Recording({SYMBOL: bars}, {}), time, is_silent=True), time)
    slots = [
        FundingRate(START + hour * HOUR_MS, 1e-4, mark) for hour, mark in ((1, 99.0), (4, None), (8, None))
    ]
    prices = asyncio.run(slot_prices(feed, SYMBOL, slots))
    assert prices.marks == {START + 4 * HOUR_MS: 101.0}
    assert prices.closes == {START + 8 * HOUR_MS: bars.close[8 * 60 - 1]}


def tick(opens: Iterable[int], slots: Iterable[int], prices: SlotPrices) -> Tick:
    ts = START + np.array(list(opens), dtype=np.int64)
    flat, trades = np.full(ts.size, 100.0), np.zeros(ts.size, dtype=np.int64)
    rows = BarRows(ts, flat, flat, flat, flat, flat, flat, trades)
    funding = tuple(FundingRate(START + at, 1e-4, None) for at in slots)
    return Tick(rows, funding, None, START, 0.0, fills=FillData(slots=prices))


def test_slots_come_with_the_bar_that_they_lie_in_or_the_first_one_after_them() -> None:
    """Hours 4 to 8 have no bar."""
    hours = {name: HOUR_MS * name for name in range(16)}
    prices = SlotPrices({START + hours[1]: 99.0}, {START + hours[6]: 98.0})
    given = tick((0, hours[8]), (0, hours[1], hours[4], hours[6], hours[8], hours[9]), prices)
    first, second = execution_bars(given, 4 * HOUR_MS)
    assert [slot.ts - START for slot in first.funding] == [0, hours[1]]
    assert [slot.ts - START for slot in second.funding] == [hours[4], hours[6], hours[8], hours[9]]
    assert first.funding[1] == FundingSlot(START + hours[1], 1e-4, 99.0)
    assert second.funding[1] == FundingSlot(START + hours[6], 1e-4, None, 98.0)


def test_minutes_have_their_slot_at_their_open() -> None:
    before, at = execution_bars(tick((59 * MINUTE_MS, HOUR_MS), (HOUR_MS,), SlotPrices()), MINUTE_MS)
    assert (before.funding, [slot.ts for slot in at.funding]) == ((), [START + HOUR_MS])
