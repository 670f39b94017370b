"""Keeps the regimes of the symbols that are followed, hour by hour."""

from collections.abc import Sequence

from sqlalchemy import Engine

from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.hotlist.regime import WARM_DAYS, RegimePath, regime_path
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.price_factors import read_factors
from quant_pipelines.store.regimes import add_regimes, newest_regimes


def follow_regimes(engine: Engine, exchange: str, symbols: Sequence[str], now_ms: int) -> dict[str, int]:
    """Add the regimes of the hours that have closed since the newest one; returns new hours by symbol.

    An hour whose bar came late, after a later hour was told, stays without one: strategies had none then.
    """
    newest = newest_regimes(engine, exchange)
    added = {}
    for symbol in symbols:
        known_ms = newest.get(symbol, 0)
        start_ms = max(0, floor_ms(known_ms, DAY_MS) - (WARM_DAYS + 1) * DAY_MS) if known_ms else 0
        stored = read_bars(engine, Series(exchange, symbol, "1h"), Window(start_ms, now_ms))
        closed = stored.rows(0, int((stored.close_ts <= now_ms).sum()))
        bars = adjusted(closed, read_factors(engine, exchange, symbol))
        path = regime_path(bars.ts, bars.close)
        new = path.ts > known_ms
        added[symbol] = add_regimes(
            engine, exchange, symbol, RegimePath(path.ts[new], path.turbulence[new], path.trend[new])
        )
    return added
