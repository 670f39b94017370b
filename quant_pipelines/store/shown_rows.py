"""Rows as the gateway shows them, page by page, newest first; what has a reader of its own is not here."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    case,
    func,
    literal,
    null,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.stages import LADDER
from quant_pipelines.store.asked_once import is_among
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    accounts,
    alerts,
    approvals,
    audit_head,
    audit_logs,
    balances,
    deployments,
    equity,
    fills,
    heartbeats,
    income,
    parity_days,
    performance_metrics,
    positions,
    risk_limits,
    strategies,
    strategy_library,
    strategy_quotas,
    strategy_versions,
    verdicts,
)

_FILL_KEY = ("booked_at", "venue", "symbol", "trade_id", "part")
_LIMIT = ("name", "value", "updated_at", "updated_by", "owner", "reason", "approved_by")


class FillKey(NamedTuple):
    """Place of a fill in the order of booking."""

    booked_at: datetime
    venue: str
    symbol: str
    trade_id: str
    part: int


class AuditFilter(NamedTuple):
    """Which rows of the audit log are asked for; empty stands for all.

    Parameters
    ----------
    actor, action, subject
        As the rows have them.
    before
        Rows with a smaller id only.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    before: int | None = None


def positions_held(connection: Connection) -> list[dict[str, Any]]:
    """Read what books hold, with the last price and when it was booked."""
    newest = select(equity.c.price, equity.c.ts).where(equity.c.deployment_id == positions.c.deployment_id)
    last = newest.order_by(equity.c.ts.desc()).limit(1).lateral()
    query = (
        select(positions, deployments.c.strategy, deployments.c.timeframe, deployments.c.stage)
        .add_columns(deployments.c.set_id, last.c.price, last.c.ts.label("price_at"))
        .join(deployments, deployments.c.id == positions.c.deployment_id)
        .outerjoin(last, last.c.price.is_not(None))
        .where(positions.c.quantity != 0)
        .order_by(positions.c.deployment_id, positions.c.symbol)
    )
    return _rows(connection, query)


def equity_of(
    connection: Connection, deployment_id: int, *, limit: int, before: datetime | None = None
) -> list[dict[str, Any]]:
    """Read equity of a deployment at its newest bars before a time, oldest first.

    That of a set is the sum of its legs', where each of them has a bar; it has no position, price or stop.
    """
    legs = select(deployments.c.id).where(deployments.c.set_id == deployment_id).order_by(deployments.c.id)
    books = [*connection.execute(legs).scalars()]
    query = _together(books) if books else _alone(deployment_id)
    if before is not None:
        query = query.where(equity.c.ts < before)
    return _rows(connection, query.order_by(equity.c.ts.desc()).limit(limit))[::-1]


def _alone(deployment_id: int) -> Select[Any]:
    shown = ("ts", "equity", "cash", "position", "price", "stop_price")
    return select(*(equity.c[name] for name in shown)).where(equity.c.deployment_id == deployment_id)


def _together(books: Sequence[int]) -> Select[Any]:
    """Equity and cash of books where each has a bar; only the first one's bars are walked through."""
    of_bar = equity.alias("of_bar")
    sums = (func.sum(of_bar.c[name]).label(name) for name in ("equity", "cash"))
    query = select(*sums, func.count().label("n")).where(of_bar.c.deployment_id.in_(books))
    together = query.where(of_bar.c.ts == equity.c.ts).correlate(equity).lateral("together")
    nothing = (null().label(name) for name in ("position", "price", "stop_price"))
    return (
        select(equity.c.ts, together.c.equity, together.c.cash, *nothing)
        .join(together, true())
        .where(equity.c.deployment_id == books[0], together.c.n == len(books))
    )


def stops_at(
    connection: Connection, deployment_id: int, closes: Sequence[datetime]
) -> dict[datetime, float | None]:
    """Read the level of a deployment's stop at these closes, by close; those without a bar are left out."""
    query = select(equity.c.ts, equity.c.stop_price)
    query = query.where(equity.c.deployment_id == deployment_id, is_among(equity.c.ts, "closes"))
    return {row.ts: row.stop_price for row in connection.execute(query, {"closes": list(closes)})}


def has_deployment(connection: Connection, deployment_id: int) -> bool:
    """Whether there is such a deployment."""
    query = select(deployments.c.id).where(deployments.c.id == deployment_id)
    return connection.execute(query).first() is not None


