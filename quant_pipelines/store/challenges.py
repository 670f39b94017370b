"""Challengers of what trades, in PostgreSQL: the challenge itself, and what it is judged by."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, case, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.store.record_days import days_of_verdicts
from quant_pipelines.store.tables import (
    challenges,
    deployments,
    equity,
    fills,
    intents,
    optimizer_tasks,
    orders,
    record_days,
    signals,
    strategy_versions,
    verdicts,
)


class Challenge(NamedTuple):
    """One row of ``trading.challenges``."""

    id: int
    incumbent_id: int
    first_id: int
    canary_id: int | None
    kind: str
    capital: Decimal
    checks: dict[str, str]
    bands: dict[str, float] | None
    opened_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None
    numbers: dict[str, Any] | None


class VersionText(NamedTuple):
    """What a version is made of: its key, its source, the space that it declares."""

    version_id: int
    source: str
    space: Mapping[str, Mapping[str, Any]]


class SentOrders(NamedTuple):
    """Orders that were decided since a time, and those of them that the venue refused."""

    sent: int
    rejected: int


class GrownRecord(NamedTuple):
    """Returns of a record by day, and the day on which the first of them was computed."""

    by_day: dict[date, float]
    since: date


def open_challenge(connection: Connection, values: Mapping[str, Any]) -> int:
    """Store a challenge; returns its id."""
    made = insert(challenges).values(dict(values)).returning(challenges.c.id)
    return int(connection.execute(made).scalar_one())


def read_challenge(connection: Connection, deployment_id: int) -> Challenge | None:
    """Challenge that a deployment is or was the challenger of; None for another."""
    is_it = (challenges.c.first_id == deployment_id) | (challenges.c.canary_id == deployment_id)
    row = connection.execute(select(challenges).where(is_it)).one_or_none()
    return None if row is None else Challenge(*row)


def challenges_of(connection: Connection, incumbent_id: int) -> list[Challenge]:
    """Read every challenge of an incumbent, oldest first."""
    query = select(challenges).where(challenges.c.incumbent_id == incumbent_id).order_by(challenges.c.id)
    return [Challenge(*row) for row in connection.execute(query)]


def follow_with(connection: Connection, challenge_id: int, canary_id: int) -> None:
    """Note that a challenge goes on with a book at the venue."""
    is_it = challenges.c.id == challenge_id
    connection.execute(update(challenges).where(is_it).values(canary_id=canary_id))


def end_challenge(
    connection: Connection, challenge_id: int, outcome: str, at: datetime, told: Mapping[str, Any]
) -> None:
    """Store how a challenge ended; ``told`` has its ``reason`` and ``numbers``."""
    is_it = challenges.c.id == challenge_id
    connection.execute(update(challenges).where(is_it).values(outcome=outcome, ended_at=at, **told))


def challenger_of(connection: Connection, incumbent_id: int) -> int | None:
    """Challenger in flight of a deployment; None without one."""
    query = select(deployments.c.id).where(
        deployments.c.challenges == incumbent_id, deployments.c.stage.in_(LADDER)
    )
    return connection.execute(query).scalar_one_or_none()


def challengers(connection: Connection) -> list[int]:
    """Ids of all challengers in flight, oldest first."""
    query = select(deployments.c.id).where(
        deployments.c.challenges.is_not(None), deployments.c.stage.in_(LADDER)
    )
    return list(connection.execute(query.order_by(deployments.c.id)).scalars())


def take_place(connection: Connection, deployment_id: int, stage: Stage, at: datetime) -> None:
    """Let a challenger trade its unit; the incumbent has left its stage."""
    values = {"challenges": None, "stage": stage, "stage_changed_at": at}
    connection.execute(update(deployments).where(deployments.c.id == deployment_id).values(values))


def text_of(connection: Connection, version_id: int) -> VersionText:
    """Read what a version is made of."""
    columns = strategy_versions.c
    query = select(columns.id, columns.source, columns.parameters).where(columns.id == version_id)
    return VersionText(*connection.execute(query).one())


def outside_of(connection: Connection, verdict_id: int | None) -> dict[str, Any]:
    """Out-of-sample evidence of a verdict; empty without one."""
    query = select(verdicts.c.out_of_sample).where(verdicts.c.id == verdict_id)
    return connection.execute(query).scalar_one_or_none() or {}


def record_of(connection: Connection, verdict_id: int | None) -> int | None:
    """Record that a verdict is about; None without one."""
    query = (
        select(optimizer_tasks.c.record_id)
        .join(verdicts, verdicts.c.task_id == optimizer_tasks.c.id)
        .where(verdicts.c.id == verdict_id)
    )
    return connection.execute(query).scalar_one_or_none()


def days_of_record(connection: Connection, verdict_id: int | None) -> GrownRecord:
    """Daily out-of-sample returns of the record that a verdict is about, those since the verdict included."""
    own = record_days.c
    query = (
        select(
            func.array_agg(aggregate_order_by(own.day, own.day)).label("days"),
            func.array_agg(aggregate_order_by(own.daily_return, own.day)).label("returns"),
            func.min(own.computed_at).label("since"),
        )
        .join(optimizer_tasks, optimizer_tasks.c.record_id == own.record_id)
        .join(verdicts, verdicts.c.task_id == optimizer_tasks.c.id)
        .where(verdicts.c.id == verdict_id)
    )
    row = connection.execute(query).one()
    if row.since is None:
        return GrownRecord({}, date.max)
    return GrownRecord(dict(zip(row.days, row.returns, strict=True)), row.since.date())


def record_returns(connection: Connection, verdict_id: int | None) -> dict[Any, float]:
    """Daily out-of-sample returns that a verdict rests on, by day."""
    days = days_of_verdicts().subquery()
    query = (
        select(days.c.day, days.c.daily_return)
        .join(verdicts, verdicts.c.task_id == days.c.task_id)
        .where(verdicts.c.id == verdict_id)
        .order_by(days.c.day)
    )
    return {row.day: float(row.daily_return) for row in connection.execute(query)}


def shortfalls_since(connection: Connection, deployment_id: int, since: datetime) -> FloatArray:
    """Cost of each fill against its arrival price, bps, positive when it cost; shape (n_fills,)."""
    arrival = func.coalesce(intents.c.arrival_price, intents.c.decision_price)
    more = (fills.c.price - arrival) / arrival * 10_000
    query = (
        select(case((fills.c.side == "buy", more), else_=-more))
        .join(intents, intents.c.client_order_id == fills.c.client_order_id)
        .where(fills.c.deployment_id == deployment_id, fills.c.ts >= since, arrival > 0)
        .order_by(fills.c.ts, fills.c.trade_id, fills.c.part)
    )
    return np.array([float(cost) for cost in connection.execute(query).scalars()], dtype=np.float64)


def orders_since(connection: Connection, deployment_id: int, since: datetime) -> SentOrders:
    """Count its orders."""
    is_bad = orders.c.status == "REJECTED"
    query = (
        select(func.count(), func.count().filter(is_bad))
        .select_from(orders)
        .join(intents, intents.c.client_order_id == orders.c.client_order_id)
        .where(intents.c.deployment_id == deployment_id, intents.c.committed_at >= since)
    )
    return SentOrders(*connection.execute(query).one())


def targets_since(connection: Connection, deployment_id: int, since: datetime) -> dict[Any, float]:
    """Targets that were decided, by bar close."""
    query = select(signals.c.bar_close, signals.c.target).where(
        signals.c.deployment_id == deployment_id, signals.c.bar_close > since
    )
    return {row.bar_close: float(row.target) for row in connection.execute(query)}


def newest_price(connection: Connection, deployment_id: int) -> float | None:
    """Last close that its book was marked at, quote per base; None before the first."""
    query = select(equity.c.price).where(equity.c.deployment_id == deployment_id)
    return connection.execute(query.order_by(equity.c.ts.desc()).limit(1)).scalar_one_or_none()


def text_and_terms(connection: Connection, deployment_id: int) -> dict[str, Any]:
    """Read what an approval of a deployment is bound to: its version, parameters and settings."""
    names = ("strategy_version_id", "parameters", "settings", "account_id")
    query = select(*(deployments.c[name] for name in names)).where(deployments.c.id == deployment_id)
    return dict(connection.execute(query).mappings().one())
