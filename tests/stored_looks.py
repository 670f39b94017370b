"""Looks of the capital decision as a test wants them to have been."""

from datetime import date, timedelta

from sqlalchemy import Connection, func, insert, select

from quant_pipelines.core.clock import utc_now
from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.store.tables import (
    capital_looks,
    capital_results,
    deployments,
    optimizer_tasks,
    verdicts,
)

PASSED = CapitalEvidence("passed", "symbol", 0, 0, 0, statistic=4.2)
FIRST_DAY = date(2025, 1, 1)
FIRST_LOOK = date(2025, 6, 3)
_UNIT = ("strategy", "timeframe", "symbol")


def look_at_deployment(
    connection: Connection,
    deployment_id: int,
    evidence: CapitalEvidence = PASSED,
    *,
    first_look: date = FIRST_LOOK,
) -> None:
    """Store a look, later than all others, that says this of the record behind a deployment."""
    judged = select(verdicts.c.task_id).join(deployments, deployments.c.verdict_id == verdicts.c.id)
    task_id = connection.execute(judged.where(deployments.c.id == deployment_id)).scalar_one()
    look_at_task(connection, task_id, evidence, first_look=first_look)


def look_at_task(
    connection: Connection,
    task_id: int,
    evidence: CapitalEvidence = PASSED,
    *,
    first_look: date = FIRST_LOOK,
) -> None:
    """Store a look, later than all others, that says this of a task's record."""
    task = connection.execute(select(optimizer_tasks).where(optimizer_tasks.c.id == task_id)).one()
    newest = connection.execute(select(func.max(capital_looks.c.look_day))).scalar_one()
    day = newest + timedelta(days=1) if newest else first_look
    look = {
        "exchange": task.exchange,
        "year": day.year,
        "look_day": day,
        "first_day": min(FIRST_DAY, day),
        "n_days": (day - min(FIRST_DAY, day)).days + 1,
        "terms": {},
        "family_size": 24,
        "pools": 1,
        "block": 1,
        "symbol_block": 1,
        "alpha_spent": 0.01,
        "critical": 3.0,
        "spa_p": 0.01,
        "created_at": utc_now(),
    }
    look_id = connection.execute(
        insert(capital_looks).values(look).returning(capital_looks.c.id)
    ).scalar_one()
    said = {name: value for name, value in evidence._asdict().items() if name not in ("tests", "look_day")}
    is_passed = evidence.decision == "passed"
    result = {name: getattr(task, name) for name in _UNIT} | {
        "look_id": look_id,
        "record_id": task.record_id,
        "pool": f"{task.strategy} {task.timeframe}",
        "member_id": task.record_id,
        "first_day": FIRST_DAY,
        "is_beyond_tested": False,
        "passed": is_passed,
        "pool_passed": is_passed,
    }
    connection.execute(insert(capital_results).values(result | said))
