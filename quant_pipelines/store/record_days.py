"""Which days of a record a verdict rests on."""

from typing import Any

from sqlalchemy import Date, Select, cast, select

from quant_pipelines.store.tables import optimizer_tasks, record_days


def days_of_verdicts() -> Select[Any]:
    """Query of the days that verdicts rest on: those of the record before the end of the task's window."""
    tasks = optimizer_tasks.c
    return (
        select(record_days.c.day, record_days.c.daily_return, tasks.id.label("task_id"))
        .join(optimizer_tasks, tasks.record_id == record_days.c.record_id)
        .where(record_days.c.day < cast(tasks.window_end, Date))
    )
