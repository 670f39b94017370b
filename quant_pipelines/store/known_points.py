"""What strategies read of ``market.*`` beside bars: values with the times from which on they were known."""

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import (
    funding_rates,
    index_prices,
    mark_prices,
    open_interest,
    regimes,
)

_COLUMNS = {
    "funding_rate": funding_rates.c.rate,
    "open_interest": open_interest.c.open_interest,
    "index_close": index_prices.c.price,
    "mark_close": mark_prices.c.price,
    "turbulence": regimes.c.turbulence,
    "trend": regimes.c.trend,
}


def read_points(engine: Engine, exchange: str, symbol: str, name: str, window: Window) -> KnownPoints:
    """Read the stored values of one input with times in a window, oldest first.

    Parameters
    ----------
    engine
        Product database.
    exchange, symbol
        Whose.
    name
        ``funding_rate``, ``open_interest``, ``index_close``, ``mark_close``, ``turbulence`` or ``trend``.
    window
        Of their times.
    """
    column = _COLUMNS[name]
    times = ", ".join(f"(extract(epoch from {name}) * 1000)::bigint" for name in ("ts", "available_at"))
    query = (
        f"select {times}, {column.name} from {column.table} "  # noqa: S608 - names of this module
        "where exchange = %s and symbol = %s and ts >= %s and ts < %s order by ts"
    )
    with transaction(engine) as connection:
        parameters = (exchange, symbol, from_ms(max(window.start_ms, 0)), from_ms(window.end_ms))
        rows = [tuple(row) for row in connection.exec_driver_sql(query, parameters)]
    ts, known_at, values = zip(*rows, strict=True) if rows else ((), (), ())
    return KnownPoints(np.array(ts, np.int64), np.array(known_at, np.int64), np.array(values, np.float64))
