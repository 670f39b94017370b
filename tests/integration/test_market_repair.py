"""Repair of a real database, from an exchange that answers from what it is given."""

import asyncio
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.archive import read_bar_rows, read_funding_stamps
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.known_funding import funding_intervals
from quant_pipelines.core.series import Days, Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.exchange import FundingRate
from quant_pipelines.marketdata.days import SymbolDays, days_between
from quant_pipelines.marketdata.ingest import Ingestion
from quant_pipelines.marketdata.quality import check_days, check_own_timeframes
from quant_pipelines.marketdata.repair import proven_missing
from quant_pipelines.marketdata.rollup import roll_up, roll_up_days
from quant_pipelines.operations.coverage import bar_coverage
from quant_pipelines.operations.repair import (
    AUTOMATIC_ATTEMPTS,
    PORTIONS_AT_ONCE,
    PortionReport,
    carry_out_repairs,
    plan_repairs,
)
from quant_pipelines.store.bars import read_bar_rows as read_stored
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.findings import open_findings
from quant_pipelines.store.market import read_funding, save_funding, seed_symbols
from quant_pipelines.store.tables import data_findings

pytestmark = pytest.mark.postgres

EXCHANGE, BTC, ETH = "binanceusdm", "BTC/USDT:USDT", "ETH/USDT:USDT"
DAYS = ["2024-03-01", "2024-03-02", "2024-03-03"]
START, END = day_start_ms(DAYS[0]), day_start_ms(DAYS[-1]) + DAY_MS
NOON = START + DAY_MS + 12 * HOUR_MS
HOLE = (NOON, NOON + HOUR_MS)


def waves(start_ms: int = START, end_ms: int = END) -> BarRows:
    minute = np.arange(start_ms, end_ms, MINUTE_MS, dtype=np.int64) // MINUTE_MS
    edges = 100.0 + np.sin(np.append(minute, minute[-1] + 1) / 50.0)
    opened, closed = edges[:-1], edges[1:]
    flow = 1.0 + minute % 3
    high, low = np.maximum(opened, closed), np.minimum(opened, closed)
    return BarRows(minute * MINUTE_MS, opened, high, low, closed, flow, flow * closed, minute % 5)


def where(rows: BarRows, kept: np.ndarray) -> BarRows:
    return BarRows(**{one.name: getattr(rows, one.name)[kept] for one in fields(rows)})


def without(rows: BarRows, start_ms: int, end_ms: int) -> BarRows:
    return where(rows, (rows.ts < start_ms) | (rows.ts >= end_ms))


def spiked(rows: BarRows, ts: int = NOON, low: float = 50.0) -> BarRows:
    return replace(rows, low=np.where(rows.ts == ts, low, rows.low))


@dataclass
class Answers:
    """Exchange that answers minutes from these, and longer bars from their roll-ups or from its own."""

    minutes: BarRows
    own: dict[str, BarRows] = field(default_factory=dict)
    payments: tuple[int, ...] = ()
    away_for: str = ""
    asked: list[str] = field(default_factory=list)

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        self.asked.append(symbol)
        if symbol == self.away_for:
            raise ExchangeUnavailable("exchange does not answer")
        rows = (
            self.minutes if timeframe == "1m" else self.own.get(timeframe, roll_up(self.minutes, timeframe))
        )
        return where(rows, (rows.ts >= window.start_ms) & (rows.ts < window.end_ms))

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        return [
            FundingRate(ts, 0.0001, None) for ts in self.payments if window.start_ms <= ts < window.end_ms
        ]


NO_MINUTES = without(waves(), START, END)


def at_end() -> int:
    return END


def store(engine: Engine, rows: BarRows, symbol: str = BTC) -> None:
    """Store minutes, their roll-ups, and what the checks find."""
    seed_symbols(engine, EXCHANGE, [BTC, ETH], [BTC], datetime(2024, 1, 1, tzinfo=UTC))
    upsert_bars(engine, Series(EXCHANGE, symbol, "1m"), rows)
    roll_up_days(engine, EXCHANGE, SymbolDays([symbol], DAYS))
    check(engine, symbol)


