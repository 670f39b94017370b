"""Factors that a strategy gives on the values of its stops, proven usable."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.stops import SLOPE_TIGHTENING
from quant_pipelines.sdk.strategy import Strategy


def declares_scales(strategy: Strategy) -> bool:
    """Whether a strategy gives factors at all.

    Examples
    --------
    >>> from quant_pipelines.sdk import Strategy
    >>> from quant_pipelines.sdk.scales import declares_scales
    >>> class Wide(Strategy):
    ...     def stop_scales(self, bars):
    ...         return {}
    >>> declares_scales(Wide()), declares_scales(Strategy())
    (True, False)
    """
    return type(strategy).stop_scales is not Strategy.stop_scales


def scales_of(strategy: Strategy, bars: Bars | Panel) -> dict[str, FloatArray]:
    """Factors on the values of a strategy's stops by name, positive and finite.

    Each of shape (n_bars,), or (n_bars, n_symbols) for a panel.

    Raises
    ------
    StrategyError
        If the strategy raises, names a stop that it doesn't declare, or returns another shape, or a value
        that is neither positive and finite nor NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars, Float, Stops, Strategy
    >>> from quant_pipelines.sdk.scales import scales_of
    >>> class Wide(Strategy):
    ...     stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))
    ...     def stop_scales(self, bars):
    ...         return {"hard_stop": np.where(bars.close > 100.0, 2.0, np.nan)}
    >>> scales_of(Wide(), Bars.of_closes([100, 101]))  # twice as far above 100; NaN is 1
    {'hard_stop': array([1., 2.])}
    """
    if not declares_scales(strategy):
        return {}
    owner = type(strategy).__name__
    try:
        given = dict(strategy.stop_scales(bars))
        factors = {name: np.asarray(factor, dtype=np.float64) for name, factor in given.items()}
    except Exception as error:
        raise StrategyError(f"{owner}: stop_scales raised {type(error).__name__}: {error}") from error
    expected = bars.close.shape
    declared = [name for name in strategy.stops.declared if name != SLOPE_TIGHTENING]
    for name, factor in factors.items():
        if name not in declared:
            raise StrategyError(f"{owner}: {unknown_name('scaled stop', name, declared)}")
        if factor.shape != expected:
            raise StrategyError(
                f"{owner}: stop_scales of {name} has shape {factor.shape}; expected {expected}"
            )
        is_wrong = ~np.isnan(factor) & ~((factor > 0.0) & np.isfinite(factor))
        if is_wrong.any():
            first = np.argwhere(is_wrong)[0]
            raise StrategyError(
                f"{owner}: stop_scales of {name} is {factor[tuple(first)]} at bar {first[0]}; "
                "expected a positive number or NaN"
            )
    return {name: np.where(np.isnan(factor), 1.0, factor) for name, factor in factors.items()}
