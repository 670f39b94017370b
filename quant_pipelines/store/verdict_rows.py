"""Verdicts as they are stored, with what the newest look says of them; nothing that searches is loaded."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.core.verdict_decisions import VerdictDecision
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store.capital_evidence import newest_evidence, newest_evidences
from quant_pipelines.store.record_days import day_ms, days_of_verdicts
from quant_pipelines.store.tables import (
    deployments,
    optimizer_tasks,
    record_days,
    strategy_versions,
    verdicts,
)

_UNIT = ("strategy", "exchange", "symbol", "timeframe")


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
