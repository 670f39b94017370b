"""Days that the exchange was asked for: what lets an interrupted backfill go on where it stopped.

A record alone proves nothing: a day counts as settled only while all of its bars are stored.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Engine

from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms, from_ms, timeframe_ms
from quant_pipelines.store.engine import transaction

SETTLES_AFTER_MS = 5 * MINUTE_MS
"""A day that was fetched this long after its end has no bar left that could still come late."""

_COUNTED = """
select day::date as day, count(bars.ts) as bars
from unnest(%(days)s::date[]) as asked (day)
left join market.bars on exchange = %(exchange)s and symbol = %(symbol)s and timeframe = %(timeframe)s
    and ts >= day::timestamp at time zone 'UTC' and ts < (day + 1)::timestamp at time zone 'UTC'
    and ts >= %(start)s and ts < %(end)s
group by 1
"""
_SAVE = f"""
insert into market.fetched_days (exchange, symbol, timeframe, day, bars, fetched_at)
select %(exchange)s, %(symbol)s, %(timeframe)s, day, bars, %(at)s from ({_COUNTED}) as counted
on conflict (exchange, symbol, timeframe, day)
do update set bars = excluded.bars, fetched_at = excluded.fetched_at
returning day, bars
"""  # noqa: S608 - texts of this module
_SETTLED = f"""
select counted.day from ({_COUNTED}) as counted
join market.fetched_days as fetched using (day)
where exchange = %(exchange)s and symbol = %(symbol)s and timeframe = %(timeframe)s
    and counted.bars = %(full)s
    and fetched_at >= (day + 1)::timestamp at time zone 'UTC' + %(grace)s * interval '1 millisecond'
"""  # noqa: S608 - texts of this module


def save_fetched(engine: Engine, series: Series, days: Sequence[str], at: datetime) -> list[str]:
    """Record that the exchange was asked for these UTC days; returns those of which no bar is stored.

    Parameters
    ----------
    engine
        Product database.
    series
        Which bars.
    days
        As ``YYYY-MM-DD``.
    at
        When it was asked; bars that closed later are not covered.
    """
    if not days:
        return []
    with transaction(engine) as connection:
        saved = connection.exec_driver_sql(_SAVE, {**_window(series, days), "at": at})
        return sorted(row.day.isoformat() for row in saved if not row.bars)


def settled_days(engine: Engine, series: Series, days: Sequence[str]) -> set[str]:
    """Those of the days that were fetched after they were over and are stored without a gap.

    A day with a gap is never settled: the exchange may have mended it, and asking costs little.
    """
    if not days:
        return set()
    full = DAY_MS // timeframe_ms(series.timeframe)
    parameters = {**_window(series, days), "grace": SETTLES_AFTER_MS, "full": full}
    with transaction(engine) as connection:
        found = connection.exec_driver_sql(_SETTLED, parameters)
        return {row.day.isoformat() for row in found}


def _window(series: Series, days: Sequence[str]) -> dict[str, object]:
    bounds = {"start": from_ms(day_start_ms(min(days))), "end": from_ms(day_start_ms(max(days)) + DAY_MS)}
    return {**series._asdict(), **bounds, "days": [date.fromisoformat(day) for day in days]}
