"""The synthetic market minute by minute: a day is a function of the seed, its number and the state before it.

Returns are conditional volatility times (common factor + own noise) plus jumps plus, for the documented trend
symbols only, a drift that holds its sign for hours and for days. Everything but that drift has mean zero
given the past, so a symbol without drift is a martingale: no rule has an edge on it before costs.
"""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.simulator.listing import LISTINGS, SyntheticListing
from quant_pipelines.simulator.processes import (
    MINUTES,
    DrawRegime,
    Regime,
    next_trend,
    next_volatility,
    ornstein_uhlenbeck,
    stream,
)

FAST_TREND_MINUTES = 8 * 60.0
SLOW_TREND_MINUTES = 44 * 60.0
CALM_MINUTES = 4 * 1440.0
_FACTOR = 99  # stream index of the common factor
_JUMPS_PER_DAY = 0.25
_JUMP_SIZE = 0.25  # in daily volatilities
_HOURS = np.arange(MINUTES) / 60.0
_SEASON = 0.22 * np.cos(2 * np.pi * (_HOURS - 14.5) / 24) + 0.08 * np.cos(4 * np.pi * (_HOURS - 8.0) / 24)


@dataclass(frozen=True, slots=True)
class FactorState:
    """Common factor between two days."""

    log_volatility: float
    regime: Regime


@dataclass(frozen=True, slots=True)
class FactorDay:
    """Common factor through one day; arrays of shape (1440,)."""

    log_volatility: FloatArray
    shocks: FloatArray
    jumps: FloatArray
    end: FactorState


@dataclass(frozen=True, slots=True)
class SymbolState:
    """One symbol between two days."""

    log_price: float
    log_volatility: float
    fast: Regime
    slow: Regime


@dataclass(frozen=True, slots=True)
class SymbolDay:
    """One symbol through one day.

    Parameters
    ----------
    start
        State at 00:00.
    log_close
        Logarithm of the price at each minute's end, shape (1440,).
    volatility
        Standard deviation of each minute's return, shape (1440,).
    activity
        Trading activity relative to an ordinary minute, shape (1440,).
    end
        State at 24:00.
    """

    start: SymbolState
    log_close: FloatArray
    volatility: FloatArray
    activity: FloatArray
    end: SymbolState


def first_factor_state() -> FactorState:
    """State of the common factor before the first day of history."""
    return FactorState(0.0, Regime(float(np.log(0.85)), 2 * MINUTES))


def first_symbol_state(listing: SyntheticListing) -> SymbolState:
    """State of a symbol before the first day of history."""
    return SymbolState(float(np.log(listing.start_price)), 0.0, Regime(0.0, 1), Regime(0.0, 1))


def factor_day(seed: int, day: int, state: FactorState) -> FactorDay:
    """Return the common factor on a day, from its state at midnight."""
    rng = stream(seed, _FACTOR, day, 0)
    regimes, regime = _regimes(rng, state.regime, next_volatility, CALM_MINUTES)
    own = ornstein_uhlenbeck(rng, state.log_volatility, half_life=360, deviation=0.22, n_steps=MINUTES)
    shocks = rng.standard_normal(MINUTES)
    return FactorDay(regimes + own, shocks, _jumps(rng), FactorState(float(own[-1]), regime))


def symbol_day(seed: int, day: int, index: int, state: SymbolState, factor: FactorDay) -> SymbolDay:
    """One symbol on a day, from its state at midnight and the day's common factor."""
    character = LISTINGS[index].character
    rng = stream(seed, index, day, 0)
    own = ornstein_uhlenbeck(rng, state.log_volatility, half_life=90, deviation=0.18, n_steps=MINUTES)
    multiple = np.exp(own + factor.log_volatility + _SEASON)
    minute_volatility = character.volatility / np.sqrt(MINUTES)
    volatility = minute_volatility * multiple
    rho = character.correlation
    shocks = rho * factor.shocks + np.sqrt(1 - rho**2) * rng.standard_normal(MINUTES)
    jumps = character.volatility * (rho * factor.jumps + np.sqrt(1 - rho**2) * _jumps(rng))
    fast, fast_regime = _regimes(rng, state.fast, next_trend, FAST_TREND_MINUTES)
    slow, slow_regime = _regimes(rng, state.slow, next_trend, SLOW_TREND_MINUTES)
    drift = (character.fast_trend * fast + character.slow_trend * slow) * character.volatility / MINUTES
    returns = volatility * shocks + jumps + drift - 0.5 * volatility**2
    surprise = np.abs(shocks) + np.abs(jumps) / volatility
    activity = multiple**1.4 * (0.45 + 0.7 * surprise) * rng.lognormal(-0.06, 0.35, MINUTES)
    log_close = state.log_price + np.cumsum(returns)
    end = SymbolState(float(log_close[-1]), float(own[-1]), fast_regime, slow_regime)
    return SymbolDay(state, log_close, volatility, activity, end)


def _jumps(rng: np.random.Generator) -> FloatArray:
    arrivals = rng.random(MINUTES) < _JUMPS_PER_DAY / MINUTES
    sizes: FloatArray = rng.standard_normal(MINUTES) * _JUMP_SIZE * arrivals
    return sizes


def _regimes(
    rng: np.random.Generator, regime: Regime, draw: DrawRegime, mean_minutes: float
) -> tuple[FloatArray, Regime]:
    levels = np.empty(MINUTES)
    minute = 0
    while minute < MINUTES:
        if regime.minutes_left <= 0:
            regime = draw(rng, regime, mean_minutes)
        length = min(regime.minutes_left, MINUTES - minute)
        levels[minute : minute + length] = regime.level
        minute += length
        regime = Regime(regime.level, regime.minutes_left - length)
    return levels, regime
