"""Regime of a symbol, filtered: only what was known at the time counts, and nothing is smoothed afterwards.

Two hidden Markov chains with fixed parameters, each run forward (Hamilton 1989, *Econometrica* 57(2), eq.
4-5): calm or turbulent, by the size of returns, and falling, ranging or rising, by their mean. Fixed
parameters make the numbers comparable across symbols and free of a fit that could look ahead.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms

CALM, TURBULENT = 0.75, 2.0
"""Standard deviation of each regime, in multiples of the symbol's usual one."""
STAY = 0.98
"""Probability of staying in the regime for another step."""
DRIFT = 0.1
"""Mean of an hour's return in a trend, in multiples of the usual deviation: half a day's deviation a day."""
STAY_IN_TREND = 0.99
WARM_DAYS = 30
"""Days before a day's first hour that its filter begins with; what came before changes nothing."""
KNOWN_AFTER_MS = 30 * MINUTE_MS
"""From an hour's end to when its regime counts as known: it is computed twenty minutes after it."""
_LEAST_HOURS = 14 * 24
_LARGEST_Z = 4.0
_DAY_HOURS = DAY_MS // HOUR_MS


class RegimePath(NamedTuple):
    """Regimes at the ends of hours.

    Parameters
    ----------
    ts
        Ends of hours, milliseconds UTC. ndarray of shape (n_hours,), int64.
    turbulence
        Probability of the turbulent regime, 0 to 1. ndarray of shape (n_hours,), float64.
    trend
        Probability of rising minus that of falling, -1 to 1; near 0 in a range. Same shape.
    """

    ts: IntArray
    turbulence: FloatArray
    trend: FloatArray


class RegimeDays(NamedTuple):
    """Regime that a symbol is in, and how many out-of-sample days of a record ended in the same one."""

    is_turbulent: bool
    n_days: int


def filtered(densities: FloatArray, stay: float) -> FloatArray:
    """Run a hidden Markov chain forward.

    Parameters
    ----------
    densities
        Of each step's value in each state. ndarray of shape (n_steps, n_states, ...), positive.
    stay
        Probability of staying in a state; the others share the rest equally, and begin alike.

    Returns
    -------
    ndarray of densities' shape
        Probability of each state; ``result[i]`` uses ``densities[: i + 1]``.
    """
    n_states = densities.shape[1]
    move = (1.0 - stay) / (n_states - 1)
    probabilities, state = np.empty_like(densities), np.full(densities.shape[1:], 1.0 / n_states)
    for step, density in enumerate(densities):
        joint = (move + (stay - move) * state) * density
        state = joint / joint.sum(axis=0)
        probabilities[step] = state
    return probabilities


def turbulence(returns: FloatArray, usual_deviation: float) -> FloatArray:
    """Filter the probability of the turbulent one of two zero-mean normal regimes.

    Parameters
    ----------
    returns
        Log returns, oldest first. ndarray of shape (n_steps,), float64, finite.
    usual_deviation
        Standard deviation that the symbol usually has over one step, from data before ``returns``.

    Returns
    -------
    ndarray of shape (n_steps,), float64
        ``result[i]`` uses ``returns[: i + 1]``; all 0.5 if the usual deviation is not positive.
    """
    if not usual_deviation > 0:
        return np.full(returns.size, 0.5)
    return filtered(_by_size(returns / usual_deviation), STAY)[:, 1]


def regime_path(opens_ms: IntArray, close: FloatArray) -> RegimePath:
    """Follow a symbol's regimes hour by hour.

    Parameters
    ----------
    opens_ms
        Open times of its hourly bars, milliseconds UTC, oldest first. ndarray of shape (n_bars,), int64.
    close
        Their closes, in one scale. ndarray of shape (n_bars,), float64, positive.

    Returns
    -------
    RegimePath
        From the first day before which 14 of the last 30 days are known. A value rests on the hours since 30
        days before its own day's begin: neither later bars nor earlier ones change it.

    Notes
    -----
    The usual deviation of a day is that of the hours before it. An hour without a bar tells nothing.
    """
    if not opens_ms.size:
        return RegimePath(np.empty(0, np.int64), np.empty(0), np.empty(0))
    first_ms = floor_ms(int(opens_ms[0]), DAY_MS) - WARM_DAYS * DAY_MS
    n_days = (int(opens_ms[-1]) - first_ms) // DAY_MS + 1 - WARM_DAYS
    returns = _on_grid(opens_ms, close, first_ms, (n_days + WARM_DAYS) * _DAY_HOURS)
    warm = WARM_DAYS * _DAY_HOURS
    # One column for each day, which begins with the days before it.
    days = np.lib.stride_tricks.sliding_window_view(returns, warm + _DAY_HOURS)[::_DAY_HOURS].T
    known = np.isfinite(days[:warm]).sum(axis=0)
    squares = np.nansum(days[:warm] ** 2, axis=0)
    usual = np.sqrt(np.divide(squares, known, out=np.zeros(n_days), where=known >= _LEAST_HOURS))
    z = np.divide(days, usual, out=np.full(days.shape, np.nan), where=usual > 0.0)
    turbulent = filtered(_by_size(z), STAY)[warm:, 1]
    trends = filtered(_by_mean(z), STAY_IN_TREND)[warm:]
    is_there = (np.isin(_hours(first_ms + WARM_DAYS * DAY_MS, n_days), opens_ms)) & np.repeat(usual > 0.0, 24)
    ts = _hours(first_ms + WARM_DAYS * DAY_MS, n_days) + HOUR_MS
    trend = (trends[:, 2] - trends[:, 0]).T.ravel()
    return RegimePath(ts[is_there], turbulent.T.ravel()[is_there], trend[is_there])


def _hours(first_ms: int, n_days: int) -> IntArray:
    return first_ms + HOUR_MS * np.arange(n_days * _DAY_HOURS, dtype=np.int64)


def _on_grid(opens_ms: IntArray, close: FloatArray, first_ms: int, n_hours: int) -> FloatArray:
    """Log returns of an hour each, by hour; NaN where one of its two bars is missing."""
    prices = np.full(n_hours + 1, np.nan)
    prices[(opens_ms - first_ms) // HOUR_MS + 1] = np.log(close)
    returns: FloatArray = np.diff(prices)
    return returns


def _by_size(z: FloatArray) -> FloatArray:
    """Densities of a calm and a turbulent step, up to a constant; alike where nothing is known."""
    scale = np.array([CALM, TURBULENT]).reshape(1, 2, *[1] * (z.ndim - 1))
    density = np.exp(-0.5 * (z[:, None] / scale) ** 2) / scale
    return np.where(np.isnan(density), 1.0, np.maximum(density, np.finfo(np.float64).tiny))


def _by_mean(z: FloatArray) -> FloatArray:
    """Densities of a falling, a ranging and a rising step, up to a constant; large moves count as 4."""
    mean = DRIFT * np.array([-1.0, 0.0, 1.0]).reshape(1, 3, *[1] * (z.ndim - 1))
    density = np.exp(-0.5 * (np.clip(z, -_LARGEST_Z, _LARGEST_Z)[:, None] - mean) ** 2)
    return np.where(np.isnan(density), 1.0, density)
