"""What is known about one symbol at the time of a scan, and what several factors derive from it."""

import math
from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.hotlist.regime import turbulence

BASELINE_DAYS = 7
STEPS_PER_DAY = 96
_MIN_BASELINE_STEPS = 2 * STEPS_PER_DAY
_OPEN_INTEREST_TOLERANCE_MS = HOUR_MS


@dataclass(frozen=True, slots=True, eq=False)
class FactorInputs:
    """What is known about one symbol at the time of the scan.

    Parameters
    ----------
    symbol
        ccxt form.
    at_ms
        Time of the scan, milliseconds UTC; every input was available by then.
    ts
        Open times of the closed 15-minute bars of the last 8 days, oldest first. shape (n_bars,), int64.
    close
        Their closes, quote. shape (n_bars,), float64.
    volume
        Their volumes, base. shape (n_bars,), float64.
    open_interest_ts
        Times of open interest, milliseconds UTC, oldest first. shape (n_points,), int64.
    open_interest
        Open contracts, base units. shape (n_points,), float64.
    funding_rate
        Newest funding rate, fraction an interval; NaN where unknown.
    funding_interval_hours
        Hours between two payments.
    circulating_supply
        Coins in circulation, base units; NaN where nobody has recorded them.
    """

    symbol: str
    at_ms: int
    ts: IntArray
    close: FloatArray
    volume: FloatArray
    open_interest_ts: IntArray
    open_interest: FloatArray
    funding_rate: float
    funding_interval_hours: int
    circulating_supply: float = math.nan


def usual_and_recent_returns(inputs: FactorInputs) -> tuple[FloatArray, FloatArray]:
    """Log returns of the 7 days before, and of the last 24 hours; both empty where history is too short."""
    returns = np.diff(np.log(inputs.close))
    recent = returns[inputs.ts[1:] >= inputs.at_ms - DAY_MS]
    usual = returns[: returns.size - recent.size]
    if usual.size < _MIN_BASELINE_STEPS or recent.size < STEPS_PER_DAY // 2:
        return np.empty(0), np.empty(0)
    return usual, recent


def root_mean_square(returns: FloatArray) -> float:
    """Compute the standard deviation around zero; NaN without returns."""
    return float(np.sqrt(np.mean(returns**2))) if returns.size else math.nan


def turbulence_path(inputs: FactorInputs) -> FloatArray:
    """Follow the filtered probability of turbulence over the last 24 hours; empty without history."""
    usual, recent = usual_and_recent_returns(inputs)
    if not recent.size:
        return np.empty(0)
    path = turbulence(np.concatenate([usual, recent]), root_mean_square(usual))
    return path[usual.size - 1 :]


def daily_volume(inputs: FactorInputs) -> float:
    """Sum up the base volume of the last 24 hours, scaled up where bars are missing; 0 without any."""
    recent = inputs.ts >= inputs.at_ms - DAY_MS
    hours = np.count_nonzero(recent) * 24 / STEPS_PER_DAY
    return float(inputs.volume[recent].sum()) * 24 / hours if hours else 0.0


def open_interest_at(inputs: FactorInputs, at_ms: int) -> float:
    """Open contracts as of a time, base units; NaN where none is at most an hour old."""
    position = int(np.searchsorted(inputs.open_interest_ts, at_ms, side="right")) - 1
    if position < 0 or at_ms - inputs.open_interest_ts[position] > _OPEN_INTEREST_TOLERANCE_MS:
        return math.nan
    return float(inputs.open_interest[position])
