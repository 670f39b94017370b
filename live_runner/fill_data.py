"""What decides the fills of a paper book besides bars and funding: mark prices and stored order books."""

import asyncio
from typing import NamedTuple

from sqlalchemy import Engine

from live_runner.feed import Feed
from live_runner.plan import Plan
from live_runner.rows import VENUE
from quant_pipelines.core.depth import MAX_AGE_MS, BookSample, DepthSeries
from quant_pipelines.exchange import BarRows, PricePoint
from quant_pipelines.store.market_events import read_books


class FillData(NamedTuple):
    """Mark prices at the opens of bars, and the order books around them; nothing where nobody asks."""

    marks: tuple[PricePoint, ...] = ()
    depth: DepthSeries | None = None


async def fill_data(engine: Engine, feed: Feed, plan: Plan, rows: BarRows, *, has_books: bool) -> FillData:
    """Read what the book of a deployment needs for some closed bars.

    Parameters
    ----------
    engine
        Product database.
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
    if deployment.venue != VENUE:
        return FillData()
    first_ms, last_ms = int(rows.ts[0]), int(rows.ts[-1])
    marks: list[PricePoint] = []
    if plan.rules.execution.tests_mark:
        marks = await feed.marks(deployment.symbol, deployment.execution_timeframe, first_ms, last_ms + 1)
    depth = await asyncio.to_thread(_depth, engine, plan, first_ms, last_ms) if has_books else None
    return FillData(tuple(marks), depth)


def _depth(engine: Engine, plan: Plan, first_ms: int, last_ms: int) -> DepthSeries:
    deployment = plan.deployment
    books = read_books(engine, deployment.exchange, deployment.symbol, first_ms - MAX_AGE_MS, last_ms + 1)
    return DepthSeries.of_samples(BookSample(*book) for book in books)
