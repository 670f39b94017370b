"""Walk-forwards in PostgreSQL: versions, tasks, folds and trials; a task that was interrupted goes on."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.walk_forward import Fit, FoldResult
from quant_pipelines.store.engine import session, transaction
from quant_pipelines.store.tables import (
    folds,
    optimizer_tasks,
    strategies,
    strategy_versions,
    trials,
)

DONE, RUNNING, FAILED = "done", "running", "failed"


@dataclass(frozen=True, slots=True)
class StoredTask:
    """One row of ``research.optimizer_tasks``.

    Parameters
    ----------
    id
        Key of the row.
    version_id
        Strategy version that is judged.
    status
        pending, running, done or failed.
    settings
        The job as a JSON document.
    """

    id: int
    version_id: int
    status: str
    settings: dict[str, Any]


@contextmanager
def sole_worker(engine: Engine, key: str) -> Iterator[None]:
    """Keep a second process from the same task; the lock dies with its connection.

    Raises
    ------
    OptimizationError
        If another process is at the task.
    """
    lock = {"key": int(key[:15], 16)}
    with session(engine) as connection:
        if not connection.execute(text("select pg_try_advisory_lock(:key)"), lock).scalar_one():
            raise OptimizationError(f"optimization {key} is being worked on by another process; try later")
        try:
            yield
        finally:
            connection.execute(text("select pg_advisory_unlock(:key)"), lock)


def save_version(connection: Connection, values: Mapping[str, Any]) -> int:
    """Store a strategy's contents once.

    Parameters
    ----------
    connection
        Open transaction.
    values
        ``strategy``, ``description``, ``content_hash``, ``kernel_digest``, ``source`` and ``parameters``
        (the declared search space).

    Returns
    -------
    int
        Id of the version, the same for the same contents.
    """
    now = utc_now()
    family = upsert(strategies).values(
        name=values["strategy"], description=values["description"], created_at=now
    )
    changed = {"description": family.excluded.description}
    connection.execute(family.on_conflict_do_update(index_elements=["name"], set_=changed))
    key = ("strategy", "content_hash", "kernel_digest")
    row = {name: values[name] for name in (*key, "source", "parameters")}
    connection.execute(upsert(strategy_versions).values(**row, created_at=now).on_conflict_do_nothing())
    same = (strategy_versions.c[name] == values[name] for name in key)
    return int(connection.execute(select(strategy_versions.c.id).where(*same)).scalar_one())


def open_task(engine: Engine, version: Mapping[str, Any], task: Mapping[str, Any]) -> StoredTask:
    """Store a task under its key and mark it running; a finished one is returned as it is.

    Parameters
    ----------
    engine
        Product database.
    version
        See ``save_version``.
    task
        Columns of the row but ``strategy_version_id``, ``status`` and the times of its life.
    """
    with transaction(engine) as connection:
        version_id = save_version(connection, version)
        row = {**task, "strategy_version_id": version_id, "status": RUNNING, "created_at": utc_now()}
        connection.execute(upsert(optimizer_tasks).values(row).on_conflict_do_nothing())
        is_it = optimizer_tasks.c.task_key == task["task_key"]
        again = update(optimizer_tasks).where(is_it, optimizer_tasks.c.status != DONE)
        connection.execute(again.values(status=RUNNING, error=None, finished_at=None))
        return _task(connection.execute(select(optimizer_tasks).where(is_it)).one())


def read_task(engine: Engine, task_id: int) -> StoredTask | None:
    """Task by its id; None when there is none."""
    with transaction(engine) as connection:
        row = connection.execute(select(optimizer_tasks).where(optimizer_tasks.c.id == task_id)).one_or_none()
    return None if row is None else _task(row)


def fail_task(engine: Engine, task_id: int, error: str) -> None:
    """Mark a task as failed, with the sentence that says why; it may be run again."""
    values = {"status": FAILED, "error": error, "finished_at": utc_now()}
    with transaction(engine) as connection:
        connection.execute(update(optimizer_tasks).where(optimizer_tasks.c.id == task_id).values(**values))


def save_fold(engine: Engine, task_id: int, result: FoldResult) -> None:
    """Store a finished fold and its trials in one transaction; storing it again changes nothing."""
    fold, fit, test = result.fold, result.fit, result.test
    row = {
        "task_id": task_id,
        "fold": fold.index,
        "train_start": from_ms(fold.train_start_ms),
        "train_end": from_ms(fold.train_end_ms),
        "test_start": from_ms(fold.test_start_ms),
        "test_end": from_ms(fold.test_end_ms),
        "parameters": fit.parameters or {},
        "train_metrics": _summary(fit.returns),
        "test_metrics": {**_summary(test.returns), "trades": len(test.trades)},
        "result": {
            "train_returns": fit.returns.tolist(),
            "days": test.days.tolist(),
            "returns": test.returns.tolist(),
            "trades": list(test.trades),
        },
    }
    tried = [
        {"task_id": task_id, "fold": fold.index, "trial": number, "parameters": trial.parameters}
        | {"objective": finite(trial.objective)}
        for number, trial in enumerate(fit.trials)
    ]
    with transaction(engine) as connection:
        connection.execute(upsert(folds).values(row).on_conflict_do_nothing())
        if tried:
            connection.execute(upsert(trials).on_conflict_do_nothing(), tried)


def read_folds(connection: Connection, task_id: int) -> dict[int, FoldResult]:
    """Finished folds of a task by index."""
    tried: dict[int, list[Trial]] = {}
    in_order = select(trials).where(trials.c.task_id == task_id).order_by(trials.c.fold, trials.c.trial)
    for row in connection.execute(in_order):
        objective = math.nan if row.objective is None else row.objective
        tried.setdefault(row.fold, []).append(Trial(row.parameters, objective))
    stored = connection.execute(select(folds).where(folds.c.task_id == task_id)).all()
    return {row.fold: _fold_result(row, tuple(tried.get(row.fold, ()))) for row in stored}


def finite(value: Any) -> Any:
    """Make a value that JSON can hold: NaN and infinities become null, numpy scalars plain numbers."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _task(row: Row[Any]) -> StoredTask:
    return StoredTask(row.id, row.strategy_version_id, row.status, row.settings)


def _summary(returns: np.ndarray) -> dict[str, Any]:
    total = float(np.prod(1.0 + returns) - 1.0)
    mean = float(returns.mean()) if returns.size else None
    return {"days": int(returns.size), "total_return": total, "mean_daily_return": mean}


def _fold_result(row: Row[Any], tried: tuple[Trial, ...]) -> FoldResult:
    fold = Fold(
        row.fold, to_ms(row.train_start), to_ms(row.train_end), to_ms(row.test_start), to_ms(row.test_end)
    )
    fit = Fit(tried, row.parameters or None, np.array(row.result["train_returns"], dtype=np.float64))
    days = np.array(row.result["days"], dtype=np.int64)
    returns = np.array(row.result["returns"], dtype=np.float64)
    return FoldResult(fold, fit, OutOfSample(days, returns, tuple(row.result["trades"])))
