"""Random processes that run through one day and hand their state to the next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from quant_pipelines.core.arrays import FloatArray

MINUTES = 1440
_DAY_OFFSET = 1_000_000  # SeedSequence takes no negative numbers and history lies before day 0


def stream(seed: int, symbol_index: int, day: int, purpose: int) -> np.random.Generator:
    """Random stream of one symbol on one day for one purpose, independent of all others."""
    return np.random.Generator(np.random.PCG64([seed, symbol_index, day + _DAY_OFFSET, purpose]))


@dataclass(frozen=True, slots=True)
class Regime:
    """A level that holds for a random number of minutes.

    Parameters
    ----------
    level
        Value while it lasts: the direction of a trend, or the logarithm of a volatility multiple.
    minutes_left
        Minutes until the next level is drawn.
    """

    level: float
    minutes_left: int


DrawRegime: TypeAlias = Callable[[np.random.Generator, Regime, float], Regime]
"""Regime after a given one, from a random stream and the usual length in minutes."""


def next_trend(rng: np.random.Generator, regime: Regime, mean_minutes: float) -> Regime:
    """Trend after this one: mostly the opposite direction, sometimes a flat pause first."""
    if regime.level == 0:
        direction = 1.0 if rng.random() < 0.5 else -1.0
    else:
        direction = 0.0 if rng.random() < 0.2 else -np.sign(regime.level)
    length = mean_minutes * (0.5 if direction == 0 else 1.0) * rng.gamma(3.0) / 3.0
    return Regime(float(direction * rng.uniform(0.85, 1.15)), max(30, int(length)))


def next_volatility(rng: np.random.Generator, regime: Regime, mean_minutes: float) -> Regime:
    """Volatility state after this one: calm for days, turbulent for about a third as long."""
    if regime.level <= 0:
        return Regime(
            float(np.log(rng.uniform(1.4, 1.9))), max(120, int(mean_minutes / 3 * rng.gamma(2.0) / 2))
        )
    return Regime(float(np.log(rng.uniform(0.75, 0.95))), max(120, int(mean_minutes * rng.gamma(2.0) / 2)))


def ornstein_uhlenbeck(
    rng: np.random.Generator, start: float, *, half_life: float, deviation: float, n_steps: int
) -> FloatArray:
    """Mean-reverting path around 0 in closed form.

    Parameters
    ----------
    rng
        Random stream.
    start
        Value before the first step.
    half_life
        Steps in which a deviation halves; at least ``n_steps / 40``, else powers overflow.
    deviation
        Stationary standard deviation.
    n_steps
        Number of steps.

    Returns
    -------
    ndarray of shape (n_steps,), float64
    """
    decay = 0.5 ** (1 / half_life)
    shocks = rng.standard_normal(n_steps) * deviation * np.sqrt(1 - decay**2)
    powers = decay ** np.arange(1, n_steps + 1)
    path: FloatArray = powers * (start + np.cumsum(shocks / powers))
    return path
