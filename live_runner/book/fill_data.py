"""What decides the fills of a paper book besides bars and funding: mark prices and stored order books."""

import asyncio
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from live_runner.book.plan import DeploymentPlan
from live_runner.feed.feed import Feed
from quant_pipelines.core.depth import MAX_AGE_MS, BookSample, DepthSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import EXECUTION_TIMEFRAME, MINUTE_MS
from quant_pipelines.exchange import BarRows, FundingRate, PricePoint
from quant_pipelines.store.journal import MarketRows
from quant_pipelines.store.tables.trading import PAPER_VENUE


class SlotPrices(NamedTuple):
    """Prices by funding slot where the exchange told none with the rate: the mark, and the last close."""

    marks: Mapping[int, float] = MappingProxyType({})
    closes: Mapping[int, float] = MappingProxyType({})


class FillData(NamedTuple):
    """Mark prices at the opens of bars, the order books around them, and prices of funding slots.

    Nothing where nobody asks.
    """

    marks: tuple[PricePoint, ...] = ()
    depth: DepthSeries | None = None
    slots: SlotPrices = SlotPrices()


async def fill_data(
    market: MarketRows, feed: Feed, plan: DeploymentPlan, rows: BarRows, *, has_books: bool
) -> FillData:
    """Read what the book of a deployment needs for some closed bars.

    Parameters
    ----------
    market
        What is stored of it.
    feed
        Market data.
    plan
        Whose book; a venue fills by itself.
    rows
        Execution bars.
    has_books
        Whether the symbol's order book is sampled.

    Raises
    ------
    StoreError
        If the database does not answer.
    """
    deployment = plan.deployment
    if deployment.venue != PAPER_VENUE:
        return FillData()
    first_ms, last_ms = int(rows.ts[0]), int(rows.ts[-1])
    marks: list[PricePoint] = []
    if plan.rules.execution.tests_mark:
        marks = await feed.marks(
            deployment.symbol, deployment.execution_timeframe, Window(first_ms, last_ms + 1)
        )
    depth = await asyncio.to_thread(_depth, market, plan, first_ms, last_ms) if has_books else None
    return FillData(tuple(marks), depth)


async def slot_prices(feed: Feed, symbol: str, funding: Iterable[FundingRate]) -> SlotPrices:
    """Ask for the prices of the slots that have no mark price: the mark of that moment, else the last close.

    Raises
    ------
    ExchangeError
        If the exchange does not answer.
    """
    marks, closes = dict[int, float](), dict[int, float]()
    for slot in funding:
        if slot.mark_price is not None:
            continue
        for price in await feed.marks(symbol, EXECUTION_TIMEFRAME, Window(slot.ts, slot.ts + 1)):
            marks[price.ts] = price.price
        if slot.ts not in marks:
            ending = Window(slot.ts - MINUTE_MS, slot.ts)
            rows = await feed.closed_bars(symbol, EXECUTION_TIMEFRAME, ending)
            if len(rows):
                closes[slot.ts] = float(rows.close[-1])
    return SlotPrices(marks, closes)


def _depth(market: MarketRows, plan: DeploymentPlan, first_ms: int, last_ms: int) -> DepthSeries:
    deployment = plan.deployment
    books = market.books(deployment.exchange, deployment.symbol, Window(first_ms - MAX_AGE_MS, last_ms + 1))
    return DepthSeries.of_samples(BookSample(*book) for book in books)
