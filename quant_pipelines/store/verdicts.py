"""What becomes of verdicts in PostgreSQL; ``verdict_rows`` reads them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.clock import utc_now
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.record_days import newest_verdict_first
from quant_pipelines.store.research import DONE, StoredTask, finite
from quant_pipelines.store.tables import (
    optimizer_tasks,
    records,
    verdicts,
)

_UNIT = ("strategy", "exchange", "symbol", "timeframe")


def count_previous_trials(engine: Engine, task: Mapping[str, Any]) -> int:
    """Count the trials of other records of this strategy and symbol on overlapping data.

    Each counts once, by what it had tried when it last was judged before: on a window that ends earlier, in
    any timeframe and version, or on the same window under other settings. What runs beside it in another
    timeframe counts from the next window on, so that the order in which a day's jobs finish changes nothing.

    Parameters
    ----------
    engine
        Product database.
    task
        ``strategy``, ``exchange``, ``symbol``, ``timeframe``, ``window_start``, ``window_end`` and the
        ``record_key`` that is not counted.
    """
    tasks = optimizer_tasks.c
    is_same_window = (tasks.window_end == task["window_end"]) & (tasks.timeframe == task["timeframe"])
    others = (
        select(func.max(verdicts.c.in_sample["own_trials"].as_integer()).label("tried"))
        .join(optimizer_tasks, tasks.id == verdicts.c.task_id)
        .join(records, records.c.id == tasks.record_id)
        .where(*(tasks[name] == task[name] for name in ("strategy", "exchange", "symbol")))
        .where(records.c.record_key != task["record_key"], tasks.window_end > task["window_start"])
        .where((tasks.window_end < task["window_end"]) | is_same_window)
        .group_by(records.c.id)
        .subquery()
    )
    query = select(func.coalesce(func.sum(others.c.tried), 0))
    with transaction(engine) as connection:
        return int(connection.execute(query).scalar_one())


def save_verdict(engine: Engine, task: StoredTask, record: VerdictRecord) -> int:
    """Store a verdict and mark its task done, in one transaction; one that is stored already stays.

    That another process has finished the task is no fault of this one: a lock is lost with its connection.

    Parameters
    ----------
    engine
        Product database.
    task
        The task that is finished.
    record
        Its verdict.

    Returns
    -------
    int
        Id of the verdict that the task has.
    """
    with transaction(engine) as connection:
        row = {name: getattr(record, name) for name in (*_UNIT, "parameters", "decision")}
        row |= {
            "task_id": task.id,
            "strategy_version_id": task.version_id,
            "in_sample": finite(record.in_sample),
            "out_of_sample": finite(record.out_of_sample),
            "gates": [finite(gate.to_document()) for gate in record.gates],
            "paper_passed": record.paper_passed,
            "capital_passed": record.capital_passed,
            "reasons": list(record.reasons),
            "created_at": utc_now(),
        }
        stored = connection.execute(
            upsert(verdicts).values(row).on_conflict_do_nothing().returning(verdicts.c.id)
        ).scalar_one_or_none()
        if stored is None:
            own = select(verdicts.c.id).where(verdicts.c.task_id == task.id)
            return int(connection.execute(own).scalar_one())
        is_it = optimizer_tasks.c.id == task.id
        connection.execute(update(optimizer_tasks).where(is_it).values(status=DONE, finished_at=utc_now()))
    return int(stored)


def newest_verdict_id(connection: Connection, record: VerdictRecord) -> int:
    """Id of the newest verdict on the strategy, exchange, symbol and timeframe of a stored one.

    One that a person went back to is as new as that decision.
    """
    same = (verdicts.c[name] == getattr(record, name) for name in _UNIT)
    newest = select(verdicts.c.id).where(*same).order_by(*newest_verdict_first()).limit(1)
    return int(connection.execute(newest).scalar_one())


def reinstate_verdict(connection: Connection, record: VerdictRecord, reason: str, at: datetime) -> list[int]:
    """Make an earlier verdict a candidate again; those of its unit that wait are rejected.

    Returns
    -------
    list of int
        Ids of those that waited.
    """
    same = (verdicts.c[name] == getattr(record, name) for name in _UNIT)
    waits = (verdicts.c.decision == "candidate") & (verdicts.c.id != record.id)
    turned_down = {"decision": "rejected", "reasons": [reason], "decided_at": at}
    ended = update(verdicts).where(*same, waits).values(**turned_down).returning(verdicts.c.id)
    ids = [int(row.id) for row in connection.execute(ended)]
    again: dict[str, Any] = {"decision": "candidate", "reasons": [reason], "decided_at": None}
    again |= {"reinstated_at": utc_now()}  # compared with the times at which verdicts were stored
    connection.execute(update(verdicts).where(verdicts.c.id == record.id).values(**again))
    return sorted(ids)