def newest_fills(
    connection: Connection, *, limit: int, deployment_id: int | None, before: FillKey | None
) -> list[dict[str, Any]]:
    """Read fills in the order of their booking, newest first, from below a place in it."""
    query = select(fills, deployments.c.strategy).join(deployments, deployments.c.id == fills.c.deployment_id)
    if deployment_id is not None:
        query = query.where(fills.c.deployment_id == deployment_id)
    key = tuple_(*(fills.c[name] for name in _FILL_KEY))
    if before is not None:
        query = query.where(key < tuple_(*before))
    return _rows(connection, query.order_by(*(fills.c[name].desc() for name in _FILL_KEY)).limit(limit))


def fills_with_position(
    engine: Engine, books: Sequence[int], *, limit: int
) -> tuple[list[dict[str, Any]], Decimal]:
    """Read the newest fills of books, newest first, and what they hold after them, signed base; 0 for many.

    As of one moment: a fill that only one of the two knows would turn entries into exits.
    """
    held = select(func.sum(positions.c.quantity)).where(positions.c.deployment_id.in_(books))
    with transaction(engine) as connection:
        connection.exec_driver_sql("set transaction isolation level repeatable read")
        rows = [
            row
            for book in books
            for row in newest_fills(connection, limit=limit, deployment_id=book, before=None)
        ]
        quantity = connection.execute(held).scalar_one() if len(books) == 1 else None
    rows.sort(key=lambda row: tuple(row[name] for name in _FILL_KEY), reverse=True)
    return rows[:limit], Decimal(quantity or 0)


def limits_shown(connection: Connection) -> list[dict[str, Any]]:
    """Read every limit with who answers for it and until when it holds; ``in_force`` is its value now."""
    found = list[dict[str, Any]]()
    for table, whose, begin in (
        (risk_limits, risk_limits.c.scope, ""),
        (strategy_quotas, strategy_quotas.c.strategy, "strategy:"),
    ):
        is_over = table.c.expires_at <= func.clock_timestamp()
        now = case((is_over, table.c.fallback), else_=table.c.value)
        query = (
            select((begin + whose if begin else whose).label("scope"), now.label("in_force"))
            .add_columns(*(table.c[name] for name in (*_LIMIT, "expires_at", "fallback")))
            .order_by(whose, table.c.name)
        )
        found += _rows(connection, query)
    return found


def newest_approvals(connection: Connection, *, limit: int) -> list[dict[str, Any]]:
    """Read steps that need two people: those that wait first, then the newest."""
    shown = [column for column in approvals.c if column.name != "evidence"]
    query = select(*shown).order_by((approvals.c.decision == "open").desc(), approvals.c.id.desc())
    return _rows(connection, query.limit(limit))


def newest_audit(connection: Connection, wanted: AuditFilter, *, limit: int) -> list[dict[str, Any]]:
    """Read rows of the audit log, newest first."""
    shown = ("id", "at", "actor", "action", "subject", "detail")
    query = select(*(audit_logs.c[name] for name in shown))
    for name in ("actor", "action", "subject"):
        if value := getattr(wanted, name):
            query = query.where(audit_logs.c[name] == value)
    if wanted.before is not None:
        query = query.where(audit_logs.c.id < wanted.before)
    return _rows(connection, query.order_by(audit_logs.c.id.desc()).limit(limit))


def scorecards_of(connection: Connection, deployment_id: int, *, limit: int) -> list[dict[str, Any]]:
    """Read the newest scorecards of a deployment, newest first."""
    cards = performance_metrics.c
    query = select(cards.scored_at, cards.days, cards.metrics).where(cards.deployment_id == deployment_id)
    return _rows(connection, query.order_by(cards.scored_at.desc()).limit(limit))


def strategies_known(connection: Connection) -> list[dict[str, Any]]:
    """Read every strategy with its text in force, what is wrong with its file, and its number of versions."""
    versions = (
        select(
            strategy_versions.c.strategy, func.count(strategy_versions.c.content_hash.distinct()).label("n")
        )
        .group_by(strategy_versions.c.strategy)
        .subquery()
    )
    traded = (
        select(deployments.c.strategy, func.count().label("n"))
        .where(deployments.c.stage.in_(LADDER))
        .group_by(deployments.c.strategy)
        .subquery()
    )
    query = (
        select(strategy_library, strategies.c.description)
        .add_columns(func.coalesce(versions.c.n, 0).label("versions"))
        .add_columns(func.coalesce(traded.c.n, 0).label("traded"))
        .outerjoin(strategies, strategies.c.name == strategy_library.c.name)
        .outerjoin(versions, versions.c.strategy == strategy_library.c.name)
        .outerjoin(traded, traded.c.strategy == strategy_library.c.name)
        .order_by(strategy_library.c.name)
    )
    return _rows(connection, query)


