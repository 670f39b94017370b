"""Ingestion of what surrounds the bars: mark and index prices, and samples of trades and order books."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy import Engine, Table

from quant_pipelines.core.points import PricePoint
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import MarketSettings
from quant_pipelines.core.timeframes import HOUR_MS, timeframe_ms
from quant_pipelines.marketdata.ingest import Ingestion, for_each_symbol, named
from quant_pipelines.store.market import newest_ms, save_index_prices, save_mark_prices
from quant_pipelines.store.market_events import TradeRow, save_book, save_trades
from quant_pipelines.store.tables import index_prices, mark_prices

Fetch = Callable[[str, str, Window], Awaitable[list[PricePoint]]]
Save = Callable[[Engine, str, str, Sequence[PricePoint]], int]


class PriceSource(Protocol):
    """What is needed of `quant_pipelines.exchange.MarketSource`."""

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:  # noqa: D102
        ...

    async def index_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:  # noqa: D102
        ...

    async def trades(self, symbol: str, window: Window) -> list[Any]: ...  # noqa: D102
    async def book(self, symbol: str, depth: int) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class PriceMarket:
    """Where this ingestion reads from and writes to; see `quant_pipelines.marketdata.ingest.Market`."""

    source: PriceSource
    engine: Engine
    exchange: str


def priced(market: Ingestion) -> PriceMarket:
    """Take the same market for this ingestion; its source is the whole port."""
    return PriceMarket(cast(PriceSource, market.source), market.engine, market.exchange)


async def ingest_prices(
    market: PriceMarket,
    symbols: list[str],
    timeframe: str,
    window: Window,
    *,
    goes_on: bool = True,
) -> dict[str, int]:
    """Fetch and store mark and index prices of a window, or from the newest point that is stored.

    Parameters
    ----------
    market
        Source and database.
    symbols
        ccxt symbols of perpetuals.
    timeframe
        Grid of the points.
    window
        Of the points.
    goes_on
        Begin after what is stored; else everything is fetched again.

    Returns
    -------
    dict[str, int]
        Symbol to the rows added or changed.
    """
    series: list[tuple[str, Table, Fetch, Save]] = [
        ("mark prices", mark_prices, market.source.mark_prices, save_mark_prices),
        ("index prices", index_prices, market.source.index_prices, save_index_prices),
    ]
    newest = {what: newest_ms(market.engine, table, market.exchange) for what, table, _, _ in series}

    async def ingest(symbol: str) -> int:
        written = 0
        for what, _, fetch, save in series:
            # One point is fetched again, so that one which was written half-way is seen
            next_ms = newest[what].get(symbol, 0) - timeframe_ms(timeframe) if goes_on else 0
            missing = Window(max(window.start_ms, next_ms), window.end_ms)
            with named(market.exchange, symbol, what, missing):
                found = await fetch(symbol, timeframe, missing)
            written += await asyncio.to_thread(save, market.engine, market.exchange, symbol, found)
        return written

    return await for_each_symbol(symbols, ingest)


async def ingest_trades(market: PriceMarket, symbols: list[str], window: Window) -> dict[str, int]:
    """Fetch and store public trades, hour by hour, so that what is stored survives a failure.

    Returns
    -------
    dict[str, int]
        Symbol to the trades added.
    """

    async def ingest(symbol: str) -> int:
        added = 0
        for first in range(*window, HOUR_MS):
            hour = Window(first, min(first + HOUR_MS, window.end_ms))
            with named(market.exchange, symbol, "trades", hour):
                found = await market.source.trades(symbol, hour)
            rows = [
                TradeRow(one.ts, one.trade_id, one.price, one.quantity, one.is_buyer_maker) for one in found
            ]
            added += await asyncio.to_thread(save_trades, market.engine, market.exchange, symbol, rows)
        return added

    return await for_each_symbol(symbols, ingest)


async def ingest_books(market: PriceMarket, symbols: list[str], depth: int) -> dict[str, bool]:
    """Fetch and store one order-book snapshot of each symbol.

    Returns
    -------
    dict[str, bool]
        Symbol to whether the snapshot was new.
    """

    async def ingest(symbol: str) -> bool:
        book = await market.source.book(symbol, depth)
        return await asyncio.to_thread(save_book, market.engine, market.exchange, symbol, book)

    return await for_each_symbol(symbols, ingest)


async def ingest_samples(market: PriceMarket, settings: MarketSettings, window: Window) -> int:
    """Store the trades of a span and one book of the symbols that the settings name; by default none.

    Returns
    -------
    int
        Trades and books added.
    """
    trades = await ingest_trades(market, list(settings.trade_symbols), window)
    books = await ingest_books(market, list(settings.book_symbols), settings.book_depth)
    return sum(trades.values()) + sum(books.values())
