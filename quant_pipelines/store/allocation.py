"""Plans of the allocation in PostgreSQL; a row never changes and never goes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, text

from quant_pipelines.store.tables import accounts, allocation_plans, allocation_rows, deployments, transfers

_LOCK = 0x414C4C4F
APPLIED, PROPOSED, REFUSED = "applied", "proposed", "refused"


def lock_allocation(connection: Connection) -> None:
    """Let one plan be made at a time, until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def save_plan(connection: Connection, plan: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> int:
    """Store a plan with its rows, which lack the plan's id; returns that."""
    made = insert(allocation_plans).values(dict(plan)).returning(allocation_plans.c.id)
    plan_id = int(connection.execute(made).scalar_one())
    if rows:
        connection.execute(insert(allocation_rows), [{**row, "plan_id": plan_id} for row in rows])
    return plan_id


def is_due(connection: Connection, account_id: int, day: date) -> bool:
    """Whether a UTC day has no daily plan of an account yet, or money came or went since its newest plan.

    One that was refused is tried again.
    """
    of_account = allocation_plans.c.account_id == account_id
    made = select(func.max(allocation_plans.c.made_at)).where(of_account)
    planned = made.where(allocation_plans.c.day == day, allocation_plans.c.outcome != REFUSED)
    if connection.execute(planned).scalar_one() is None:
        return True
    newest: datetime = connection.execute(made).scalar_one()
    moved = select(func.count()).where(transfers.c.account_id == account_id, transfers.c.ts > newest)
    return bool(connection.execute(moved).scalar_one())


def last_refusal(connection: Connection, account_id: int, day: date) -> str | None:
    """Rule by which the newest plan of an account on a day was refused; None if it was not."""
    newest = (
        select(allocation_plans.c.rule)
        .where(allocation_plans.c.account_id == account_id, allocation_plans.c.day == day)
        .order_by(allocation_plans.c.id.desc())
        .limit(1)
    )
    return connection.execute(newest).scalar_one_or_none()


def newest_applied(connection: Connection, account_id: int) -> dict[str, Any] | None:
    """Newest plan of an account that changed capital and was not taken back; None without one."""
    undone = select(allocation_plans.c.undoes).where(allocation_plans.c.undoes.is_not(None))
    rows = allocation_rows.c
    changed = exists().where(rows.plan_id == allocation_plans.c.id, rows.capital != rows.capital_before)
    query = (
        select(allocation_plans.c.id)
        .where(allocation_plans.c.account_id == account_id, allocation_plans.c.outcome == APPLIED)
        .where(allocation_plans.c.kind != "undo", allocation_plans.c.id.not_in(undone), changed)
        .order_by(allocation_plans.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else read_plan(connection, found)


def read_plan(connection: Connection, plan_id: int) -> dict[str, Any]:
    """Plan with the name of its account and its rows, the largest target first."""
    plan = (
        select(allocation_plans, accounts.c.name.label("account"))
        .join(accounts, accounts.c.id == allocation_plans.c.account_id)
        .where(allocation_plans.c.id == plan_id)
    )
    unit = (deployments.c[name] for name in ("strategy", "symbol", "timeframe"))
    rows = (
        select(allocation_rows, *unit)
        .join(deployments, deployments.c.id == allocation_rows.c.deployment_id)
        .where(allocation_rows.c.plan_id == plan_id)
        .order_by(allocation_rows.c.target.desc(), allocation_rows.c.deployment_id)
    )
    document = dict(connection.execute(plan).mappings().one())
    return document | {"rows": [dict(row) for row in connection.execute(rows).mappings()]}


def newest_plans(connection: Connection) -> list[dict[str, Any]]:
    """Read the newest plan of each account, by account."""
    newest = select(func.max(allocation_plans.c.id)).group_by(allocation_plans.c.account_id)
    ids = connection.execute(newest).scalars().all()
    return sorted((read_plan(connection, one) for one in ids), key=lambda plan: plan["account_id"])
