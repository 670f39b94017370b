"""Rows of which the profit of books is made: fills with the prices that they met, payments, marks."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from quant_pipelines.core.stages import Stage


class BookRow(NamedTuple):
    """A book: a deployment, or a leg of a set.

    Parameters
    ----------
    id, whole_id
        Its own id, and that of what it is a leg of (its own where it is none).
    account_id, account, venue, currency
        Whose money it is; ``venue`` is paper or a ccxt id.
    strategy, symbol, timeframe, stage
        What is traded; the stage is that of the whole.
    capital
        At first, quote.
    begun_at, last_at
        First and last bar, fill or payment; None where nothing was booked.
    first_open, first_at
        Open of the first bar that was seen, or its close where no open was kept, and when it closed.
    """

    id: int
    whole_id: int
    account_id: int
    account: str
    venue: str
    currency: str
    strategy: str
    symbol: str
    timeframe: str
    stage: Stage
    capital: Decimal
    begun_at: datetime | None
    last_at: datetime | None
    first_open: float | None
    first_at: datetime | None


def read_books(
    connection: Connection, *, account_id: int | None = None, deployment_id: int | None = None
) -> list[BookRow]:
    """Read the books of an account, or of a deployment with its legs; without either those of all."""
    known = {"account": account_id, "deployment": deployment_id}
    return [BookRow(*row) for row in connection.execute(_BOOKS, known)]


def fills_of(
    connection: Connection, ids: Iterable[int], start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    """Read fills of books in a time, oldest first, each with the price that its order met.

    That is the price at arrival, else the one that it was decided at; null where neither is known.
    """
    return connection.execute(_FILLS, {"ids": list(ids), "start": start, "end": end}).all()


def payments_of(
    connection: Connection, ids: Iterable[int], start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    """Read payments of books in a time, oldest first."""
    return connection.execute(_PAYMENTS, {"ids": list(ids), "start": start, "end": end}).all()


def marks_at(connection: Connection, ids: Iterable[int], moments: Iterable[datetime]) -> Sequence[Row[Any]]:
    """Read the newest stored bar of each book at or before each moment; none before its first."""
    return connection.execute(_MARKS, {"ids": list(ids), "moments": list(moments)}).all()


def wallet_rests(connection: Connection, account_id: int, first: date, last: date) -> Sequence[Row[Any]]:
    """Read what no book of an account explains of its wallet, by day that was compared."""
    known = {"account": account_id, "first": first, "last": last}
    return connection.execute(_RESTS, known).all()


_BOOKS = text(
    "select d.id, coalesce(d.set_id, d.id), d.account_id, a.name, a.venue, a.currency, d.strategy, d.symbol, "
    "d.timeframe, w.stage, d.capital, least(e.ts, f.first_at, i.first_at), "
    "greatest(n.ts, f.last_at, i.last_at), coalesce(e.open, e.price), e.ts "
    "from trading.deployments d join trading.accounts a on a.id = d.account_id "
    "join trading.deployments w on w.id = coalesce(d.set_id, d.id) "
    "left join lateral (select ts, open, price from trading.equity where deployment_id = d.id "
    "order by ts limit 1) e on true "
    "left join lateral (select ts from trading.equity where deployment_id = d.id "
    "order by ts desc limit 1) n on true "
    "left join (select deployment_id, min(ts) as first_at, max(ts) as last_at from trading.fills "
    "group by deployment_id) f on f.deployment_id = d.id "
    "left join (select deployment_id, min(ts) as first_at, max(ts) as last_at from trading.income "
    "group by deployment_id) i on i.deployment_id = d.id "
    "where not exists (select 1 from trading.deployments l where l.set_id = d.id) "
    "and (cast(:account as bigint) is null or d.account_id = :account) "
    "and (cast(:deployment as bigint) is null or :deployment in (d.id, d.set_id)) "
    "order by d.account_id, coalesce(d.set_id, d.id), d.id"
)
_FILLS = text(
    "select f.deployment_id, floor(extract(epoch from f.ts) * 1000)::bigint as at_ms, "
    "case when f.side = 'buy' then f.quantity else -f.quantity end as quantity, f.price, f.fee, "
    "coalesce(i.arrival_price, i.decision_price) as arrival, "
    "f.symbol, f.trade_id, f.reason from trading.fills f left join trading.intents i using (client_order_id) "
    "where f.deployment_id = any(:ids) and f.ts >= :start and f.ts < :end "
    "order by f.ts, length(f.trade_id), f.trade_id, f.part"
)
_PAYMENTS = text(
    "select deployment_id, floor(extract(epoch from ts) * 1000)::bigint as at_ms, kind, amount "
    "from trading.income where deployment_id = any(:ids) and ts >= :start and ts < :end "
    "order by ts, deployment_id, kind"
)
_MARKS = text(
    "select b.id as deployment_id, (extract(epoch from m.at) * 1000)::bigint as moment_ms, "
    "(extract(epoch from e.ts) * 1000)::bigint as at_ms, e.price, e.equity, "
    "(extract(epoch from coalesce(e.booked_at, e.ts)) * 1000)::bigint as booked_ms "
    "from unnest(cast(:ids as bigint[])) as b(id) "
    "cross join unnest(cast(:moments as timestamptz[])) as m(at) "
    "cross join lateral (select ts, price, equity, booked_at from trading.equity "
    "where deployment_id = b.id and ts <= m.at order by ts desc limit 1) e"
)
_RESTS = text(
    "select day, rest from trading.wallet_days where account_id = :account "
    "and day between :first and :last order by day"
)
