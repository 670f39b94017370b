"""Ingestion into a real database, from a source that answers from lists."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import ConfigurationError, ExchangeUnavailable
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import MarketSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.exchange import FundingRate, OpenInterest
from quant_pipelines.marketdata.days import SymbolDays
from quant_pipelines.marketdata.ingest import (
    Ingestion,
    ingest_bars,
    ingest_funding,
    ingest_instruments,
    ingest_open_interest,
)
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES, OwnBars
from quant_pipelines.marketdata.quality import check_days, check_roll_ups
from quant_pipelines.marketdata.rollup import roll_up, roll_up_days
from quant_pipelines.marketdata.scan import label_top, scan_universe
from quant_pipelines.store.bars import Upserted, read_bars, upsert_bars
from quant_pipelines.store.findings import open_findings
from quant_pipelines.store.market import (
    read_funding,
    read_hotlist,
    read_instruments,
    read_open_interest,
    read_universe,
    read_whitelist,
    save_instruments,
    seed_symbols,
)
from quant_pipelines.store.tables import instruments as instruments_table

pytestmark = pytest.mark.postgres

EXCHANGE = "binanceusdm"
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
DAYS = [f"2024-03-{day:02d}" for day in range(1, 11)]
START, END = day_start_ms(DAYS[0]), day_start_ms(DAYS[-1]) + DAY_MS
MARKET = MarketSettings(universe=SYMBOLS, whitelist=SYMBOLS[:1])
SCAN = HotListSettings(least_volume=0.0)
Answer = TypeVar("Answer")


def instrument(symbol: str, lot: str = "0.001") -> Instrument:
    fee = Decimal("0.0005")
    return Instrument(EXCHANGE, symbol, Decimal("0.1"), Decimal(lot), Decimal(5), fee, fee, 20, 8)


@dataclass
class ListedSource:
    """Source of waves; remembers what it was asked for."""

    fails_at: str = ""
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def instruments(self) -> list[Instrument]:
        return [instrument(symbol) for symbol in SYMBOLS]

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        self.asked.append((symbol, timeframe, window.start_ms, window.end_ms))
        if symbol == self.fails_at:
            raise ExchangeUnavailable("away")
        minute = np.arange(*window, MINUTE_MS) // MINUTE_MS
        edges = 100.0 + np.sin(np.append(minute, minute[-1] + 1) / (50.0 + SYMBOLS.index(symbol)))
        opened, closed = edges[:-1], edges[1:]
        high, low = np.maximum(opened, closed), np.minimum(opened, closed)
        flow = 1.0 + minute % 3
        return BarRows(minute * MINUTE_MS, opened, high, low, closed, flow, flow * closed, minute % 5)

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        self.asked.append((symbol, "funding", window.start_ms, window.end_ms))
        slots = range(-(-window.start_ms // (8 * HOUR_MS)) * 8 * HOUR_MS, window.end_ms, 8 * HOUR_MS)
        return [FundingRate(ts, 0.0001, None if symbol == SYMBOLS[0] else 100.0) for ts in slots]

    async def open_interest(self, symbol: str, window: Window) -> list[OpenInterest]:
        step = 5 * MINUTE_MS
        return [
            OpenInterest(ts, 900.0 + ts % 11)
            for ts in range(-(-window.start_ms // step) * step, window.end_ms, step)
        ]


def ingest(
    engine: Engine, work: Callable[[Ingestion], Awaitable[Answer]], source: ListedSource | None = None
) -> Answer:
    async def session() -> Answer:
        return await work(Ingestion(source or ListedSource(), engine, EXCHANGE))

    return asyncio.run(session())


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Database with ten days of everything, rolled up."""
    ingest(engine, lambda market: ingest_instruments(market, MARKET, lambda: END))
    ingest(engine, lambda market: ingest_bars(market, list(SYMBOLS), DAYS))
    ingest(engine, lambda market: ingest_funding(market, list(SYMBOLS), Window(START, END)))
    ingest(engine, lambda market: ingest_open_interest(market, list(SYMBOLS), Window(START, END)))
    roll_up_days(engine, EXCHANGE, SymbolDays(list(SYMBOLS), DAYS))
    return engine


