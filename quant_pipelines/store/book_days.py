"""A day of one book as the runner wrote it down: the rows that a replay needs, read as of one moment."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from quant_pipelines.core.series import Series
from quant_pipelines.store.deployments import Deployment


class BookDay(NamedTuple):
    """Rows of one book.

    Parameters
    ----------
    opening
        State that it began with: ``bar_close``, ``state``; None where it began within the day.
    decided_at
        Close of the last decision before that which was not to be repeated; None without one.
    bars
        Rows of ``trading.equity`` since then, oldest first, times in milliseconds UTC.
    decisions
        Rows of ``trading.signals``: what a replay reads of them; ``rules`` where they changed.
    fills, income, orders
        Since then; fills with what is known of their orders.
    halts
        Alerts that stopped it, and until when.
    specified
        When a specification came into force within the day.
    switched
        When its book went on with other parameters, since then.
    revised
        Open time of the oldest bar before the opening that was revised since, by when it was.
    n_books
        Deployments that share its place.
    """

    opening: Row[Any] | None
    decided_at: datetime | None
    bars: Sequence[Row[Any]]
    decisions: Sequence[Row[Any]]
    fills: Sequence[Row[Any]]
    income: Sequence[Row[Any]]
    orders: Sequence[Row[Any]]
    halts: Sequence[Row[Any]]
    specified: tuple[datetime, ...]
    switched: tuple[datetime, ...]
    revised: Sequence[Row[Any]]
    n_books: int


def booked_deployments(connection: Connection, start: datetime, end: datetime) -> set[int]:
    """Ids of the books for which anything was booked in a time: bars, fills or payments."""
    query = text(
        "select id from trading.deployments d where exists "
        "(select 1 from trading.equity where deployment_id = d.id and ts > :start and ts <= :end) or exists "
        "(select 1 from trading.fills where deployment_id = d.id and ts >= :start and ts < :end) or exists "
        "(select 1 from trading.income where deployment_id = d.id and ts >= :start and ts < :end)"
    )
    return set(connection.execute(query, {"start": start, "end": end}).scalars())


def read_book_day(connection: Connection, deployment: Deployment, day: date, end: datetime) -> BookDay:
    """Read what is stored of a book's day.

    Parameters
    ----------
    connection
        Transaction that sees one moment.
    deployment
        Whose book.
    day, end
        UTC day, and when it ends.
    """
    known = {"id": deployment.id, "day": day, "end": end, "start": end - timedelta(days=1)}
    opening = connection.execute(_OPENING, known).one_or_none()
    known["since"] = opening.bar_close if opening else deployment.created_at - timedelta(days=1)
    known |= {"source": list(deployment.names), "exchange": deployment.exchange, "symbol": deployment.symbol}
    known |= {"timeframe": deployment.timeframe, "account": deployment.account_id}
    known["history"] = deployment.history_start

    def rows(query: Any) -> Sequence[Row[Any]]:
        return connection.execute(query, known).all()

    return BookDay(
        opening,
        connection.execute(_DECIDED, known).scalar_one(),
        rows(_BARS),
        rows(_DECISIONS),
        rows(_FILLS),
        rows(_INCOME),
        rows(_ORDERS),
        rows(_HALTS),
        tuple(connection.execute(_SPECIFIED, known).scalars()),
        tuple(connection.execute(_SWITCHED, known).scalars()),
        rows(_REVISED),
        int(connection.execute(_BOOKS, known).scalar_one()),
    )


def fills_before(connection: Connection, deployment_id: int, at: datetime) -> Sequence[Row[Any]]:
    """Read fills of a book before a time, oldest first."""
    query = text(
        "select side, quantity, price, fee from trading.fills where deployment_id = :id and ts < :at "
        "order by ts, length(trade_id), trade_id, part"
    )
    return connection.execute(query, {"id": deployment_id, "at": at}).all()


def income_before(connection: Connection, deployment_id: int, at: datetime) -> Sequence[Row[Any]]:
    """Read payments of a book before a bar that opens then, oldest first: kind, amount.

    Capital that was paid at that very close is stored with the bar before it, and is one of them.
    """
    query = text(
        "select kind, amount from trading.income where deployment_id = :id "
        "and (ts < :at or (ts = :at and kind = 'transfer')) order by ts"
    )
    return connection.execute(query, {"id": deployment_id, "at": at}).all()


def series_of(deployment: Deployment, timeframe: str) -> Series:
    """Bars of what a deployment trades."""
    return Series(deployment.exchange, deployment.symbol, timeframe)


_OPENING = text(
    "select bar_close, state from trading.book_openings where deployment_id = :id and day <= :day "
    "order by day desc limit 1"
)
_DECIDED = text(
    "select max(bar_close) from trading.signals where deployment_id = :id and bar_close < :since "
    "and coalesce(decision ->> 'denied_by', '') not in "
    "('stale_data', 'halted', 'stale_prices', 'trading_state')"
)
_BARS = text(
    "select (extract(epoch from ts) * 1000)::bigint as close_ms, open, high, low, price as close, "
    "volume, mark, slots, equity, "
    "(extract(epoch from booked_at) * 1000)::bigint as booked_ms from trading.equity "
    "where deployment_id = :id and ts > :since and ts <= :end order by ts"
)
_DECISIONS = text(
    "select (extract(epoch from bar_close) * 1000)::bigint as close_ms, (extract(epoch from "
    "decided_at) * 1000)::bigint as decided_ms, target, "
    "decision -> 'view' as view, "
    "case when decision -> 'rules' is distinct from lag(decision -> 'rules') over (order by bar_close) "
    "then decision -> 'rules' end as rules, "
    "(decision ->> 'order_quantity')::float8 as order_quantity, "
    "(decision ->> 'slice')::float8 as slice, "
    "(decision ->> 'target_side')::float8 as target_side, decision ->> 'denied_by' as denied_by, "
    "(decision ->> 'is_leaving')::boolean as is_leaving, "
    "(decision ->> 'late_seconds')::float8 as late_seconds, decision ->> 'strategy_bar' as strategy_bar, "
    "decision -> 'bar' as bar, decision -> 'inputs' as inputs, decision -> 'orders' as orders, "
    "(decision ->> 'withheld')::float8 as withheld "
    "from trading.signals where deployment_id = :id and bar_close >= :since and bar_close <= :end "
    "order by bar_close"
)
_DECIDED_ON = (
    "(extract(epoch from case when i.purpose = 'remainder' then (select max(t.bar_close) "
    "from trading.intents t where t.deployment_id = i.deployment_id and t.purpose = 'target' "
    "and t.bar_close <= i.bar_close) else i.bar_close end) * 1000)::bigint as decided_ms, "
)
"""What an order of a decision has left belongs to that decision, whenever it was sent."""
_FILLS = text(
    "select f.side, f.quantity, f.price, f.fee, f.reason, f.trade_id, (extract(epoch from f.ts) * "  # noqa: S608 - our own words
    "1000)::bigint as ts_ms, "
    f"i.purpose, {_DECIDED_ON}i.arrival_price, i.decision_price "
    "from trading.fills f left join trading.intents i using (client_order_id) "
    "where f.deployment_id = :id and f.ts >= :since and f.ts < :end "
    "order by f.ts, length(f.trade_id), f.trade_id, f.part"
)
_INCOME = text(
    "select (extract(epoch from ts) * 1000)::bigint as ts_ms, kind, amount from trading.income "
    "where deployment_id = :id and ts >= :since and ts < :end order by ts"
)
_ORDERS = text(
    f"select {_DECIDED_ON}i.purpose, i.side, i.order_type, i.quantity, o.status, "  # noqa: S608 - our own words
    "o.filled_quantity, o.reason from trading.intents i join trading.orders o using (client_order_id) "
    "where i.deployment_id = :id and i.bar_close >= :since and i.bar_close < :end order by i.committed_at"
)
_HALTS = text(
    "select (extract(epoch from at) * 1000)::bigint as start_ms, (extract(epoch from resolved_at) * "
    "1000)::bigint as end_ms, message from ops.alerts "
    "where severity = 'halt' and (source = any(:source) or source = 'account') and at < :end "
    "and (resolved_at is null or resolved_at > :since) order by at"
)
_SPECIFIED = text(
    "select valid_from from market.instruments where exchange = :exchange and symbol = :symbol "
    "and valid_from > :start and valid_from < :end order by valid_from"
)
_SWITCHED = text(
    "select at from trading.version_changes where deployment_id = :id and to_deployment_id = :id "
    "and at >= :since and at < :end order by at"
)
_REVISED = text(
    "select (extract(epoch from ts) * 1000)::bigint as ts_ms, (extract(epoch from revised_at) * "
    "1000)::bigint as revised_ms from market.bar_revisions "
    "where exchange = :exchange and symbol = :symbol and timeframe = :timeframe "
    "and ts >= :history and ts < :since and revised_at > :since order by ts"
)
_BOOKS = text("select count(*) from trading.deployments where account_id = :account and symbol = :symbol")
