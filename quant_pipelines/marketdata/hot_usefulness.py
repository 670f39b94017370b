"""Measures how useful the stored hot scores have been, by prices after each of them only."""

from typing import NamedTuple

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, floor_ms, from_ms
from quant_pipelines.hotlist.usefulness import (
    HORIZONS_HOURS,
    TARGETS,
    RankedHours,
    Usefulness,
    forward_returns,
    shuffled,
    usefulness,
)
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.hot_usefulness import RANKINGS, SCORE, read_rankings, save_usefulness
from quant_pipelines.store.price_factors import read_factors


class _Marks(NamedTuple):
    """Log prices at full hours, the first of them at ``first_ms``; NaN where unknown."""

    first_ms: int
    log_prices: FloatArray


def measure_usefulness(
    engine: Engine, exchange: str, settings: HotListSettings, *, now_ms: int, seed: int
) -> list[Usefulness]:
    """Measure the score beside shuffled ones at every horizon, each factor at the one that moves weights.

    Parameters
    ----------
    engine, exchange
        Product database, ccxt id.
    settings
        Days that are looked back, and the horizon that moves weights.
    now_ms
        Time of the look, milliseconds UTC.
    seed
        Of the shuffles.

    Returns
    -------
    list[Usefulness]
        What was stored, too: the score's by target and horizon, then the factors'.
    """
    start_ms = now_ms - settings.usefulness_days * DAY_MS
    stored = read_rankings(engine, exchange, Window(start_ms, now_ms))
    marks = _marks(engine, exchange, stored.symbols, Window(floor_ms(start_ms, HOUR_MS), now_ms))
    # A ranking of an hour can be acted on at the begin of the next one.
    rows = ((stored.hours - marks.first_ms) // HOUR_MS + 1).astype(np.int64)
    seen = []
    for horizon in HORIZONS_HOURS:
        returns = forward_returns(marks.log_prices, rows.tolist(), horizon)
        moves_weights = f"{horizon}h" == settings.usefulness_horizon
        for at, ranking in enumerate(RANKINGS if moves_weights else (SCORE,)):
            panel = RankedHours(stored.values[at], returns, stored.hours // HOUR_MS)
            seen += _measured(ranking, horizon, panel, seed)
    save_usefulness(engine, exchange, from_ms(now_ms), seen)
    return seen


def _measured(ranking: str, horizon: int, panel: RankedHours, seed: int) -> list[Usefulness]:
    found = []
    for number, target in enumerate(TARGETS):
        one = usefulness(ranking, target, horizon, panel)
        if ranking == SCORE:
            generator = np.random.default_rng([seed, horizon, number])
            one = one._replace(shuffled=shuffled(panel, target, generator))
        found.append(one)
    return found


def _marks(engine: Engine, exchange: str, symbols: list[str], window: Window) -> _Marks:
    """Read the closes of the hours that have ended, at their ends, in today's scale."""
    last_ms = floor_ms(window.end_ms, HOUR_MS)
    n_marks = (last_ms - window.start_ms) // HOUR_MS + 2  # and the hour to come, of which nothing is known
    log_prices = np.full((n_marks, len(symbols)), np.nan)
    for column, symbol in enumerate(symbols):
        stored = read_bars(engine, Series(exchange, symbol, "1h"), Window(window.start_ms - HOUR_MS, last_ms))
        bars = adjusted(stored, read_factors(engine, exchange, symbol))
        log_prices[_rows(bars.ts, window.start_ms), column] = np.log(bars.close)
    return _Marks(window.start_ms, log_prices)


def _rows(opens_ms: IntArray, first_ms: int) -> IntArray:
    rows: IntArray = (opens_ms - first_ms) // HOUR_MS + 1
    return rows
