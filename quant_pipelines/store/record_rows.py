"""What a record found, as rows for people: folds and sets that were tried; loads nothing that searches."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from quant_pipelines.store.tables import folds, optimizer_tasks, record_days, trials


class TriedRow(NamedTuple):
    """A parameter set of a fold, numbered as it was tried; NaN where it could not be judged."""

    number: int
    parameters: Mapping[str, Any]
    objective: float
    drawdown: float


class FoldRow(NamedTuple):
    """A fold with its best set, and what that earned in and out of sample, fractions.

    Parameters
    ----------
    number
        On the calendar of folds.
    train_start, train_end, test_start
        Its windows, UTC.
    parameters
        Best in-sample; none where nothing could be fitted.
    train_returns
        Daily returns of that set in-sample.
    out_of_sample
        Compounded; None before its first day.
    days
        Days out of sample.
    tried
        Parameter sets.
    """

    number: int
    train_start: datetime
    train_end: datetime
    test_start: datetime
    parameters: Mapping[str, Any]
    train_returns: tuple[float, ...]
    out_of_sample: float | None
    days: int
    tried: int


def folds_of_task(connection: Connection, task_id: int) -> list[FoldRow]:
    """Read the folds that a task's window has begun, oldest first; none where there is no such task."""
    task = optimizer_tasks.c
    earned = func.exp(func.sum(func.ln(func.greatest(1 + record_days.c.daily_return, 1e-12)))) - 1
    is_tested = (record_days.c.record_id == folds.c.record_id) & (record_days.c.fold == folds.c.fold)
    within = record_days.c.day < func.date(func.timezone("UTC", task.window_end))
    tested = select(earned.label("earned"), func.count().label("n")).where(is_tested, within).lateral()
    is_tried = (trials.c.record_id == folds.c.record_id) & (trials.c.fold == folds.c.fold)
    tried = select(func.count().label("n")).where(is_tried).lateral()
    query = (
        select(folds, tested.c.earned, tested.c.n.label("days"), tried.c.n.label("tried"))
        .join(optimizer_tasks, task.record_id == folds.c.record_id)
        .join(tested, folds.c.fold.is_not(None))
        .join(tried, folds.c.fold.is_not(None))
        .where(task.id == task_id, folds.c.test_start <= task.window_end)
        .order_by(folds.c.fold)
    )
    return [
        FoldRow(
            number=row.fold,
            train_start=row.train_start,
            train_end=row.train_end,
            test_start=row.test_start,
            parameters=row.parameters,
            train_returns=tuple(row.train_returns),
            out_of_sample=row.earned,
            days=row.days,
            tried=row.tried,
        )
        for row in connection.execute(query)
    ]


def tried_in_fold(connection: Connection, task_id: int, fold: int) -> list[TriedRow]:
    """Read the sets that a fold of a task's record tried, in their order."""
    query = (
        select(trials)
        .join(optimizer_tasks, optimizer_tasks.c.record_id == trials.c.record_id)
        .where(optimizer_tasks.c.id == task_id, trials.c.fold == fold)
        .order_by(trials.c.trial)
    )
    return [
        TriedRow(row.trial, row.parameters, _known(row.objective), _known(row.drawdown))
        for row in connection.execute(query)
    ]


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
