"""Inputs out of the database: read as they were known, and asked for by the jobs that need them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, insert

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.points import FundingRate, OpenInterest, PricePoint
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.job import JobFailure, OptimizationJob
from quant_pipelines.research.pool import optimize_many
from quant_pipelines.research.run import optimize_one
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.known_points import read_points
from quant_pipelines.store.market import (
    save_funding,
    save_index_prices,
    save_mark_prices,
    save_open_interest,
)
from quant_pipelines.store.tables import data_findings, funding_rates

pytestmark = pytest.mark.postgres

BTC, ETH, EXCHANGE = "BTC/USDT:USDT", "ETH/USDT:USDT", "binanceusdm"
END = day_start_ms("2025-06-10")
START = END - 12 * DAY_MS
HOURS = np.arange(START, END, HOUR_MS, dtype=np.int64)
WINDOWS = WindowSettings(train_days=4, test_days=2, folds=2, purge_hours=2)
JOB = OptimizationJob(
    "open_interest_divergence", BTC, "1h", END, WINDOWS, trials=4, overfit_points=4, overfit_blocks=2
)


@pytest.fixture(name="stored")
def store_hours(engine: Engine) -> Engine:
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, HOURS.size)))
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    ones = np.ones(HOURS.size)
    rows = BarRows(HOURS, opened, high, low, close, ones, ones, ones.astype(np.int64))
    for symbol in (BTC, ETH):
        upsert_bars(engine, Series(EXCHANGE, symbol, "1h"), rows)
    return engine


def store_interest(engine: Engine, symbol: str, first_ms: int = START - 2 * DAY_MS) -> None:
    hours = range(first_ms, END, HOUR_MS)
    rng = np.random.default_rng(4)
    held = 1e4 * np.exp(np.cumsum(rng.normal(0.0, 0.02, len(hours))))
    save_open_interest(
        engine, EXCHANGE, symbol, [OpenInterest(*row) for row in zip(hours, held.tolist(), strict=True)]
    )


def test_every_input_comes_back_with_the_time_from_which_on_it_was_known(engine: Engine) -> None:
    save_open_interest(engine, EXCHANGE, BTC, [OpenInterest(START, 5.0), OpenInterest(START + HOUR_MS, 6.0)])
    save_mark_prices(engine, EXCHANGE, BTC, [PricePoint(START, 7.0)])
    save_index_prices(engine, EXCHANGE, BTC, [PricePoint(START, 8.0)])
    save_funding(engine, EXCHANGE, BTC, [FundingRate(START, 0.1, None)])
    late = from_ms(START + 3 * HOUR_MS)
    with engine.begin() as connection:
        row = {"exchange": EXCHANGE, "symbol": BTC, "ts": late - timedelta(hours=2), "rate": 0.2}
        connection.execute(insert(funding_rates).values(**row, available_at=late))

    def rows(name: str) -> list[tuple[int, int, float]]:
        points = read_points(engine, EXCHANGE, BTC, name, Window(START, START + 2 * HOUR_MS))
        columns = (points.ts, points.known_at, points.values)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    assert rows("open_interest") == [
        (START, START + 5 * MINUTE_MS, 5.0),
        (START + HOUR_MS, START + HOUR_MS + 5 * MINUTE_MS, 6.0),
    ]
    assert rows("mark_close") == [(START, START, 7.0)]
    assert rows("index_close") == [(START, START, 8.0)]
    assert rows("funding_rate") == [(START, START, 0.1), (START + HOUR_MS, START + 3 * HOUR_MS, 0.2)]


def test_a_window_without_rows_has_no_points(engine: Engine) -> None:
    assert len(read_points(engine, EXCHANGE, BTC, "mark_close", Window(START, END))) == 0


def test_a_job_without_its_input_says_so_and_the_others_go_on(
    stored: Engine, database_url: str, tmp_path: Path
) -> None:
    store_interest(stored, BTC)
    lacking = replace(JOB, symbol=ETH)
    outcomes = optimize_many(database_url, [lacking, JOB], workers=1, columns=tmp_path)
    failed, done = outcomes
    assert isinstance(done, VerdictRecord)
    assert isinstance(failed, JobFailure)
    assert failed.error == (
        "ETH/USDT:USDT 1h: input open_interest is known at 0% of the bars; "
        "expected 90% or more, since the strategy declares it"
    )


def test_an_input_that_begins_later_than_the_bars_leaves_the_folds_that_it_covers(stored: Engine) -> None:
    job = replace(JOB, windows=replace(WINDOWS, folds=3, min_folds=1))
    whole = optimize_one(stored, replace(job, strategy="ema_cross"))
    store_interest(stored, BTC, first_ms=END - 7 * DAY_MS)
    part = optimize_one(stored, job)
    assert (whole.out_of_sample["folds"], part.out_of_sample["folds"]) == (3, 1)


def test_an_input_that_covers_too_few_folds_is_named(stored: Engine) -> None:
    store_interest(stored, BTC, first_ms=END - 5 * DAY_MS)
    with pytest.raises(DataError, match=r"input open_interest is known at \d\d% of the bars; expected 90%"):
        optimize_one(stored, JOB)


def test_a_blocked_day_of_a_higher_timeframe_blocks_the_strategy_that_reads_it(stored: Engine) -> None:
    finding = {
        "exchange": EXCHANGE,
        "symbol": BTC,
        "timeframe": "4h",
        "day": from_ms(END - DAY_MS).date(),
        "check_name": "gaps",
        "severity": "block",
        "count": 3,
        "detail": {},
        "found_at": from_ms(END),
    }
    with stored.begin() as connection:
        connection.execute(insert(data_findings).values(**finding))
    with pytest.raises(DataError, match="3 x gaps in 4h bars of BTC/USDT:USDT on 2025-06-09"):
        optimize_one(stored, replace(JOB, strategy="trend_on_higher_timeframe"))
