"""Mark and index prices, trades and books into a real database, from a source that answers from lists."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import MarketSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_of, day_start_ms, from_ms
from quant_pipelines.exchange import BookSnapshot, FundingRate, OpenInterest, PricePoint, PublicTrade
from quant_pipelines.marketdata.days import SymbolDays
from quant_pipelines.marketdata.ingest_prices import (
    PriceMarket,
    ingest_prices,
    ingest_samples,
    ingest_trades,
)
from quant_pipelines.marketdata.quality import check_days
from quant_pipelines.store.findings import open_findings
from quant_pipelines.store.market import (
    newest_ms,
    read_index_prices,
    read_mark_prices,
    save_funding,
    save_open_interest,
)
from quant_pipelines.store.market_events import save_book
from quant_pipelines.store.tables import mark_prices

pytestmark = pytest.mark.postgres

EXCHANGE, BTC = "binanceusdm", "BTC/USDT:USDT"
# The span begins in one month and ends in the next.
START = day_start_ms("2024-03-31") + 20 * HOUR_MS
END = START + 8 * HOUR_MS
Answer = TypeVar("Answer")


@dataclass
class PricedSource:
    """Source of counted prices; remembers what it was asked for, and can fail from a moment on."""

    fails_from: int = END * 2
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def mark_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        self.asked.append(("mark", timeframe, window.start_ms, window.end_ms))
        return [PricePoint(ts, 100.0 + ts % 7) for ts in range(*window, HOUR_MS)]

    async def index_prices(self, symbol: str, timeframe: str, window: Window) -> list[PricePoint]:
        return [PricePoint(ts, 99.0) for ts in range(*window, HOUR_MS)]

    async def trades(self, symbol: str, window: Window) -> list[PublicTrade]:
        if window.start_ms >= self.fails_from:
            raise ExchangeUnavailable("away")
        times = range(*window, 10 * MINUTE_MS)
        return [PublicTrade(symbol, ts, f"t{ts}", 100.0, 0.5, ts % 20 == 0, ts + 3) for ts in times]

    async def book(self, symbol: str, depth: int) -> BookSnapshot:
        bids, asks = [tuple((100.0 + sign * n, 1.0) for n in range(1, depth + 1)) for sign in (-1, 1)]
        return BookSnapshot(symbol, START, bids, asks, START + 40)


def ingest(
    engine: Engine, work: Callable[[PriceMarket], Awaitable[Answer]], source: PricedSource | None = None
) -> Answer:
    async def session() -> Answer:
        return await work(PriceMarket(source or PricedSource(), engine, EXCHANGE))

    return asyncio.run(session())


def stored(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        query = f"select ts, available_at from market.{table} order by ts"  # noqa: S608 - a name of this file
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_prices_are_stored_and_the_newest_point_is_fetched_again(engine: Engine) -> None:
    def run(source: PricedSource) -> dict[str, int]:
        return ingest(engine, lambda market: ingest_prices(market, [BTC], "1h", Window(START, END)), source)

    assert run(PricedSource()) == {BTC: 16}
    ts, prices = read_mark_prices(engine, EXCHANGE, BTC, Window(START, END))
    assert (ts.tolist(), prices[0]) == (list(range(START, END, HOUR_MS)), 100.0 + START % 7)
    assert read_index_prices(engine, EXCHANGE, BTC, Window(START, END))[1].tolist() == [99.0] * 8

    again = PricedSource()
    assert run(again) == {BTC: 0}
    assert again.asked == [("mark", "1h", END - 2 * HOUR_MS, END)]
    assert newest_ms(engine, mark_prices, EXCHANGE) == {BTC: END - HOUR_MS}


def stored_trades(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        query = "select trade_id, quantity from market.trades order by ts"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_trades_cross_months_and_a_second_time_add_nothing(engine: Engine) -> None:
    for added in (48, 0):
        assert ingest(engine, lambda market: ingest_trades(market, [BTC], Window(START, END))) == {BTC: added}
    rows = stored_trades(engine)
    assert (len(rows), rows[0]) == (48, (f"t{START}", 0.5))
    with engine.connect() as connection:
        query = "select tableoid::regclass::text, count(*) from market.trades group by 1 order by 1"
        parts = [tuple(row) for row in connection.exec_driver_sql(query)]
    assert parts == [("market.trades_2024_03", 24), ("market.trades_2024_04", 24)]


def test_what_was_stored_before_the_exchange_went_down_stays_and_the_rest_is_fetched_later(
    engine: Engine,
) -> None:
    down = PricedSource(fails_from=START + 3 * HOUR_MS)
    sentence = r"trades of BTC/USDT:USDT at binanceusdm, 2024-03-31 23:00 to 2024-04-01 00:00 UTC: away"
    with pytest.raises(ExchangeUnavailable, match=sentence):
        ingest(engine, lambda market: ingest_trades(market, [BTC], Window(START, END)), down)
    assert len(stored_trades(engine)) == 18
    assert ingest(engine, lambda market: ingest_trades(market, [BTC], Window(START, END))) == {BTC: 30}


def test_nothing_is_sampled_unless_settings_name_symbols(engine: Engine) -> None:
    assert ingest(engine, lambda market: ingest_samples(market, MarketSettings(), Window(START, END))) == 0
    wanted = MarketSettings(trade_symbols=(BTC,), book_symbols=(BTC,), book_depth=3)
    assert ingest(engine, lambda market: ingest_samples(market, wanted, Window(START, END))) == 48 + 1
    with engine.connect() as connection:
        query = "select bid_prices, ask_prices from market.book_snapshots"
        [(bids, asks)] = connection.exec_driver_sql(query).all()
    assert (bids, asks) == ([99.0, 98.0, 97.0], [101.0, 102.0, 103.0])


def test_everything_is_available_when_a_decision_could_know_it(engine: Engine) -> None:
    at = from_ms(START)
    save_funding(engine, EXCHANGE, BTC, [FundingRate(START, 0.0001, 100.0)])
    save_open_interest(engine, EXCHANGE, BTC, [OpenInterest(START, 5.0)])
    ingest(engine, lambda market: ingest_prices(market, [BTC], "1h", Window(START, START + HOUR_MS)))
    ingest(engine, lambda market: ingest_trades(market, [BTC], Window(START, START + 1)))
    source = PricedSource()
    assert save_book(engine, EXCHANGE, BTC, asyncio.run(source.book(BTC, 2)))
    assert not save_book(engine, EXCHANGE, BTC, asyncio.run(source.book(BTC, 2)))
    for table in ("funding_rates", "mark_prices", "index_prices", "trades"):
        assert stored(engine, table) == [(at, at)], table
    assert stored(engine, "open_interest") == [(at, from_ms(START + 5 * MINUTE_MS))]
    assert stored(engine, "book_snapshots") == [(at, from_ms(START + 40))]


def test_a_stored_book_that_is_crossed_is_a_finding_of_its_day(engine: Engine) -> None:
    day = day_of(START)
    sound = BookSnapshot(BTC, START, ((99.0, 1.0),), ((100.0, 1.0),), START)
    crossed = BookSnapshot(BTC, START + MINUTE_MS, ((101.0, 1.0),), ((100.0, 1.0),), START + MINUTE_MS)
    one_sided = BookSnapshot(BTC, START + 2 * MINUTE_MS, (), ((100.0, 1.0),), START)
    for book in (sound, crossed, one_sided):
        save_book(engine, EXCHANGE, BTC, book)
    check_days(engine, EXCHANGE, SymbolDays([BTC], [day]), clock=lambda: START + DAY_MS)
    (finding,) = open_findings(engine, EXCHANGE, checks=("crossed_book",))
    assert (finding["symbol"], finding["timeframe"], finding["severity"]) == (BTC, "book", "warning")
    assert (finding["count"], finding["detail"]["crossed"]) == (2, 1)
