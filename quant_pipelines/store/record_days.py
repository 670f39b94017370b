"""Which verdict on a record is the newest, and which of its days one rests on."""

from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, func, select

from quant_pipelines.store.tables import optimizer_tasks, record_days, verdicts


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