def verdict_of(connection: Connection, verdict_id: int) -> dict[str, Any] | None:
    """Read one verdict with its gates and the text that was judged; None where there is none."""
    query = (
        select(verdicts, strategy_versions.c.content_hash)
        .join(strategy_versions, strategy_versions.c.id == verdicts.c.strategy_version_id)
        .where(verdicts.c.id == verdict_id)
    )
    rows = _rows(connection, query)
    return rows[0] if rows else None


def versions_of(connection: Connection, strategy: str) -> list[dict[str, Any]]:
    """Read the texts of a strategy that were judged, newest first, once each: hash, text, since when."""
    own = strategy_versions.c
    query = (
        select(own.content_hash, func.max(own.source).label("source"), func.min(own.created_at).label("at"))
        .where(own.strategy == strategy)
        .group_by(own.content_hash)
        .order_by(func.min(own.created_at).desc())
    )
    return _rows(connection, query)


def newest_parity(connection: Connection, *, limit: int) -> list[dict[str, Any]]:
    """Read days of deployments beside their replays, newest first."""
    names = ("strategy", "symbol", "timeframe")
    query = (
        select(parity_days, *(deployments.c[name] for name in names))
        .join(deployments, deployments.c.id == parity_days.c.deployment_id)
        .order_by(parity_days.c.day.desc(), parity_days.c.id.desc())
    )
    return _rows(connection, query.limit(limit))


def newest_balances(connection: Connection) -> list[dict[str, Any]]:
    """Read what venues said last of each account that has a balance there, by account; quote."""
    shown = ("at", "wallet", "unrealized", "maintenance")
    query = (
        select(accounts.c.name.label("account"), *(balances.c[name] for name in shown))
        .join(accounts, accounts.c.id == balances.c.account_id)
        .ext(distinct_on(balances.c.account_id))
        .order_by(balances.c.account_id, balances.c.at.desc())
    )
    return _rows(connection, query)


def newest_change(connection: Connection) -> str:
    """Name the newest change of what pages show; it is another text as soon as one of them is."""
    last = select(equity.c.ts).where(equity.c.deployment_id == deployments.c.id)
    booked = last.order_by(equity.c.ts.desc()).limit(1).scalar_subquery()
    state = heartbeats.c.service + ":" + heartbeats.c.state
    states = func.string_agg(state, aggregate_order_by(literal(","), heartbeats.c.service))
    marks = (
        select(audit_head.c.newest_id).scalar_subquery(),
        select(func.max(alerts.c.id)).scalar_subquery(),
        select(func.count()).where(alerts.c.resolved_at.is_(None)).scalar_subquery(),
        select(func.max(booked)).select_from(deployments).scalar_subquery(),
        select(func.max(positions.c.updated_at)).scalar_subquery(),
        select(states).scalar_subquery(),
    )
    return ";".join(str(one) for one in connection.execute(select(*marks)).one())


def hourly_equity(connection: Connection, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Read what all traded deployments were worth together at each full hour, oldest first.

    Columns ``ts``, ``equity`` (quote) and ``n``, the number of books that had a bar by then; each counts with
    its newest one before the hour. The books of a set are its legs.
    """
    hours = select(func.generate_series(start, end, text("interval '1 hour'")).label("ts")).subquery()
    own = (equity.c.deployment_id == deployments.c.id, equity.c.ts <= hours.c.ts)
    last = select(equity.c.equity).where(*own).order_by(equity.c.ts.desc()).limit(1).lateral()
    query = (
        select(hours.c.ts, func.sum(last.c.equity).label("equity"), func.count(last.c.equity).label("n"))
        .select_from(hours.join(deployments, _is_traded_book()).join(last, true()))
        .group_by(hours.c.ts)
        .order_by(hours.c.ts)
    )
    return _rows(connection, query)


def capital_paid(
    connection: Connection, start: datetime, deployment_id: int | None = None
) -> list[dict[str, Any]]:
    """Read what all traded books, or one whatever its stage, were paid from a time on, oldest first.

    Columns ``ts`` and ``amount`` (quote, negative when taken out); the bar at ``ts`` was booked before it.
    """
    one = (deployments.c.id == deployment_id) | (deployments.c.set_id == deployment_id)
    are_meant = _is_traded_book() if deployment_id is None else one
    query = (
        select(income.c.ts, func.sum(income.c.amount).label("amount"))
        .join(deployments, deployments.c.id == income.c.deployment_id)
        .where(are_meant, income.c.kind == TRANSFER, income.c.ts >= start)
        .group_by(income.c.ts)
        .order_by(income.c.ts)
    )
    return _rows(connection, query)


def _is_traded_book() -> ColumnElement[bool]:
    heads = deployments.alias("heads")
    traded = select(heads.c.id).where(heads.c.stage.in_(LADDER))
    return deployments.c.stage.in_(LADDER) | deployments.c.set_id.in_(traded)


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]
