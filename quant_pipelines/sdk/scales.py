"""Factors that a strategy gives on the values of its stops, proven usable."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.jit import kernel
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
        usable = np.empty(factor.size)
        first = one_where_unknown(np.ascontiguousarray(factor).reshape(-1), usable)
        if first < factor.size:
            place = np.unravel_index(first, factor.shape)
            raise StrategyError(
                f"{owner}: stop_scales of {name} is {factor[place]} at bar {place[0]}; "
                "expected a positive number or NaN"
            )
        factors[name] = usable.reshape(expected)
    return factors


@kernel
def one_where_unknown(factor: FloatArray, usable: FloatArray) -> int:
    """Copy factors with 1 for NaN, and return the place of the first that can't be one; the size for none.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.scales import one_where_unknown
    >>> usable = np.empty(3)
    >>> one_where_unknown(np.array([2.0, np.nan, 0.5]), usable), usable
    (3, array([2. , 1. , 0.5]))
    >>> one_where_unknown(np.array([2.0, -1.0, 0.5]), usable)
    1
    """
    for i in range(factor.size):
        value = factor[i]
        if np.isnan(value):
            usable[i] = 1.0
        elif value > 0.0 and value < np.inf:
            usable[i] = value
        else:
            return i
    return int(factor.size)