def test_history_is_fetched_in_portions_and_stored(engine: Engine) -> None:
    source = ListedSource()
    report = ingest(engine, lambda market: ingest_bars(market, [SYMBOLS[0]], DAYS), source)
    assert report == {SYMBOLS[0]: Upserted(14_400, 0)}
    assert [(end - start) // DAY_MS for _, _, start, end in source.asked] == [7, 3]


def test_second_ingestion_changes_nothing(engine: Engine) -> None:
    for expected in (Upserted(1440, 0), Upserted(0, 0)):
        report = ingest(engine, lambda market: ingest_bars(market, list(SYMBOLS), DAYS[:1]))
        assert set(report.values()) == {expected}


def test_failure_of_one_symbol_is_raised(engine: Engine) -> None:
    with pytest.raises(ExchangeUnavailable, match="away"):
        ingest(
            engine,
            lambda market: ingest_bars(market, list(SYMBOLS), DAYS),
            ListedSource(fails_at=SYMBOLS[1]),
        )


def test_settings_seed_universe_and_whitelist_once(engine: Engine) -> None:
    ingest(engine, lambda market: ingest_instruments(market, MARKET, lambda: END))
    seed_symbols(engine, EXCHANGE, ["XRP/USDT:USDT"], ["XRP/USDT:USDT"], datetime(2024, 1, 1, tzinfo=UTC))
    assert read_universe(engine, EXCHANGE) == list(SYMBOLS)
    assert read_whitelist(engine, EXCHANGE) == [SYMBOLS[0]]


def test_unknown_symbol_in_the_settings_is_named_with_the_nearest(engine: Engine) -> None:
    wrong = replace(MARKET, universe=("BTC/USDT", *SYMBOLS))
    with pytest.raises(ConfigurationError, match=r"market.universe: unknown symbol .* mean 'BTC/USDT:USDT'"):
        ingest(engine, lambda market: ingest_instruments(market, wrong, lambda: END))


def test_specification_gets_a_row_only_when_it_changes(engine: Engine) -> None:
    for day, lot in ((1, "0.001"), (2, "0.001"), (3, "0.01")):
        save_instruments(engine, [instrument(SYMBOLS[0], lot)], datetime(2024, 1, day, tzinfo=UTC))
    with engine.connect() as connection:
        query = select(func.count()).select_from(instruments_table)
        assert connection.execute(query).scalar_one() == 2
    assert [one.lot_size for one in read_instruments(engine, EXCHANGE)] == [Decimal("0.01")]


def test_funding_is_stored_with_and_without_mark_price(filled: Engine) -> None:
    ts, rates, marks = read_funding(filled, EXCHANGE, SYMBOLS[0], Window(START, END))
    assert (ts.size, set(rates)) == (30, {0.0001})
    assert np.isnan(marks).all()
    assert (read_funding(filled, EXCHANGE, SYMBOLS[1], Window(START, END))[2] == 100.0).all()


def test_second_funding_begins_a_day_before_the_newest_row(filled: Engine) -> None:
    source = ListedSource()
    report = ingest(filled, lambda market: ingest_funding(market, [SYMBOLS[0]], Window(START, END)), source)
    assert report == {SYMBOLS[0]: 0}
    assert source.asked[0][2] == END - 8 * HOUR_MS - DAY_MS


def test_open_interest_is_stored(filled: Engine) -> None:
    ts, values = read_open_interest(filled, EXCHANGE, SYMBOLS[0], Window(START, END))
    assert (ts.size, values[0]) == (10 * 288, 900.0 + START % 11)


def test_roll_ups_agree_with_the_minutes(filled: Engine) -> None:
    minutes = read_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1m"), Window(START, END))
    days = read_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1d"), Window(START, END))
    assert len(days) == 10
    assert days.volume.sum() == minutes.volume.sum()
    assert (days.open[0], days.close[-1]) == (minutes.open[0], minutes.close[-1])


def test_clean_days_have_no_findings(filled: Engine) -> None:
    report = check_days(filled, EXCHANGE, SymbolDays(list(SYMBOLS), DAYS), clock=lambda: END + HOUR_MS)
    assert (report.findings, report.bars) == ([], 3 * 14_400)


def test_finding_stands_until_it_is_mended(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql(
            "delete from market.bars where timeframe = '1m' and ts::date = '2024-03-04'"
        )

    def check() -> list[tuple[str, date, str]]:
        check_days(filled, EXCHANGE, SymbolDays(list(SYMBOLS), DAYS), clock=lambda: END + HOUR_MS)
        return [(one["symbol"], one["day"], one["severity"]) for one in open_findings(filled, EXCHANGE)]

    assert check() == [(symbol, date(2024, 3, 4), "block") for symbol in SYMBOLS]
    ingest(filled, lambda market: ingest_bars(market, list(SYMBOLS), ["2024-03-04"]))
    assert check() == []


def test_scan_ranks_the_universe_and_explains_every_factor(filled: Engine) -> None:
    scores = scan_universe(filled, EXCHANGE, SCAN, END).scores
    stored = read_hotlist(filled, EXCHANGE)
    assert [row["symbol"] for row in stored] == [one.symbol for one in scores]
    assert all(row["flags"] == [] for row in stored)
    contributions = [term["contribution"] for term in stored[0]["factors"].values()]
    assert sum(contributions) == pytest.approx(stored[0]["score"])


def test_missing_open_interest_is_flagged(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql("delete from market.open_interest")
    scan_universe(filled, EXCHANGE, SCAN, END)
    row = read_hotlist(filled, EXCHANGE)[0]
    assert row["flags"] == ["missing turnover", "missing open_interest_change"]
    assert row["factors"]["turnover"]["raw"] is None


def test_best_symbols_get_risk_labels(filled: Engine) -> None:
    scan_universe(filled, EXCHANGE, SCAN, END)
    labeled = label_top(filled, EXCHANGE, 2)
    assert [row["rank"] for row in labeled] == [1, 2]
    assert [bool(row["labels"]) for row in read_hotlist(filled, EXCHANGE)] == [True, True, False]
    assert labeled[0]["labels"]["mood"] in {"calm", "greedy", "fearful", "turbulent"}


def own_bars(engine: Engine, *, factor: float = 1.0) -> OwnBars:
    """The exchange's own bars of the ten days, with every close of 7 March at noon multiplied."""
    source = ListedSource()

    async def fetch(symbol: str) -> dict[str, BarRows]:
        minutes = await source.bars(symbol, "1m", Window(START, END))
        return {timeframe: roll_up(minutes, timeframe) for timeframe in OWN_TIMEFRAMES}

    bars = {symbol: asyncio.run(fetch(symbol)) for symbol in SYMBOLS}
    hours = bars[SYMBOLS[1]]["1h"]
    close = np.where(hours.ts == day_start_ms("2024-03-07") + 12 * HOUR_MS, hours.close * factor, hours.close)
    bars[SYMBOLS[1]]["1h"] = replace(hours, close=close)
    return OwnBars(tuple(DAYS), bars)


def roll_up_and_check(engine: Engine, own: OwnBars) -> tuple[int, int, list[tuple[Any, ...]]]:
    """Bars written, those of the exchange among all, and the standing findings of long bars."""
    rolled = roll_up_days(engine, EXCHANGE, SymbolDays(list(SYMBOLS), DAYS), own=own)
    check_roll_ups(engine, EXCHANGE, rolled, own.days, clock=lambda: END + HOUR_MS)
    names = ("symbol", "timeframe", "day", "check_name", "severity")
    standing = [tuple(one[name] for name in names) for one in open_findings(engine, EXCHANGE)]
    return sum(one.written.total for one in rolled), sum(one.from_exchange for one in rolled), standing


def test_own_bars_stand_in_where_minutes_are_missing_until_they_come(filled: Engine) -> None:
    whole = read_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1h"), Window(START, END))
    with filled.begin() as connection:
        connection.exec_driver_sql("delete from market.bars where ts < '2024-03-04 00:30+00'")
    own = own_bars(filled)
    # Three days and an hour of 1h, 4h and 1d bars; none of 5m and 15m.
    expected = len(SYMBOLS) * (3 * 24 + 1 + 3 * 6 + 1 + 4)
    assert roll_up_and_check(filled, own) == (expected, expected, [])
    filled_up = read_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1h"), Window(START, END))
    assert np.array_equal(filled_up.close, whole.close)
    assert roll_up_and_check(filled, own) == (0, expected, [])

    ingest(filled, lambda market: ingest_bars(market, list(SYMBOLS), DAYS))
    written, from_exchange, _ = roll_up_and_check(filled, own)
    assert (written, from_exchange) == (len(SYMBOLS) * (3 * 288 + 6 + 3 * 96 + 2), 0)


def test_difference_to_the_exchange_is_a_finding_and_the_roll_up_stays(filled: Engine) -> None:
    written, _, standing = roll_up_and_check(filled, own_bars(filled, factor=1.001))
    assert written == 0
    assert standing == [(SYMBOLS[1], "1h", date(2024, 3, 7), "roll_up_mismatch", "warning")]
    detail = open_findings(filled, EXCHANGE)[0]["detail"]
    assert (detail["at"], detail["column"]) == (["2024-03-07 12:00"], "close")
    assert detail["theirs"] == pytest.approx(detail["ours"] * 1.001)
    assert roll_up_and_check(filled, own_bars(filled))[2] == []


def test_hours_that_neither_side_has_block_the_day(filled: Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql(
            "delete from market.bars where ts >= '2024-03-04 06:00+00' and ts < '2024-03-04 07:00+00'"
        )
    nothing = OwnBars(tuple(DAYS))
    findings = roll_up_and_check(filled, nothing)[2]
    assert {row[1:] for row in findings} == {
        ("1h", date(2024, 3, 4), "gaps", "block"),
    }


def test_days_for_which_the_exchange_was_not_asked_are_not_checked(filled: Engine) -> None:
    rolled = roll_up_days(filled, EXCHANGE, SymbolDays(list(SYMBOLS), DAYS))
    report = check_roll_ups(filled, EXCHANGE, rolled, (), clock=lambda: END + HOUR_MS)
    assert (report.findings, report.bars) == ([], 0)


def test_revised_bar_reaches_the_roll_ups(filled: Engine) -> None:
    minute = read_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1m"), Window(START, START + MINUTE_MS))
    revised = BarRows(
        minute.ts, minute.open, minute.high + 50.0, minute.low, minute.close,
        minute.volume, minute.volume, np.array([1]),
    )  # fmt: skip
    assert upsert_bars(filled, Series(EXCHANGE, SYMBOLS[0], "1m"), revised).updated == 1
    report = roll_up_days(filled, EXCHANGE, SymbolDays([SYMBOLS[0]], DAYS[:1]))
    assert {one.written.updated for one in report} == {1}
