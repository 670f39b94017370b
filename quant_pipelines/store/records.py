"""Records in PostgreSQL: what a procedure found in each fold, and its out-of-sample days.

A day is written once. What is computed again, by a later night or after a crash, never takes its place.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.timeframes import DAY_MS, from_ms, to_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.record_days import day_ms
from quant_pipelines.store.tables import (
    folds,
    optimizer_tasks,
    record_days,
    records,
    strategy_trials,
    strategy_versions,
    trials,
)


def open_record(connection: Connection, key: str) -> int:
    """Id of the record with this key; it is begun where there is none."""
    row = {"record_key": key, "begun_at": utc_now()}
    connection.execute(upsert(records).values(row).on_conflict_do_nothing())
    return int(connection.execute(select(records.c.id).where(records.c.record_key == key)).scalar_one())


def fitted_folds(connection: Connection, record_id: int) -> frozenset[int]:
    """Folds of a record whose parameters are known, by their number on the calendar."""
    known = select(folds.c.fold).where(folds.c.record_id == record_id)
    return frozenset(connection.execute(known).scalars())


def first_seen_ms(connection: Connection, strategy: str, content_hash: str) -> int | None:
    """When a text first came here, to be tried or judged, milliseconds UTC; None if it never did."""
    seen = [
        select(func.min(moment)).where(table.c.content_hash == content_hash, name == strategy)
        for table, name, moment in (
            (strategy_versions, strategy_versions.c.strategy, strategy_versions.c.created_at),
            (strategy_trials, strategy_trials.c.name, strategy_trials.c.tried_at),
        )
    ]
    found = [at for query in seen if (at := connection.execute(query).scalar_one()) is not None]
    return to_ms(min(found)) if found else None


def save_fold(engine: Engine, record_id: int, result: FoldResult) -> None:
    """Store a fold's fit, its trials and its days in one transaction; what is stored stays as it is."""
    fold, fit = result.fold, result.fit
    row = {
        "record_id": record_id,
        "fold": fold.index,
        "train_start": from_ms(fold.train_start_ms),
        "train_end": from_ms(fold.train_end_ms),
        "test_start": from_ms(fold.test_start_ms),
        "parameters": fit.parameters or {},
        "train_metrics": _summary(fit.returns),
        "train_returns": fit.returns.tolist(),
    }
    tried = [
        {"record_id": record_id, "fold": fold.index, "trial": number, "parameters": trial.parameters}
        | {name: _finite(getattr(trial, name)) for name in ("objective", "drawdown")}
        for number, trial in enumerate(fit.trials)
    ]
    days = _day_rows(record_id, result)
    with transaction(engine) as connection:
        for table, rows in ((folds, [row]), (trials, tried), (record_days, days)):
            if rows:
                connection.execute(upsert(table).on_conflict_do_nothing(), rows)


def read_folds(connection: Connection, task_id: int) -> dict[int, FoldResult]:
    """Folds of a task's record by index, with the days before the end of the task's window."""
    task = connection.execute(select(optimizer_tasks).where(optimizer_tasks.c.id == task_id)).one_or_none()
    if task is None:
        return {}
    tried: dict[int, list[Trial]] = {}
    own = select(trials).where(trials.c.record_id == task.record_id)
    for row in connection.execute(own.order_by(trials.c.fold, trials.c.trial)):
        values = (math.nan if one is None else one for one in (row.objective, row.drawdown))
        tried.setdefault(row.fold, []).append(Trial(row.parameters, *values))
    days: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(
        select(record_days)
        .where(record_days.c.record_id == task.record_id, record_days.c.day < task.window_end.date())
        .order_by(record_days.c.day)
    ):
        days.setdefault(row.fold, []).append(row)
    begun = select(folds).where(folds.c.record_id == task.record_id, folds.c.test_start <= task.window_end)
    return {
        row.fold: _fold_result(row, tuple(tried.get(row.fold, ())), days.get(row.fold, ()))
        for row in connection.execute(begun)
    }


def _day_rows(record_id: int, result: FoldResult) -> list[dict[str, Any]]:
    test = result.test
    return [
        {
            "record_id": record_id,
            "day": from_ms(int(day)).date(),
            "fold": result.fold.index,
            "daily_return": float(value),
            "is_warm": test.is_warm,
            "cover": cover.tolist(),
            "trades": list(test.trades_on(int(day))),
            "carried": test.carried if day == test.days[-1] else None,
            "computed_at": utc_now(),
            "exposure": _known(exposure),
            "holding_return": _known(holding),
            "return_until_0800": _known(until_0800),
            "is_listed": bool(is_listed),
        }
        for day, value, cover, exposure, holding, until_0800, is_listed in zip(
            *(test.days, test.returns, result.cover, test.exposure, test.holding),
            *(test.until_0800, test.is_listed),
            strict=True,
        )
    ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _summary(returns: FloatArray) -> dict[str, Any]:
    total = float(np.prod(1.0 + returns) - 1.0)
    mean = float(returns.mean()) if returns.size else None
    return {"days": int(returns.size), "total_return": total, "mean_daily_return": mean}


def _fold_result(row: Row[Any], tried: tuple[Trial, ...], days: Sequence[Row[Any]]) -> FoldResult:
    test = OutOfSample(
        np.array([day_ms(one.day) for one in days], dtype=np.int64),
        np.array([one.daily_return for one in days], dtype=np.float64),
        tuple(trade for one in days for trade in one.trades),
        is_warm=all(one.is_warm for one in days),
        carried=days[-1].carried if days else None,
        exposure=np.array([one.exposure for one in days], dtype=np.float64),
        holding=np.array([one.holding_return for one in days], dtype=np.float64),
        until_0800=np.array([one.return_until_0800 for one in days], dtype=np.float64),
        is_listed=np.array([one.is_listed for one in days], dtype=np.bool_),
    )
    start_ms = to_ms(row.test_start)
    end_ms = int(test.days[-1]) + DAY_MS if days else start_ms
    fold = Fold(row.fold, to_ms(row.train_start), to_ms(row.train_end), start_ms, end_ms)
    fit = Fit(tried, row.parameters or None, np.array(row.train_returns, dtype=np.float64))
    points = len(days[0].cover) if days else 0
    cover = np.array([one.cover for one in days], dtype=np.float64).reshape(len(days), points)
    return FoldResult(fold, fit, test, cover)
