"""Brings what the exchange says into the database: all symbols at once, in portions that survive a crash.

How many requests fly at once, and when one is repeated, is the exchange client's business.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Engine

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import ConfigurationError, ExchangeError, unknown_name
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.points import FundingRate, OpenInterest
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import MarketSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms
from quant_pipelines.marketdata.days import spans, window_of
from quant_pipelines.store.bars import Upserted, ensure_partitions, upsert_bars
from quant_pipelines.store.market import (
    newest_ms,
    save_funding,
    save_instruments,
    save_open_interest,
    seed_symbols,
)
from quant_pipelines.store.tables import funding_rates, open_interest

Answer = TypeVar("Answer")

PORTION_DAYS = 7
_OVERLAP_MS = DAY_MS


class IngestSource(Protocol):
    """What ingestion needs of `quant_pipelines.exchange.MarketSource`."""

    async def instruments(self) -> list[Instrument]: ...  # noqa: D102
    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows: ...  # noqa: D102
    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]: ...  # noqa: D102
    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Where ingestion reads from and writes to.

    Parameters
    ----------
    source
        Open connection to the exchange.
    engine
        Product database.
    exchange
        ccxt id under which rows are stored.
    """

    source: IngestSource
    engine: Engine
    exchange: str


async def ingest_instruments(market: Ingestion, settings: MarketSettings, clock: Clock) -> list[Instrument]:
    """Store the specifications of the universe, and seed universe and whitelist on an empty database.

    Raises
    ------
    ConfigurationError
        If the settings name a symbol that the exchange does not trade.
    """
    listed = {instrument.symbol: instrument for instrument in await market.source.instruments()}
    for name in ("universe", "whitelist"):
        for symbol in getattr(settings, name):
            if symbol not in listed:
                raise ConfigurationError(f"market.{name}: {unknown_name('symbol', symbol, listed)}")
    at = clock_time(clock)
    save_instruments(market.engine, list(listed.values()), at)
    seed_symbols(market.engine, market.exchange, settings.universe, settings.whitelist, at)
    return [listed[symbol] for symbol in settings.universe]


async def ingest_bars(market: Ingestion, symbols: list[str], days: list[str]) -> dict[str, Upserted]:
    """Fetch and store the closed 1-minute bars of these UTC days.

    Returns
    -------
    dict[str, Upserted]
        Symbol to the rows added and changed; a changed row is a revision after the close.
    """
    portions = spans(days, max_days=PORTION_DAYS)
    ensure_partitions(market.engine, day_start_ms(min(days)), day_start_ms(max(days)) + 32 * DAY_MS)

    async def ingest(symbol: str) -> Upserted:
        total = Upserted(0, 0)
        for first, last in portions:
            window = window_of(first, last)
            with named(market.exchange, symbol, "1m bars", window):
                rows = await market.source.bars(symbol, "1m", window)
            series = Series(market.exchange, symbol, "1m")
            total += await asyncio.to_thread(upsert_bars, market.engine, series, rows)
        return total

    return await for_each_symbol(symbols, ingest)


async def ingest_funding(
    market: Ingestion, symbols: list[str], window: Window, *, goes_on: bool = True
) -> dict[str, int]:
    """Fetch and store funding of a window, or from a day before the newest row that is stored.

    Parameters
    ----------
    market
        Source and store.
    symbols
        Whose funding.
    window
        Of the slots.
    goes_on
        Begin after what is stored; False fetches the whole window again.

    Returns
    -------
    dict[str, int]
        Symbol to the rows added or changed.
    """
    newest = newest_ms(market.engine, funding_rates, market.exchange) if goes_on else {}

    async def ingest(symbol: str) -> int:
        missing = Window(max(window.start_ms, newest.get(symbol, 0) - _OVERLAP_MS), window.end_ms)
        with named(market.exchange, symbol, "funding", missing):
            found = await market.source.funding_rates(symbol, missing)
        return await asyncio.to_thread(save_funding, market.engine, market.exchange, symbol, found)

    return await for_each_symbol(symbols, ingest)


async def ingest_open_interest(
    market: Ingestion, symbols: list[str], window: Window, *, goes_on: bool = True
) -> dict[str, int]:
    """Fetch and store open interest of a window, or from an hour before the newest row that is stored.

    Exchanges keep about a month of it: what is older is missing, never invented. Parameters as those of
    `ingest_funding`.

    Returns
    -------
    dict[str, int]
        Symbol to the rows added or changed.
    """
    newest = newest_ms(market.engine, open_interest, market.exchange) if goes_on else {}

    async def ingest(symbol: str) -> int:
        missing = Window(max(window.start_ms, newest.get(symbol, 0) - HOUR_MS), window.end_ms)
        with named(market.exchange, symbol, "open interest", missing):
            found = await market.source.open_interest(symbol, missing)
        return await asyncio.to_thread(save_open_interest, market.engine, market.exchange, symbol, found)

    return await for_each_symbol(symbols, ingest)


@contextmanager
def named(exchange: str, symbol: str, what: str, window: Window) -> Iterator[None]:
    """Let an exchange's failure inside the block say which exchange, symbol and window it is about.

    What was stored before it stays; the same call again fetches what is missing.
    """
    try:
        yield
    except ExchangeError as error:
        span = f"{from_ms(window.start_ms):%Y-%m-%d %H:%M} to {from_ms(window.end_ms):%Y-%m-%d %H:%M} UTC"
        raise type(error)(f"{what} of {symbol} at {exchange}, {span}: {error}") from error


async def for_each_symbol(
    symbols: Sequence[str], ingest: Callable[[str], Awaitable[Answer]]
) -> dict[str, Answer]:
    """Do the same for all symbols at once; the first failure is raised after the others were canceled."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {symbol: group.create_task(_awaited(ingest, symbol)) for symbol in symbols}
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return {symbol: task.result() for symbol, task in tasks.items()}


async def _awaited(ingest: Callable[[str], Awaitable[Answer]], symbol: str) -> Answer:
    return await ingest(symbol)
