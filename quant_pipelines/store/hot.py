"""What the hot score rests on besides market data: who was left out, weights, coins in circulation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.hotlist.filter import Exclusion
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    bars,
    circulating_supplies,
    fetched_days,
    hot_exclusions,
    hot_weights,
    hotlist,
)
from quant_pipelines.store.tables.hot import WeightCause

_LOCK = 0x484F5457


class StoredWeight(NamedTuple):
    """One row of ``market.hot_weights``."""

    factor: str
    weight: float
    cause: WeightCause
    actor: str
    reason: str
    made_at: datetime


class Supply(NamedTuple):
    """Coins in circulation, base units of the contract at the time when it was recorded."""

    coins: float
    recorded_at: datetime


def save_exclusions(engine: Engine, exchange: str, at: datetime, found: Sequence[Exclusion]) -> None:
    """Store whom the filters left out of a scan; what was told stays."""
    rows = [{"scored_at": at, "exchange": exchange, **one._asdict()} for one in found]
    if rows:
        with transaction(engine) as connection:
            connection.execute(upsert(hot_exclusions).on_conflict_do_nothing(), rows)


def newest_exclusions(engine: Engine, exchange: str) -> list[Exclusion]:
    """Whom the newest scan left out, and why."""
    of_exchange = hotlist.c.exchange == exchange, hot_exclusions.c.exchange == exchange
    newest = func.greatest(
        select(func.max(hotlist.c.scored_at)).where(of_exchange[0]).scalar_subquery(),
        select(func.max(hot_exclusions.c.scored_at)).where(of_exchange[1]).scalar_subquery(),
    )
    query = (
        select(*(hot_exclusions.c[name] for name in Exclusion._fields))
        .where(of_exchange[1], hot_exclusions.c.scored_at == newest)
        .order_by(hot_exclusions.c.symbol, hot_exclusions.c.filter)
    )
    with transaction(engine) as connection:
        return [Exclusion(*row) for row in connection.execute(query)]


def listed_from(engine: Engine, exchange: str) -> dict[str, datetime]:
    """First stored hour of each symbol before which the exchange was asked for a day and had none.

    A symbol that is missing was listed before anything that is stored.
    """
    asked = (
        select(fetched_days.c.symbol, func.min(fetched_days.c.day).label("day"))
        .where(fetched_days.c.exchange == exchange, fetched_days.c.bars == 0)
        .group_by(fetched_days.c.symbol)
        .subquery()
    )
    hours = (bars.c.exchange == exchange) & (bars.c.timeframe == "1h")
    first = select(func.min(bars.c.ts)).where(hours, bars.c.symbol == asked.c.symbol).scalar_subquery()
    with transaction(engine) as connection:
        rows = connection.execute(select(asked.c.symbol, asked.c.day, first.label("first")))
        return {row.symbol: row.first for row in rows if row.first and row.day < row.first.date()}


def record_supply(connection: Connection, row: Mapping[str, Any]) -> None:
    """Store how many coins there are, as of now; what was recorded before stays."""
    connection.execute(insert(circulating_supplies).values(dict(row)))


def supplies_at(engine: Engine, exchange: str, at: datetime) -> dict[str, Supply]:
    """Newest supply of each symbol that was recorded by a time."""
    own = circulating_supplies.c
    query = (
        select(own.symbol, own.supply, own.recorded_at)
        .where(own.exchange == exchange, own.recorded_at <= at)
        .ext(distinct_on(own.symbol))
        .order_by(own.symbol, own.recorded_at.desc())
    )
    with transaction(engine) as connection:
        return {row.symbol: Supply(row.supply, row.recorded_at) for row in connection.execute(query)}


def lock_weights(connection: Connection) -> None:
    """Let one change of weights be made at a time, until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def add_weight(connection: Connection, exchange: str, weight: StoredWeight) -> None:
    """Put a weight into force."""
    connection.execute(insert(hot_weights).values(exchange=exchange, **weight._asdict()))


def stored_weights(
    connection: Connection, exchange: str, cause: WeightCause | None = None
) -> list[StoredWeight]:
    """Newest weight of each factor that has one; of one cause if it is given."""
    own = hot_weights.c
    query = select(*(own[name] for name in StoredWeight._fields)).where(own.exchange == exchange)
    if cause is not None:
        query = query.where(own.cause == cause)
    newest = query.ext(distinct_on(own.factor)).order_by(own.factor, own.id.desc())
    return [StoredWeight(*row) for row in connection.execute(newest)]
