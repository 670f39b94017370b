"""Rankings of past hours as they were stored, and how useful they have been."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine, func, select, text
from sqlalchemy.dialects.postgresql import insert

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, from_ms
from quant_pipelines.hotlist.factors import NAMES
from quant_pipelines.hotlist.usefulness import Usefulness
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import hot_usefulness

SCORE = "score"
RANKINGS = (SCORE, *NAMES)


class StoredRankings(NamedTuple):
    """What the first scan of each hour said.

    Parameters
    ----------
    hours
        Begins of the hours that were scanned, milliseconds UTC, oldest first. shape (n_hours,), int64.
    symbols
        Every symbol that was ranked, in alphabetical order.
    values
        Score, then each factor's z; NaN where a symbol was not ranked or a factor missing.
        shape (n_rankings, n_hours, n_symbols), float64.
    """

    hours: IntArray
    symbols: list[str]
    values: FloatArray


def read_rankings(engine: Engine, exchange: str, window: Window) -> StoredRankings:
    """Read the rankings of a window; of the scans of one hour the first counts."""
    factors = ", ".join(
        f"case when factors -> '{name}' -> 'raw' <> 'null' then (factors -> '{name}' ->> 'z')::float8 end"
        for name in NAMES
    )
    query = text(
        "select floor(extract(epoch from scored_at) / 3600)::bigint as hour, symbol, score, "  # noqa: S608
        f"{factors} from market.hotlist where exchange = :exchange and scored_at in ("
        "select min(scored_at) from market.hotlist where exchange = :exchange "
        "and scored_at >= :start and scored_at < :end group by date_trunc('hour', scored_at, 'UTC'))"
    )
    bounds = {"start": from_ms(window.start_ms), "end": from_ms(window.end_ms)}
    with transaction(engine) as connection:
        rows = connection.execute(query, {"exchange": exchange, **bounds}).all()
    hours = np.unique(np.array([row[0] for row in rows], dtype=np.int64))
    symbols = sorted({row[1] for row in rows})
    values = np.full((len(RANKINGS), hours.size, len(symbols)), np.nan)
    if rows:
        at_hour = np.searchsorted(hours, [row[0] for row in rows])
        at_symbol = [symbols.index(row[1]) for row in rows]
        values[:, at_hour, at_symbol] = np.array([row[2:] for row in rows], dtype=np.float64).T
    return StoredRankings(hours * HOUR_MS, symbols, values)


def save_usefulness(engine: Engine, exchange: str, at: datetime, seen: Sequence[Usefulness]) -> None:
    """Store what was measured; what was told of that time stays."""
    rows = [{"exchange": exchange, "measured_at": at, **_row(one)} for one in seen]
    if rows:
        with transaction(engine) as connection:
            connection.execute(insert(hot_usefulness).on_conflict_do_nothing(), rows)


def newest_usefulness(engine: Engine, exchange: str) -> list[dict[str, Any]]:
    """Read what was measured last, by ranking, target and horizon."""
    own = hot_usefulness.c
    newest = select(func.max(own.measured_at)).where(own.exchange == exchange).scalar_subquery()
    query = (
        select(hot_usefulness)
        .where(own.exchange == exchange, own.measured_at == newest)
        .order_by(own.ranking, own.target, own.horizon_hours)
    )
    with transaction(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _row(one: Usefulness) -> dict[str, Any]:
    told = one.shuffled
    shuffled = {
        "shuffled_low": told and told.low,
        "shuffled_high": told and told.high,
        "p_value": told and told.p_value,
    }
    names = ("ranking", "target", "horizon_hours", "hours", "blocks", "claim")
    numbers = {name: _known(getattr(one, name)) for name in ("coefficient", "low", "high")}
    return {name: getattr(one, name) for name in names} | numbers | shuffled


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
