"""A made-up market in the database, and the walk-forward that runs on it."""

from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, select, text

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.store.bars import upsert_bars

END = day_start_ms("2025-06-10")
DAYS = 7
WINDOWS = WindowSettings(train_days=3, test_days=1, folds=3, purge_hours=4)
JOB = OptimizationJob(
    "ema_cross",
    "BTC/USDT:USDT",
    "15m",
    END,
    WINDOWS,
    trials=16,
    overfit_points=8,
    overfit_blocks=2,
)


def market(seed: int = 5, start: int = END - DAYS * DAY_MS) -> BarRows:
    """1m bars with slow waves to follow and noise on top."""
    n = DAYS * 1440
    noise = np.random.default_rng(seed).normal(0, 4e-4, n)
    steps = 1e-4 * np.sin(np.arange(n) * 2 * np.pi / 2000) + noise
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    spread = 1 + 2e-4
    return BarRows(
        ts=start + MINUTE_MS * np.arange(n, dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) * spread,
        low=np.minimum(opened, close) / spread,
        close=close,
        volume=np.ones(n),
        quote_volume=close,
        trades=np.ones(n, dtype=np.int64),
    )


def rolled_up(rows: BarRows, minutes: int) -> BarRows:
    def grouped(column: np.ndarray) -> np.ndarray:
        return column.reshape(-1, minutes)

    return BarRows(
        ts=rows.ts[::minutes],
        open=rows.open[::minutes],
        high=grouped(rows.high).max(axis=1),
        low=grouped(rows.low).min(axis=1),
        close=rows.close[minutes - 1 :: minutes],
        volume=grouped(rows.volume).sum(axis=1),
        quote_volume=grouped(rows.quote_volume).sum(axis=1),
        trades=grouped(rows.trades).sum(axis=1),
    )


def store_market(engine: Engine) -> Engine:
    for number, symbol in enumerate(("BTC/USDT:USDT", "ETH/USDT:USDT")):
        rows = market(5 + number)
        upsert_bars(engine, Series(JOB.exchange, symbol, "1m"), rows)
        upsert_bars(engine, Series(JOB.exchange, symbol, "15m"), rolled_up(rows, 15))
    return engine


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def numbers(record: VerdictRecord) -> VerdictRecord:
    return replace(record, id=None, task_id=None)


def days_of(engine: Engine) -> dict[tuple[int, Any], Any]:
    with engine.connect() as connection:
        rows = connection.execute(text("select record_days.*, xmin as writer from research.record_days"))
        return {(row.record_id, row.day): row for row in rows}
