"""Drops months of rows that nobody needs any more: whole partitions, which costs next to nothing."""

from datetime import date

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, from_ms, to_ms
from quant_pipelines.optimize.folds import first_bar_ms
from quant_pipelines.store.bar_partitions import (
    following_month,
    is_partitioned,
    month_start_ms,
    partition_of,
    stored_months,
)
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market_events import sample_months

# A deployment is replayed from the first bar it saw, an interrupted search goes on in its window.
_OLDEST_IN_USE = """
select min(start) from (
    select min(history_start) as start from trading.deployments
    where stage not in ('retired', 'rejected', 'rolled_back')
    union all
    select min(window_start) from research.optimizer_tasks where status in ('pending', 'running')
) as used
"""


def apply_retention(engine: Engine, settings: Settings, clock: Clock) -> list[str]:
    """Drop the months of bars and of sampled trades and books that end before the days that are kept.

    A month of bars stays while the optimization windows, the history that ingestion fills, a deployment that
    is not over or an unfinished search reach into it.

    Parameters
    ----------
    engine
        Product database.
    settings
        ``market.keep_bars_days`` and ``market.keep_samples_days``; 0 days keeps everything.
    clock
        Milliseconds UTC.

    Returns
    -------
    list of str
        Names of the partitions that were dropped.

    Raises
    ------
    StoreError
        If a partition is in use for longer than a few seconds; those that were dropped before stay dropped.
    """
    dropped = _drop_bars(engine, settings, clock) if settings.market.keep_bars_days else []
    if settings.market.keep_samples_days:
        dropped += _drop_samples(engine, clock() - settings.market.keep_samples_days * DAY_MS)
    return dropped


def _drop_bars(engine: Engine, settings: Settings, clock: Clock) -> list[str]:
    with transaction(engine) as connection:
        before_ms = _oldest_kept_ms(connection, settings, clock())
        if not is_partitioned(connection):
            # TimescaleDB: never run in our tests, which have no such server.
            query = "select drop_chunks('market.bars', older_than => %s::timestamptz)::text"
            return list(connection.exec_driver_sql(query, (from_ms(before_ms),)).scalars())
        months = sorted(stored_months(connection))
    dropped = [month for month in months if month_start_ms(following_month(month)) <= before_ms]
    for month in dropped:
        _drop(engine, partition_of(month), forget=month)
    return [partition_of(month) for month in dropped]


def _drop_samples(engine: Engine, before_ms: int) -> list[str]:
    with transaction(engine) as connection:
        months = sample_months(connection)
    dropped = [name for name, month in months.items() if month_start_ms(following_month(month)) <= before_ms]
    for name in dropped:
        _drop(engine, name)
    return dropped


def _oldest_kept_ms(connection: Connection, settings: Settings, now_ms: int) -> int:
    """First moment that must stay."""
    search, market = settings.optimization, settings.market
    midnight = now_ms - now_ms % DAY_MS
    needed = [midnight - max(market.keep_bars_days, market.history_days) * DAY_MS]
    needed += [first_bar_ms(midnight, windows) for windows in (search.minute_windows, search.hour_windows)]
    in_use = connection.exec_driver_sql(_OLDEST_IN_USE).scalar_one()
    return min(needed) if in_use is None else min(*needed, to_ms(in_use))


def _drop(engine: Engine, name: str, *, forget: date | None = None) -> None:
    """Drop one partition, and the versions of the bars that were in it."""
    with transaction(engine) as connection:
        try:
            # Dropping waits for every reader, and every new reader waits behind it.
            connection.exec_driver_sql("set local lock_timeout = '5s'")
            connection.exec_driver_sql(f"drop table if exists {name}")
            if forget is not None:
                connection.exec_driver_sql("delete from market.bar_versions where month = %s", (forget,))
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            raise StoreError(
                f"{name} can't be dropped now: {str(error.orig).splitlines()[0]}; expected a moment in which "
                "nobody reads it, try again later"
            ) from error
