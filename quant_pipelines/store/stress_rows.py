"""What a stress asks of the market: how much prices move in a day, and what a day of funding costs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from quant_pipelines.store.tables import bars, funding_rates

_DAYS = 30
"""Daily closes behind a deviation; fewer than a third of them tell none."""


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
    """Read what longs paid in the 24 hours before a time, fractions of the notional, where it is stored."""
    own = funding_rates.c
    query = (
        select(own.symbol, func.sum(own.rate).label("paid"))
        .where(own.exchange == exchange, own.symbol.in_(symbols))
        .where(own.ts > now - timedelta(days=1), own.ts <= now)
        .group_by(own.symbol)
    )
    return {row.symbol: float(row.paid) for row in connection.execute(query)}
