"""Challengers of what trades, in PostgreSQL: the challenge itself, and what it is judged by."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.store.legs import books_of, is_book_of
from quant_pipelines.store.record_days import days_of_verdicts
from quant_pipelines.store.tables import (
    challenges,
    deployments,
    equity,
    optimizer_tasks,
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
    return read_challenges(connection, [deployment_id]).get(deployment_id)


def read_challenges(connection: Connection, deployment_ids: Collection[int]) -> dict[int, Challenge]:
    """Read the challenges of challengers, by the deployment that challenges or did."""
    columns, ids = challenges.c, set(deployment_ids)
    query = select(challenges).where(columns.first_id.in_(ids) | columns.canary_id.in_(ids))
    found = [Challenge(*row) for row in connection.execute(query)]
    return {key: one for one in found for key in (one.first_id, one.canary_id) if key in ids}


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


def challengers_in_flight(connection: Connection) -> dict[int, int]:
    """Read the challengers in flight, by their incumbent."""
    query = select(deployments.c.challenges, deployments.c.id).where(
        deployments.c.challenges.is_not(None), deployments.c.stage.in_(LADDER)
    )
    return {row.challenges: row.id for row in connection.execute(query)}


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


def shortfalls_since(connection: Connection, since: Mapping[int, datetime]) -> dict[int, FloatArray]:
    """Cost of each fill against its arrival price, bps, positive when it cost; shapes (n_fills,).

    Parameters
    ----------
    connection
        Open transaction.
    since
        From when on, by deployment; of a set, its legs' fills.
    """
    found = {row.owner: row.costs for row in connection.execute(_SHORTFALLS, _asked(connection, since))}
    return {one: np.array(found.get(one, ()), dtype=np.float64) for one in since}


def orders_since(connection: Connection, since: Mapping[int, datetime]) -> dict[int, SentOrders]:
    """Count the orders of deployments since a time each; of a set, its legs'."""
    rows = connection.execute(_ORDERS, _asked(connection, since))
    found = {row.owner: SentOrders(row.sent, row.rejected) for row in rows}
    return {one: found.get(one, SentOrders(0, 0)) for one in since}


def _asked(connection: Connection, since: Mapping[int, datetime]) -> dict[str, list[Any]]:
    """Books of deployments, whose they are, and from when on they are asked about."""
    books = [(book, owner) for owner, own in books_of(connection, list(since)).items() for book in own]
    return {
        "books": [book for book, _ in books],
        "owners": [owner for _, owner in books],
        "since": [since[owner] for _, owner in books],
    }


_OWN = "unnest(:books, :owners, :since) as own (book, owner, since)"
_ARRIVAL = "coalesce(i.arrival_price, i.decision_price)"
_SHORTFALLS = text(
    "select own.owner, array_agg((case f.side when 'buy' then 1 else -1 end "  # noqa: S608 - our own words
    f"* (f.price - {_ARRIVAL}) / {_ARRIVAL} * 10000)::float8 order by f.ts, f.trade_id, f.part) as costs "
    f"from {_OWN} join trading.fills f on f.deployment_id = own.book and f.ts >= own.since "
    f"join trading.intents i on i.client_order_id = f.client_order_id where {_ARRIVAL} > 0 group by own.owner"
)
_ORDERS = text(
    "select own.owner, count(*) as sent, "  # noqa: S608 - our own words
    "count(*) filter (where o.status = 'REJECTED') as rejected "
    f"from {_OWN} join trading.intents i on i.deployment_id = own.book and i.committed_at >= own.since "
    "join trading.orders o on o.client_order_id = i.client_order_id group by own.owner"
)


def targets_since(connection: Connection, deployment_id: int, since: datetime) -> dict[Any, float]:
    """Targets that were decided, by symbol and bar close; of a set, those of its legs."""
    query = (
        select(deployments.c.symbol, signals.c.bar_close, signals.c.target)
        .join(deployments, deployments.c.id == signals.c.deployment_id)
        .where(is_book_of(signals.c.deployment_id, deployment_id), signals.c.bar_close > since)
    )
    return {(row.symbol, row.bar_close): float(row.target) for row in connection.execute(query)}


def newest_price(connection: Connection, deployment_id: int) -> float | None:
    """Last close that its book was marked at, quote per base; None before the first."""
    query = select(equity.c.price).where(equity.c.deployment_id == deployment_id)
    return connection.execute(query.order_by(equity.c.ts.desc()).limit(1)).scalar_one_or_none()


def text_and_terms(connection: Connection, deployment_id: int) -> dict[str, Any]:
    """Read what an approval of a deployment is bound to: its version, parameters and settings."""
    names = ("strategy_version_id", "parameters", "settings", "account_id")
    query = select(*(deployments.c[name] for name in names)).where(deployments.c.id == deployment_id)
    return dict(connection.execute(query).mappings().one())
