"""What a stress asks of the market: how much prices move in a day, and what a day of funding costs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Subquery, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from quant_pipelines.store.tables import bars, funding_rates, instruments

_DAYS = 30
"""Daily closes behind a deviation; fewer than a third of them tell none."""
_DAY_HOURS: Final = 24
_DAY: Final = timedelta(hours=_DAY_HOURS)
_LONGEST_HOURS: Final = 8
"""Between two slots where no specification of the symbol is stored: fewer of them are no whole day."""


def daily_deviations(
    connection: Connection, exchange: str, symbols: Sequence[str], now: datetime
) -> dict[str, float]:
    """Read standard deviations of daily returns over 30 days, fractions; none where too few are stored."""
    before = func.lag(bars.c.close).over(partition_by=bars.c.symbol, order_by=bars.c.ts)
    moves = (
        select(bars.c.symbol, (bars.c.close / before - 1).label("move"))
        .where(bars.c.exchange == exchange, bars.c.symbol.in_(symbols), bars.c.timeframe == "1d")
        .where(bars.c.ts > now - timedelta(days=_DAYS + 1))
        .subquery()
    )
    query = (
        select(moves.c.symbol, func.stddev_samp(moves.c.move).label("deviation"))
        .group_by(moves.c.symbol)
        .having(func.count(moves.c.move) * 3 >= _DAYS)
    )
    return {row.symbol: float(row.deviation) for row in connection.execute(query)}


def funding_of_a_day(
    connection: Connection, exchange: str, symbols: Sequence[str], now: datetime
) -> dict[str, float]:
    """Read what longs paid in the newest 24 hours that are stored whole, fractions of the notional.

    A symbol is left out where a slot of those hours is missing, since a part of a day would look like a cheap
    day, and where the newest slot is older than a day.
    """
    own = funding_rates.c
    newest = func.max(own.ts).over(partition_by=own.symbol)
    paid = (
        select(own.symbol, own.rate, own.ts, newest.label("newest"))
        .where(own.exchange == exchange, own.symbol.in_(symbols))
        .where(own.ts > now - 2 * _DAY, own.ts <= now)
        .subquery()
    )
    hours = _interval_hours(exchange, now)
    query = (
        select(paid.c.symbol, func.sum(paid.c.rate).label("paid"))
        .outerjoin(hours, hours.c.symbol == paid.c.symbol)
        .where(paid.c.newest > now - _DAY, paid.c.ts > paid.c.newest - _DAY)
        .group_by(paid.c.symbol, hours.c.hours)
        .having(func.count() * func.coalesce(hours.c.hours, _LONGEST_HOURS) >= _DAY_HOURS)
    )
    return {row.symbol: float(row.paid) for row in connection.execute(query)}


def _interval_hours(exchange: str, now: datetime) -> Subquery:
    """Hours from one slot to the next that each symbol has now."""
    own = instruments.c
    query = select(own.symbol, own.funding_interval_hours.label("hours"))
    query = query.where(own.exchange == exchange, own.valid_from <= now).ext(distinct_on(own.symbol))
    return query.order_by(own.symbol, own.valid_from.desc()).subquery()
