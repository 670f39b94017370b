"""Prices that leave their surroundings and come back at once, as a bad tick does."""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.marketdata.checks.finding import WARNING, Day, Finding

_HIGHEST_Z = 30.0
_LEAST_MOVE = 0.02
_MAD_TO_DEVIATION = 1.4826
_LEAST_BARS = 12


def find_outliers(day: Day) -> Finding | None:
    """Spikes of more than 2 % and more than 30 robust deviations of the returns around, there and back.

    A spike is a high (or low) that neither neighbor comes near. The scale is the median absolute return of
    the day with its neighbors. A spike that the witness has as well happened; one that the exchange confirmed
    is left alone.
    """
    around = day.around
    if len(around) < _LEAST_BARS:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        size = _spikes(around)
        returns = np.abs(np.diff(np.log(around.close)))
    scale = _MAD_TO_DEVIATION * float(np.nanmedian(returns))
    is_odd = (size > max(_LEAST_MOVE, _HIGHEST_Z * scale)) & ~_witnessed(around, day.witness)
    return day.suspected("outliers", WARNING, np.isin(day.bars.ts, around.ts[is_odd]))


def _spikes(bars: Bars) -> FloatArray:
    """How far each bar leaves its neighbors on either side; log distance, shape (n_bars,)."""
    top, bottom = np.log(bars.high), np.log(bars.low)
    up, down = np.zeros(len(bars)), np.zeros(len(bars))
    up[1:-1] = top[1:-1] - np.maximum(top[:-2], top[2:])
    down[1:-1] = np.minimum(bottom[:-2], bottom[2:]) - bottom[1:-1]
    joined = np.diff(bars.ts) == bars.step_ms
    inside = np.zeros(len(bars), dtype=bool)
    inside[1:-1] = joined[:-1] & joined[1:]
    size: FloatArray = np.where(inside, np.nan_to_num(np.maximum(up, down), nan=0.0, posinf=0.0), 0.0)
    return size


def _witnessed(bars: Bars, witness: Bars) -> BoolArray:
    """Whether the witness's bars reach as far as each bar; False where it has none. Shape (n_bars,)."""
    seen = np.zeros(len(bars), dtype=bool)
    if not len(witness):
        return seen
    if witness.step_ms >= bars.step_ms:
        place = np.searchsorted(witness.ts, bars.ts, side="right") - 1
        has = (place >= 0) & (bars.close_ts <= witness.close_ts[place])
        return has & (witness.high[place] >= bars.high) & (witness.low[place] <= bars.low)
    for position in range(len(bars)):
        inner = witness.between(int(bars.ts[position]), int(bars.close_ts[position]))
        if len(inner):
            seen[position] = inner.high.max() >= bars.high[position] and inner.low.min() <= bars.low[position]
    return seen
