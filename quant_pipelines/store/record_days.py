"""Which verdict on a record is the newest, and which of its days one rests on."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Date, FromClause, Row, Select, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.store.tables import deployments, optimizer_tasks, record_days, verdicts

_EPOCH = date(1970, 1, 1)


class DatedReturns(NamedTuple):
    """Daily returns, fractions, with the start of their UTC days, milliseconds, rising; shapes (n_days,)."""

    days: IntArray
    returns: FloatArray


NO_RETURNS = DatedReturns(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


def days_of_verdicts() -> Select[Any]:
    """Query of the days that verdicts rest on: those of the record before the end of the task's window."""
    tasks = optimizer_tasks.c
    return (
        select(record_days.c.day, record_days.c.daily_return, tasks.id.label("task_id"))
        .join(optimizer_tasks, tasks.record_id == record_days.c.record_id)
        .where(record_days.c.day < cast(tasks.window_end, Date))
    )


def newest_verdict_first() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Order of the verdicts of a unit: one that a person went back to is as new as that decision."""
    age = func.coalesce(verdicts.c.reinstated_at, verdicts.c.created_at)
    return age.desc(), verdicts.c.id.desc()


def days_of_task(connection: Connection, task_id: int | None) -> dict[int, float]:
    """Out-of-sample returns that a task's verdict rests on, by the start of their UTC day, milliseconds."""
    days = days_of_verdicts().subquery()
    return _by_day(connection.execute(select(*_arrays_of(days)).where(days.c.task_id == task_id)).one())


def days_of_deployments(connection: Connection, ids: Iterable[int]) -> dict[int, dict[int, float]]:
    """Out-of-sample returns that deployments were admitted on, by their id, then as ``days_of_task``."""
    return {row.id: _by_day(row) for row in _of_deployments(connection, ids)}


def returns_of_deployments(connection: Connection, ids: Iterable[int]) -> dict[int, DatedReturns]:
    """Read the same as arrays."""
    return {
        row.id: DatedReturns(
            np.array(row.numbers, dtype=np.int64) * DAY_MS, np.array(row.returns, dtype=np.float64)
        )
        for row in _of_deployments(connection, ids)
    }


def _of_deployments(connection: Connection, ids: Iterable[int]) -> Iterable[Row[Any]]:
    days = days_of_verdicts().subquery()
    query = (
        select(deployments.c.id, *_arrays_of(days))
        .join(verdicts, verdicts.c.id == deployments.c.verdict_id)
        .join(days, days.c.task_id == verdicts.c.task_id)
        .where(deployments.c.id.in_(list(ids)))
        .group_by(deployments.c.id)
    )
    return connection.execute(query)


def _arrays_of(days: FromClause) -> tuple[ColumnElement[Any], ...]:
    """Columns that take all days as one row: a row for each takes many times as long to read."""
    number = days.c.day - literal(_EPOCH)
    return (
        func.array_agg(aggregate_order_by(number, days.c.day)).label("numbers"),
        func.array_agg(aggregate_order_by(days.c.daily_return, days.c.day)).label("returns"),
    )


def _by_day(row: Row[Any]) -> dict[int, float]:
    days = (number * DAY_MS for number in row.numbers or ())
    return dict(zip(days, row.returns or (), strict=True))


def day_ms(day: date) -> int:
    """Start of a stored UTC day, milliseconds."""
    return (day - _EPOCH).days * DAY_MS
