"""What the lab has to show: two folds of a search with their sets, a backtest, bars and funding."""

import math
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import insert, select, update

from quant_pipelines.core.bar_rows import BarRows
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, timeframe_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.market import save_funding
from quant_pipelines.store.records import save_fold
from quant_pipelines.store.research_lists import save_backtest
from quant_pipelines.store.tables import optimizer_tasks, positions, verdicts
from tests.integration.operations.conftest import BTC, ETH, EXCHANGE, NOW, World

FOLD_DAYS = 20


def search(world: World) -> int:
    """Let the first verdict rest on two folds of 40 sets each; its id."""
    with world.engine.connect() as connection:
        tasks = optimizer_tasks.c
        query = select(verdicts.c.id, tasks.record_id).join(optimizer_tasks, tasks.id == verdicts.c.task_id)
        found = connection.execute(query.order_by(verdicts.c.id)).first()
    assert found is not None
    for number in range(2):
        save_fold(world.engine, found.record_id, fold_of(world, number))
    known = {"psr": 0.8, "days": 2 * FOLD_DAYS, "minimum_track_record_days": 100.0, "trades": 40}
    with world.engine.begin() as connection:
        is_it = verdicts.c.id == found.id
        connection.execute(update(verdicts).where(is_it).values(out_of_sample=known, in_sample={"pbo": 0.4}))
    return int(found.id)


def fold_of(world: World, number: int) -> FoldResult:
    first = world.now_ms // DAY_MS * DAY_MS - (2 - number) * FOLD_DAYS * DAY_MS
    days = first + DAY_MS * np.arange(FOLD_DAYS)
    wave = 0.01 * np.sin(np.arange(FOLD_DAYS) + number)
    fold = Fold(number, first - 60 * DAY_MS, first, first, first + FOLD_DAYS * DAY_MS)
    tried = tuple(
        Trial({"fast": 5 + at % 8, "slow": 20 + 5 * (at % 5)}, math.cos(at), 0.05 + 0.01 * (at % 7))
        for at in range(40)
    )
    test = OutOfSample(days, wave, ())
    return FoldResult(fold, Fit(tried, tried[number].parameters, wave), test, np.zeros((FOLD_DAYS, 0)))


def backtested(world: World) -> int:
    row: dict[str, Any] = {"backtest_key": "k", "strategy": "ema_cross", "content_hash": "abc"}
    row |= {"kernel_digest": "d", "exchange": EXCHANGE, "symbol": BTC, "timeframe": "1h"}
    row |= {"parameters": {"fast": 3}, "settings": {"stops": "on"}, "metrics": {"sharpe": 1.25}}
    row |= {"first_day": date(2025, 1, 1), "last_day": date(2025, 1, 3), "capital": 1_000.0}
    row |= {"final_equity": 1_100.0, "trades": 4, "daily_returns": [0.1, -0.1, 0.11], "run_at": world.now}
    with world.engine.begin() as connection:
        return save_backtest(connection, row)


def traded_market(world: World) -> None:
    """Hours and days of both symbols, funding, and a hedge of the position that is held."""
    for symbol, level in ((BTC, 100.0), (ETH, 50.0)):
        for timeframe, count in (("1h", 60), ("1d", 32)):
            upsert_bars(world.engine, Series(EXCHANGE, symbol, timeframe), bars_of(timeframe, count, level))
        slots = [(NOW - hours * 3_600_000, 0.0001, level) for hours in (2, 10, 18)]
        save_funding(world.engine, EXCHANGE, symbol, slots)


def short(world: World, deployment_id: int) -> None:
    row = {"deployment_id": deployment_id, "symbol": ETH, "quantity": -1, "entry_price": 50, "stop_price": 55}
    with world.engine.begin() as connection:
        connection.execute(insert(positions), [row | {"realized_pnl": 0, "updated_at": world.now}])


def bars_of(timeframe: str, count: int, level: float) -> BarRows:
    step = timeframe_ms(timeframe)
    ts = NOW // step * step - step * np.arange(count, 0, -1)
    close = level * (1.0 + 0.02 * np.sin(np.arange(count)))
    return BarRows(
        *(ts, close, close * 1.01, close * 0.99, close),
        *(np.ones(count), close, np.ones(count, dtype=np.int64)),
    )
