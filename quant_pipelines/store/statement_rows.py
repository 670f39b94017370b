"""Rows of which a yearly statement of an account is made: its fills, and its payments with their prices."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from quant_pipelines.trading.purposes import INTERNAL_PREFIX


class AccountRow(NamedTuple):
    """An account: its name, where its money is (paper, or a ccxt id), and the currency that it is kept in."""

    id: int
    name: str
    venue: str
    currency: str


def read_accounts(connection: Connection, account_id: int | None = None) -> list[AccountRow]:
    """Read one account, or all."""
    query = text(
        "select id, name, venue, currency from trading.accounts "
        "where cast(:id as bigint) is null or id = :id order by id"
    )
    return [AccountRow(*row) for row in connection.execute(query, {"id": account_id})]


def account_fills(connection: Connection, account: AccountRow, end: datetime) -> Sequence[Row[Any]]:
    """Read the fills of an account before a time, oldest first; ``is_internal``: two of its books made it."""
    known = {"account": account.id, "venue": account.venue, "end": end, "internal": f"{INTERNAL_PREFIX}%"}
    return connection.execute(_FILLS, known).all()


def account_payments(
    connection: Connection, account: AccountRow, start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    """Read funding and insurance of an account in a time, each with position and price.

    ``slots`` are those of the bar that it fell into, ``price`` the close before it; null where none is.
    """
    known = {"account": account.id, "start": start, "end": end}
    return connection.execute(_PAYMENTS, known).all()


def years_of(connection: Connection, account: AccountRow) -> list[int]:
    """Years (UTC) in which something was filled or paid, oldest first."""
    return list(connection.execute(_YEARS, {"account": account.id}).scalars())


def closes_before(connection: Connection, account: AccountRow, end: datetime) -> dict[str, "ClosePrice"]:
    """Read the newest close of each symbol of an account before a time."""
    rows = connection.execute(_CLOSES, {"account": account.id, "end": end})
    return {symbol: ClosePrice(Decimal(repr(price)), at) for symbol, price, at in rows}


class ClosePrice(NamedTuple):
    """Close of a bar, quote per base, and when it closed."""

    price: Decimal
    at: datetime


_FILLS = text(
    "select f.ts, floor(extract(epoch from f.ts) * 1000)::bigint as at_ms, f.deployment_id, d.strategy, "
    "f.symbol, f.trade_id, f.side, f.quantity, f.price, f.fee, f.reason, "
    "f.trade_id like :internal as is_internal "
    "from trading.fills f join trading.deployments d on d.id = f.deployment_id "
    "where d.account_id = :account and f.venue = :venue and f.ts < :end "
    "order by f.ts, length(f.trade_id), f.trade_id, f.part"
)
_PAYMENTS = text(
    "select i.ts, floor(extract(epoch from i.ts) * 1000)::bigint as at_ms, i.deployment_id, d.strategy, "
    "d.symbol, i.kind, i.amount, b.price, b.ts as price_at, a.slots, "
    "(select sum(case when f.side = 'buy' then f.quantity else -f.quantity end) from trading.fills f "
    "where f.deployment_id = i.deployment_id and f.ts < i.ts) as position "
    "from trading.income i join trading.deployments d on d.id = i.deployment_id "
    "left join lateral (select price, ts from trading.equity where deployment_id = i.deployment_id "
    "and ts <= i.ts order by ts desc limit 1) b on true "
    "left join lateral (select slots from trading.equity where deployment_id = i.deployment_id "
    "and ts > i.ts order by ts limit 1) a on true "
    "where d.account_id = :account and i.kind <> 'transfer' and i.ts >= :start and i.ts < :end "
    "order by i.ts, i.deployment_id, i.kind"
)
_YEARS = text(
    "select distinct extract(year from ts at time zone 'UTC')::int from ("
    "select f.ts from trading.fills f join trading.deployments d on d.id = f.deployment_id "
    "where d.account_id = :account union all "
    "select i.ts from trading.income i join trading.deployments d on d.id = i.deployment_id "
    "where d.account_id = :account and i.kind <> 'transfer') as booked(ts) order by 1"
)
_CLOSES = text(
    "select distinct on (d.symbol) d.symbol, e.price, e.ts from trading.deployments d "
    "cross join lateral (select price, ts from trading.equity where deployment_id = d.id and ts <= :end "
    "order by ts desc limit 1) e where d.account_id = :account order by d.symbol, e.ts desc"
)