def check(engine: Engine, symbol: str = BTC) -> None:
    check_days(engine, EXCHANGE, SymbolDays([symbol], DAYS), clock=at_end)
    check_own_timeframes(engine, EXCHANGE, SymbolDays([symbol], DAYS), clock=at_end)


def repair(engine: Engine, source: Any, **scope: Any) -> list[PortionReport]:
    plan = plan_repairs(engine, EXCHANGE, **scope)
    market = Ingestion(source, engine, EXCHANGE)
    return asyncio.run(carry_out_repairs(market, plan, at_end))


def standing(engine: Engine) -> set[tuple[str, str, str]]:
    return {(row["check_name"], row["timeframe"], row["severity"]) for row in open_findings(engine, EXCHANGE)}


def resolutions(engine: Engine) -> set[tuple[str, str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(data_findings.select()).mappings()
        return {(row["check_name"], row["timeframe"], row["resolution"]) for row in rows}


def stored(engine: Engine, timeframe: str = "1m") -> BarRows:
    return read_stored(engine, Series(EXCHANGE, BTC, timeframe), Window(START, END))


def test_minutes_that_were_lost_are_fetched_and_rolled_up(engine: Engine) -> None:
    store(engine, without(waves(), *HOLE))
    assert ("gaps", "1m", "block") in standing(engine)
    (report,) = repair(engine, Answers(waves()))
    assert (report.first_day, report.inserted, report.error) == (DAYS[1], 60, "")
    assert report.rolled_up == 12 + 4 + 1 + 1 + 1
    assert standing(engine) == set()
    assert {outcome for _, _, outcome in resolutions(engine)} == {"repaired"}
    assert np.array_equal(stored(engine, "1h").close, roll_up(waves(), "1h").close)


def test_bars_that_never_existed_are_known_and_not_reported_again(engine: Engine) -> None:
    gappy = without(waves(), *HOLE)
    store(engine, gappy)
    (report,) = repair(engine, Answers(gappy))
    # Sixty minutes, and the longer bars that need them: 1h, 4h, 1d.
    assert (report.inserted, report.never_existed, report.standing) == (0, 60 + 3, 0)
    assert {outcome for _, _, outcome in resolutions(engine)} == {"never existed"}
    check(engine)
    coverage = {row["timeframe"]: row["never_existed"] for row in bar_coverage(engine, EXCHANGE, [BTC])}
    assert (coverage["1m"], coverage["1h"]) == (60, 1)


def test_empty_answer_proves_nothing(engine: Engine) -> None:
    store(engine, without(waves(), *HOLE))
    before = standing(engine)
    (report,) = repair(engine, Answers(NO_MINUTES))
    assert (report.never_existed, report.ended) == (0, 0)
    assert standing(engine) == before


def test_what_several_repairs_could_not_mend_is_left_to_a_person(engine: Engine) -> None:
    store(engine, without(waves(), *HOLE))
    for _ in range(AUTOMATIC_ATTEMPTS):
        assert plan_repairs(engine, EXCHANGE, max_attempts=AUTOMATIC_ATTEMPTS).portions
        repair(engine, Answers(NO_MINUTES))
    assert plan_repairs(engine, EXCHANGE, max_attempts=AUTOMATIC_ATTEMPTS).portions == ()
    assert plan_repairs(engine, EXCHANGE).portions


def test_repair_goes_on_where_it_was_interrupted(engine: Engine) -> None:
    for symbol in (BTC, ETH):
        store(engine, without(waves(), *HOLE), symbol)
    first, second = repair(engine, Answers(waves(), away_for=ETH))
    assert (first.symbol, first.error) == (BTC, "")
    assert (second.symbol, second.error) == (ETH, "exchange does not answer")
    source = Answers(waves())
    (rest,) = repair(engine, source)
    assert (rest.symbol, set(source.asked)) == (ETH, {ETH})
    assert standing(engine) == set()


def test_scope_bounds_what_is_asked(engine: Engine) -> None:
    for symbol in (BTC, ETH):
        store(engine, without(waves(), *HOLE), symbol)
    assert [one.symbol for one in plan_repairs(engine, EXCHANGE, symbols=[ETH]).portions] == [ETH]
    day = date(2024, 3, 1)
    assert plan_repairs(engine, EXCHANGE, days=Days(day, day)).portions == ()
    assert PORTIONS_AT_ONCE >= len(plan_repairs(engine, EXCHANGE).portions) == 2


def test_spike_that_the_exchange_and_its_longer_bar_have_is_confirmed(engine: Engine) -> None:
    crash = spiked(waves())
    store(engine, crash)
    assert ("outliers", "1m", "warning") in standing(engine)
    (report,) = repair(engine, Answers(crash))
    assert (report.updated, report.standing) == (0, 0)
    check(engine)
    assert standing(engine) == set()
    assert ("outliers", "1m", "confirmed") in resolutions(engine)


def test_spike_that_the_exchange_takes_back_is_mended(engine: Engine) -> None:
    store(engine, spiked(waves()))
    (report,) = repair(engine, Answers(waves()))
    assert (report.updated, report.confirmed) == (1, 0)
    assert np.array_equal(stored(engine).low, waves().low)
    assert ("outliers", "1m", "repaired") in resolutions(engine)


def test_spike_that_its_longer_bar_contradicts_stands(engine: Engine) -> None:
    crash = spiked(waves())
    store(engine, crash)
    own = {timeframe: roll_up(waves(), timeframe) for timeframe in ("1h", "4h", "1d")}
    (report,) = repair(engine, Answers(crash, own))
    assert report.confirmed == 0
    assert {("outliers", "1m", "warning"), ("roll_up_mismatch", "1h", "block")} <= standing(engine)


def test_bars_beside_the_grid_are_taken_out(engine: Engine) -> None:
    rows = waves()
    store(engine, replace(rows, ts=np.where(rows.ts == NOON, NOON + 7_000, rows.ts)))
    assert ("off_grid", "1m", "block") in standing(engine)
    (report,) = repair(engine, Answers(waves()))
    assert (report.deleted, report.inserted) == (1, 1)
    assert np.array_equal(stored(engine).ts, waves().ts)
    assert standing(engine) == set()


def test_missing_payment_is_fetched(engine: Engine) -> None:
    slots = tuple(range(START, END, 8 * HOUR_MS))
    save_funding(engine, EXCHANGE, BTC, [FundingRate(ts, 0.0001, None) for ts in slots if ts != slots[4]])
    store(engine, waves())
    assert standing(engine) == {("missing_funding", "funding", "warning")}
    (report,) = repair(engine, Answers(waves(), payments=slots))
    assert (report.what, report.inserted, report.standing) == ("funding", 1, 0)
    assert read_funding(engine, EXCHANGE, BTC, Window(START, END))[0].tolist() == list(slots)


def test_revision_after_the_close_is_kept_and_shown(engine: Engine) -> None:
    store(engine, waves())
    upsert_bars(engine, Series(EXCHANGE, BTC, "1m"), spiked(waves(), low=98.9))
    check_days(engine, EXCHANGE, SymbolDays([BTC], DAYS), clock=system_clock_ms)
    (row,) = open_findings(engine, EXCHANGE, checks=["revised_bars"])
    low = float(waves().low[waves().ts == NOON][0])
    assert (row["count"], row["severity"], row["day"]) == (1, "warning", date(2024, 3, 2))
    assert (row["detail"]["old"]["low"], row["detail"]["new"]["low"]) == (low, 98.9)


def test_finding_that_comes_back_is_a_new_one(engine: Engine) -> None:
    store(engine, without(waves(), *HOLE))
    repair(engine, Answers(NO_MINUTES))
    upsert_bars(engine, Series(EXCHANGE, BTC, "1m"), waves())
    check(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "delete from market.bars where ts = %s", (datetime(2024, 3, 2, 12, tzinfo=UTC),)
        )
    check(engine)
    assert [row["attempts"] for row in open_findings(engine, EXCHANGE) if row["timeframe"] == "1m"] == [0]


@pytest.mark.parametrize(
    ("answer", "missing"),
    [((0, 1, 4, 5), (2, 3)), ((4, 5), ()), ((0, 1), ()), ((3,), ()), ((), ()), ((0, 6), (1, 2, 3, 4))],
)
def test_bar_is_proven_missing_only_between_two_of_the_answer(
    answer: tuple[int, ...], missing: tuple[int, ...]
) -> None:
    found = proven_missing(np.array(answer, dtype=np.int64), np.array([5]), Window(0, 7), 1)
    assert tuple(found.tolist()) == missing


@pytest.mark.archive
def test_half_open_bars_of_real_history_are_repaired_to_the_truth(engine: Engine, archive: Path) -> None:
    dirty, truth = (
        read_bar_rows(archive / "dirty" / f"BTCUSDT-1h-{name}.parquet", BTC, "1h")
        for name in ("partial-bars", "truth")
    )
    seed_symbols(engine, EXCHANGE, [BTC], [BTC], datetime(2026, 1, 1, tzinfo=UTC))
    upsert_bars(engine, Series(EXCHANGE, BTC, "1h"), dirty)
    days = [f"2026-03-{day}" for day in range(20, 26)]
    after = day_start_ms(days[-1]) + DAY_MS
    check_own_timeframes(engine, EXCHANGE, SymbolDays([BTC], days), clock=lambda: after)
    plan = plan_repairs(engine, EXCHANGE)
    nothing: dict[str, BarRows] = {name: where(truth, truth.ts < 0) for name in ("4h", "1d")}
    source: Any = Answers(NO_MINUTES, {"1h": truth} | nothing)
    (report,) = asyncio.run(carry_out_repairs(Ingestion(source, engine, EXCHANGE), plan, lambda: after))
    assert (report.first_day, report.last_day, report.rolled_up) == ("2026-03-23", "2026-03-25", 8)
    mended = read_stored(engine, Series(EXCHANGE, BTC, "1h"), Window(int(truth.ts[0]), after))
    for name in ("ts", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(mended, name), getattr(truth, name))
    with engine.connect() as connection:
        query = "select count(*), min(cause), max(cause) from market.bar_revisions"
        assert tuple(connection.exec_driver_sql(query).one()) == (8, "repair", "repair")


@pytest.mark.archive
def test_changed_funding_interval_is_stored_right_and_not_blamed(engine: Engine, archive: Path) -> None:
    symbol, folder = "LAYER/USDT:USDT", archive / "funding" / "binance_um"
    stamps, rates = read_funding_stamps(folder / "LAYERUSDT-variable-interval.parquet")
    slots = (stamps // HOUR_MS * HOUR_MS).tolist()
    rows = [FundingRate(ts, float(rate), None) for ts, rate in zip(slots, rates, strict=True)]
    assert save_funding(engine, EXCHANGE, symbol, rows) == 984
    ts, stored_rates, _ = read_funding(engine, EXCHANGE, symbol, Window(slots[0], slots[-1] + 1))
    assert (ts.tolist(), np.array_equal(stored_rates, rates)) == (slots, True)
    assert funding_intervals(ts // HOUR_MS).tolist() == [4] * 305 + [1] * 679
    days = days_between(slots[0], slots[-1])
    check_days(engine, EXCHANGE, SymbolDays([symbol], days), clock=lambda: slots[-1] + DAY_MS)
    assert [row for row in open_findings(engine, EXCHANGE) if row["timeframe"] == "funding"] == []
