"""Verdicts in PostgreSQL, and the days of a record that they rest on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictDecision, VerdictRecord
from quant_pipelines.store.capital_evidence import newest_evidence, newest_evidences
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.record_days import day_ms, days_of_verdicts, newest_verdict_first
from quant_pipelines.store.research import DONE, StoredTask, finite
from quant_pipelines.store.tables import (
    deployments,
    optimizer_tasks,
    record_days,
    records,
    strategy_versions,
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
    """Store a verdict and mark its task done, in one transaction.

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
        Id of the verdict.
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
        verdict_id = connection.execute(insert(verdicts).values(row).returning(verdicts.c.id)).scalar_one()
        is_it = optimizer_tasks.c.id == task.id
        connection.execute(update(optimizer_tasks).where(is_it).values(status=DONE, finished_at=utc_now()))
    return int(verdict_id)


def read_verdicts(connection: Connection, *, decision: VerdictDecision | None = None) -> list[VerdictRecord]:
    """Verdicts, oldest first; only ``candidate``, ``admitted`` or ``rejected`` ones if that is given."""
    query = _verdicts().order_by(verdicts.c.id)
    if decision is not None:
        query = query.where(verdicts.c.decision == decision)
    rows = connection.execute(query).all()
    said = newest_evidences(connection, {row.record_id for row in rows}) if rows else {}
    return [_verdict(row, said.get(row.record_id, NOT_LOOKED_AT)) for row in rows]


def read_verdict(connection: Connection, verdict_id: int) -> VerdictRecord | None:
    """Verdict with this id; None when there is none."""
    return _one(connection, verdicts.c.id == verdict_id)


def verdict_of_task(connection: Connection, task_id: int) -> VerdictRecord:
    """Verdict of a walk-forward.

    Raises
    ------
    StoreError
        If it has none.
    """
    record = _one(connection, verdicts.c.task_id == task_id)
    if record is None:
        raise StoreError(f"task {task_id} has no verdict; expected one")
    return record


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


def incumbent_returns(connection: Connection, record: VerdictRecord) -> dict[int, float]:
    """Read what the record behind the deployment that trades this unit now earned out of sample.

    Returns
    -------
    dict
        Daily returns by the start of their UTC day, milliseconds; none without such a deployment, or where
        its record is this verdict's own.
    """
    tasks = optimizer_tasks.c
    own = select(tasks.record_id).where(tasks.id == record.task_id).scalar_subquery()
    query = (
        select(record_days.c.day, record_days.c.daily_return)
        .join(optimizer_tasks, tasks.record_id == record_days.c.record_id)
        .join(verdicts, verdicts.c.task_id == tasks.id)
        .join(deployments, deployments.c.verdict_id == verdicts.c.id)
        .where(*(deployments.c[name] == getattr(record, name) for name in _UNIT))
        .where(deployments.c.stage.in_(LADDER), tasks.record_id != own)
    )
    return {day_ms(row.day): row.daily_return for row in connection.execute(query)}


def _verdicts() -> Select[Any]:
    days = days_of_verdicts().subquery()
    by_day = func.array_agg(aggregate_order_by(days.c.daily_return, days.c.day))
    stitched = select(by_day).where(days.c.task_id == verdicts.c.task_id).scalar_subquery()
    return (
        select(verdicts, strategy_versions.c.content_hash, stitched.label("daily_returns"))
        .add_columns(*(optimizer_tasks.c[name] for name in ("record_id", "window_start", "window_end")))
        .join(strategy_versions, strategy_versions.c.id == verdicts.c.strategy_version_id)
        .join(optimizer_tasks, optimizer_tasks.c.id == verdicts.c.task_id)
    )


def _one(connection: Connection, is_it: ColumnElement[bool]) -> VerdictRecord | None:
    row = connection.execute(_verdicts().where(is_it)).one_or_none()
    return None if row is None else _verdict(row, newest_evidence(connection, row.record_id))


def _verdict(row: Row[Any], evidence: CapitalEvidence) -> VerdictRecord:
    """Verdict of a row, with what the newest look says of its record."""
    same = ("id", "task_id", *_UNIT, "content_hash", "decision")
    stored = VerdictRecord(
        **{name: getattr(row, name) for name in (*same, "parameters", "in_sample", "out_of_sample")},
        window_start_ms=to_ms(row.window_start),
        window_end_ms=to_ms(row.window_end),
        gates=tuple(Gate(**gate) for gate in row.gates),
        reasons=tuple(row.reasons),
        daily_returns=tuple(row.daily_returns or ()),
    )
    return stored.at_look(evidence)
