"""What strategy, sizer and stops read at a strategy bar's close: computed once ahead, or anew at each bar."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.bar.stops import NO_INPUTS, NO_SCALES, StopInputs, StopScales
from quant_pipelines.backtest.market.stop_rules import atr_of, deviation_of
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.portfolio.sizing import VolatilityTarget
from quant_pipelines.portfolio.volatility import realized_volatility
from quant_pipelines.sdk.event import EventStrategy, features_of
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.stops import SCALABLE
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.rules import TradingRules


class Latest(NamedTuple):
    """Newest features, volatility as the sizer asks for it (else 0), and inputs of the stops."""

    features: dict[str, float]
    volatility: float
    inputs: StopInputs


NOTHING_YET = Latest({}, 0.0, NO_INPUTS)

Reading = Callable[[int], Latest]
"""What is known at a strategy bar, by its position."""


def ahead(
    strategy: Strategy, bars: Bars, rules: TradingRules, *, scales: Mapping[str, FloatArray]
) -> Reading:
    """Everything computed once, for all bars; each value uses bars up to its own.

    ``scales`` are the factors on its stops, see ``scales_of``; of several symbols, those of this one.
    """
    features = {name: values.tolist() for name, values in _features(strategy, bars).items()}
    volatility, n_bars = _volatility(bars, rules), len(bars)
    ranges = _known(atr_of(strategy.stops, bars), n_bars)
    deviations = _known(deviation_of(strategy.stops, bars), n_bars)

    def read(row: int) -> Latest:
        factors = _factors(scales, row) if scales else NO_SCALES
        inputs = StopInputs(ranges[row], deviations[row], factors)
        newest = {name: values[row] for name, values in features.items()}
        return Latest(newest, float(volatility[row]) if volatility.size else 0.0, inputs)

    return read


def anew(strategy: Strategy, bars: Bars, rules: TradingRules) -> Reading:
    """Everything computed again at every bar, from the bars up to it: slow, and nothing can look ahead."""
    return lambda row: latest_of(strategy, bars.rows(0, row + 1), rules)


def latest_of(strategy: Strategy, bars: Bars, rules: TradingRules) -> Latest:
    """Compute what is known at the last of these bars, from them alone.

    Raises
    ------
    StrategyError
        If the strategy's features or factors can't be used.
    """
    return ahead(strategy, bars, rules, scales=scales_of(strategy, bars))(len(bars) - 1)


def _features(strategy: Strategy, bars: Bars) -> dict[str, FloatArray]:
    return features_of(strategy, bars) if isinstance(strategy, EventStrategy) else {}


def _volatility(bars: Bars, rules: TradingRules) -> FloatArray:
    sizing = rules.sizing
    return realized_volatility(bars, sizing.window) if isinstance(sizing, VolatilityTarget) else np.empty(0)


def _factors(scales: Mapping[str, FloatArray], row: int) -> StopScales:
    return StopScales(*(float(scales[name][row]) if name in scales else 1.0 for name in SCALABLE))


def _known(values: FloatArray, n_bars: int) -> list[float]:
    """Return the values for all bars, with 0 for those that are not known."""
    known: list[float] = (np.nan_to_num(values) if values.size else np.zeros(n_bars)).tolist()
    return known
