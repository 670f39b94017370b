"""From the stops that a strategy declares to what compiled code knows of them, and the inputs they read."""

import numpy as np

from quant_pipelines.backtest.stops import NO_INPUTS, StopInputs, StopTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.indicators import atr, rolling_std
from quant_pipelines.sdk.stops import ATR_STOPS, VOLATILITY_STOPS
from quant_pipelines.sdk.strategy import Strategy

UNKNOWN: FloatArray = np.empty(0)


def stop_terms_of(strategy: Strategy, strategy_step_ms: int) -> StopTerms:
    """Return the values of a strategy's stops; what it doesn't declare is 0."""
    values = strategy.stop_values
    return StopTerms(
        hard=values.get("hard_stop", 0.0),
        atr=values.get("atr_stop", 0.0),
        volatility=values.get("volatility_stop", 0.0),
        chandelier=values.get("chandelier_stop", 0.0),
        sar=values.get("sar_stop", 0.0),
        time_ms=values.get("time_stop", 0.0) * strategy_step_ms,
        equity=values.get("equity_stop", 0.0),
        target=values.get("take_profit", 0.0),
    )


def atr_of(strategy: Strategy, bars: Bars) -> FloatArray:
    """Average true range of the strategy's bars, NaN where it isn't positive; (0,) where no stop asks."""
    if not strategy.stops.uses(ATR_STOPS):
        return UNKNOWN
    ranges = atr(bars.high, bars.low, bars.close, strategy.stops.atr_window)
    return np.where(ranges > 0.0, ranges, np.nan)


def deviation_of(strategy: Strategy, bars: Bars) -> FloatArray:
    """Deviation of a bar's log return, shape (n_bars,); (0,) where none of the stops asks."""
    if not strategy.stops.uses(VOLATILITY_STOPS):
        return UNKNOWN
    result = np.full(len(bars), np.nan)
    if len(bars) > 1:
        result[1:] = rolling_std(np.diff(np.log(bars.close)), strategy.stops.volatility_window)
    return result


def latest_inputs(strategy: Strategy, bars: Bars) -> StopInputs:
    """Return the inputs of the stops at the close of the last bar."""
    if not strategy.stops.windows or not len(bars):
        return NO_INPUTS
    ranges, deviations = atr_of(strategy, bars), deviation_of(strategy, bars)
    return StopInputs(
        _known(ranges),
        _known(deviations),
    )


def _known(values: FloatArray) -> float:
    return float(np.nan_to_num(values[-1])) if values.size else 0.0
