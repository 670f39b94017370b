"""Regimes in ``market.regimes``: added hour by hour, never told otherwise afterwards."""

from datetime import datetime

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.hotlist.regime import KNOWN_AFTER_MS, RegimeDays, RegimePath
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import regimes


def newest_regimes(engine: Engine, exchange: str) -> dict[str, int]:
    """Time of each symbol's newest regime, milliseconds UTC."""
    query = select(regimes.c.symbol, func.max(regimes.c.ts).label("ts")).where(regimes.c.exchange == exchange)
    with transaction(engine) as connection:
        return {row.symbol: to_ms(row.ts) for row in connection.execute(query.group_by(regimes.c.symbol))}


def add_regimes(engine: Engine, exchange: str, symbol: str, path: RegimePath) -> int:
    """Store a path; an hour that is stored already stays as it was told. Returns the number of new hours."""
    rows = [
        {
            "exchange": exchange,
            "symbol": symbol,
            "ts": from_ms(ts),
            "turbulence": turbulence,
            "trend": trend,
            "available_at": from_ms(ts + KNOWN_AFTER_MS),
        }
        for ts, turbulence, trend in zip(*(column.tolist() for column in path), strict=True)
    ]
    added = 0
    with transaction(engine) as connection:
        for start in range(0, len(rows), 5000):
            made = upsert(regimes).values(rows[start : start + 5000]).on_conflict_do_nothing()
            added += len(connection.execute(made.returning(regimes.c.ts)).all())
    return added


def regimes_at(engine: Engine, exchange: str, at: datetime) -> dict[str, tuple[float, float]]:
    """Newest turbulence and trend of each symbol that were known at a time."""
    query = (
        select(regimes.c.symbol, regimes.c.turbulence, regimes.c.trend)
        .where(regimes.c.exchange == exchange, regimes.c.available_at <= at)
        .ext(distinct_on(regimes.c.symbol))
        .order_by(regimes.c.symbol, regimes.c.ts.desc())
    )
    with transaction(engine) as connection:
        return {row.symbol: (row.turbulence, row.trend) for row in connection.execute(query)}


def days_in_regime(connection: Connection, verdict_id: int | None, at: datetime) -> RegimeDays | None:
    """Count days of a verdict's record that ended in the regime of its symbol now; None if not known."""
    row = connection.execute(_DAYS_IN_REGIME, {"verdict": verdict_id, "at": at}).one_or_none()
    return None if row is None else RegimeDays(row.is_turbulent, row.n_days)


_DAYS_IN_REGIME = sql(
    "with unit as ("
    "select v.exchange, v.symbol, t.record_id, t.window_end::date as before from research.verdicts v "
    "join research.optimizer_tasks t on t.id = v.task_id where v.id = :verdict"
    "), newest as ("
    "select turbulence >= 0.5 as is_turbulent from market.regimes join unit using (exchange, symbol) "
    "where available_at <= :at order by ts desc limit 1) "
    "select is_turbulent, (select count(*) from unit "
    "join research.record_days d on d.record_id = unit.record_id and d.day < unit.before "
    "join market.regimes r on r.exchange = unit.exchange and r.symbol = unit.symbol "
    "and r.ts = (d.day + 1)::timestamp at time zone 'UTC' "
    "where (r.turbulence >= 0.5) = is_turbulent) as n_days from newest"
)
