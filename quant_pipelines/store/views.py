"""What a person asks for, as rows: verdicts, deployments, scorecards."""

from typing import Any

from sqlalchemy import Connection, Select, case, func, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.capital_evidence import with_capital
from quant_pipelines.store.record_days import days_of_verdicts, newest_verdict_first
from quant_pipelines.store.tables import (
    accounts,
    deployments,
    equity,
    fills,
    intents,
    optimizer_tasks,
    performance_metrics,
    strategy_versions,
    verdicts,
)


def newest_verdicts(connection: Connection, exchange: str, fresh: Freshness) -> list[dict[str, Any]]:
    """Read the newest verdict of each strategy, symbol and timeframe, admitted ones first.

    With what capital says of them on a day; see ``with_capital``.

    One that a person went back to is as new as that decision.
    """
    key = (verdicts.c.strategy, verdicts.c.symbol, verdicts.c.timeframe)
    query = (
        select(verdicts)
        .where(verdicts.c.exchange == exchange)
        .ext(distinct_on(*key))
        .order_by(*key, *newest_verdict_first())
    )
    order = {"admitted": 0, "candidate": 1, "rejected": 2}
    rows = with_capital(connection, _rows(connection, query), fresh)
    return sorted(rows, key=lambda row: order[row["decision"]])


def out_of_sample_equity(connection: Connection, task_ids: list[int]) -> dict[int, list[float]]:
    """Read the stitched out-of-sample equity of walk-forwards by task, oldest day first, starting at 1."""
    days = days_of_verdicts().subquery()
    query = select(days).where(days.c.task_id.in_(task_ids)).order_by(days.c.task_id, days.c.day)
    curves: dict[int, list[float]] = {task_id: [1.0] for task_id in task_ids}
    for row in _rows(connection, query):
        curve = curves[row["task_id"]]
        curve.append(curve[-1] * (1.0 + row["daily_return"]))
    return curves


def task_counts(connection: Connection) -> dict[str, int]:
    """Count the walk-forwards by status."""
    query = select(optimizer_tasks.c.status, func.count().label("count")).group_by(optimizer_tasks.c.status)
    return {row["status"]: row["count"] for row in _rows(connection, query)}


def current_deployments(connection: Connection) -> list[dict[str, Any]]:
    """Read all deployments with their text's hash, number of fills, costs and newest equity, newest first.

    ``shortfall_bps`` is the cost of their orders against the arrival prices, ``fee_bps`` their fees. A set
    has its legs in ``legs``, and what they made together; it holds no position of its own.
    """
    booked = (
        select(fills.c.deployment_id, func.count().label("fills")).group_by(fills.c.deployment_id).subquery()
    )
    cost = _arrival_costs().subquery()
    bars = select(equity).where(equity.c.deployment_id == deployments.c.id)
    newest = bars.order_by(equity.c.ts.desc()).limit(1).lateral()
    known = [column for column in deployments.c if column.name != "capital"]
    query = (
        select(*known, newest_capital().label("capital"))
        .add_columns(func.coalesce(booked.c.fills, 0).label("fills"))
        .add_columns(cost.c.shortfall_bps, cost.c.fee_bps)
        .add_columns(newest.c.equity, newest.c.position, newest.c.ts.label("equity_at"))
        .add_columns(strategy_versions.c.content_hash)
        .join(strategy_versions, strategy_versions.c.id == deployments.c.strategy_version_id)
        .outerjoin(booked, booked.c.deployment_id == deployments.c.id)
        .outerjoin(cost, cost.c.deployment_id == deployments.c.id)
        .outerjoin(newest, true())
        .order_by(deployments.c.id.desc())
    )
    return _with_legs(_rows(connection, query))


def _with_legs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each deployment with its legs, whose fills and equity are its own too."""
    legs: dict[int, list[dict[str, Any]]] = {}
    for row in reversed(rows):
        legs.setdefault(row["set_id"] or 0, []).append(row)
    return [_as_one(row, legs.get(row["id"], [])) for row in rows if row["set_id"] is None]


def _as_one(row: dict[str, Any], legs: list[dict[str, Any]]) -> dict[str, Any]:
    if not legs:
        return row | {"legs": []}
    worths = [leg["equity"] for leg in legs]
    times = [leg["equity_at"] for leg in legs if leg["equity_at"] is not None]
    return row | {
        "legs": legs,
        "fills": sum(leg["fills"] for leg in legs),
        "equity": None if None in worths else sum(worths),
        "equity_at": max(times, default=None),
    }


def _arrival_costs() -> Select[Any]:
    """Sum what `arrival_cost` measures over the orders of each deployment whose prices are stored."""
    arrival = func.coalesce(intents.c.arrival_price, intents.c.decision_price)
    paid_more = (fills.c.price - arrival) * fills.c.quantity
    shortfall = func.sum(case((fills.c.side == "buy", paid_more), else_=-paid_more))
    worth = func.nullif(func.sum(arrival * fills.c.quantity), 0)
    return (
        select(
            fills.c.deployment_id,
            (10_000 * shortfall / worth).label("shortfall_bps"),
            (10_000 * func.sum(fills.c.fee) / worth).label("fee_bps"),
        )
        .join(intents, intents.c.client_order_id == fills.c.client_order_id)
        .where(arrival.is_not(None))
        .group_by(fills.c.deployment_id)
    )


def account_capital(connection: Connection) -> float | None:
    """Capital of all accounts, quote currency; None without an account."""
    (row,) = _rows(connection, select(func.sum(accounts.c.capital).label("capital")))
    return None if row["capital"] is None else float(row["capital"])


def newest_scorecards(connection: Connection) -> list[dict[str, Any]]:
    """Read the newest scorecard of each deployment with what it trades."""
    cards = performance_metrics.c
    own = select(performance_metrics).where(cards.deployment_id == deployments.c.id)
    newest = own.order_by(cards.scored_at.desc()).limit(1).lateral()
    query = (
        select(newest, deployments.c.strategy, deployments.c.symbol, deployments.c.timeframe)
        .join_from(deployments, newest, true())
        .order_by(deployments.c.id)
    )
    return _rows(connection, query)


def newest_luck(connection: Connection) -> dict[int, dict[str, Any] | None]:
    """Read what the newest scorecards say of luck, by deployment; None where they are older than that."""
    return {card["deployment_id"]: card["metrics"].get("luck") for card in newest_scorecards(connection)}


def equity_curves(connection: Connection, points: int) -> dict[int, list[float]]:
    """Read the newest equity of each deployment, oldest first, at most this many points each.

    That of a set is the sum of its legs', where each of them has a bar.
    """
    curves: dict[int, list[float]] = {}
    for row in connection.execute(_CURVES, {"points": points}):
        curves.setdefault(row.owner, []).append(row.equity)
    return curves


# From the newest bar of the first book on, until there are as many points as are asked for.
_CURVES = text(
    "select own.owner, curve.equity from ("
    "select coalesce(d.set_id, d.id) as owner, array_agg(d.id order by d.id) as books "
    "from trading.deployments d "
    "where not exists (select from trading.deployments leg where leg.set_id = d.id) group by 1) as own "
    "cross join lateral ("
    "select bar.ts, together.equity from trading.equity bar cross join lateral ("
    "select sum(e.equity) as equity, count(*) as n from trading.equity e "
    "where e.deployment_id = any(own.books) and e.ts = bar.ts) as together "
    "where bar.deployment_id = own.books[1] and together.n = cardinality(own.books) "
    "order by bar.ts desc limit :points) as curve order by own.owner, curve.ts"
)


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
