"""Which verdict on a record is the newest, and which of its days one rests on."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Select, cast, func, select

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.store.tables import deployments, optimizer_tasks, record_days, verdicts

_EPOCH = date(1970, 1, 1)


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
    query = select(days.c.day, days.c.daily_return).where(days.c.task_id == task_id)
    return {day_ms(row.day): row.daily_return for row in connection.execute(query)}


def days_of_deployments(connection: Connection, ids: Iterable[int]) -> dict[int, dict[int, float]]:
    """Out-of-sample returns that deployments were admitted on, by their id, then as ``days_of_task``."""
    days = days_of_verdicts().subquery()
    query = (
        select(deployments.c.id, days.c.day, days.c.daily_return)
        .join(verdicts, verdicts.c.id == deployments.c.verdict_id)
        .join(days, days.c.task_id == verdicts.c.task_id)
        .where(deployments.c.id.in_(list(ids)))
    )
    found: dict[int, dict[int, float]] = {}
    for row in connection.execute(query):
        found.setdefault(row.id, {})[day_ms(row.day)] = row.daily_return
    return found


def day_ms(day: date) -> int:
    """Start of a stored UTC day, milliseconds."""
    return (day - _EPOCH).days * DAY_MS
