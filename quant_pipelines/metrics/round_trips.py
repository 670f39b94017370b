"""Measures of finished round trips, by their profit after costs."""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics.rounding import ratio_of


def win_rate(pnl: FloatArray) -> float:
    """Share of round trips with a profit; NaN without any.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import win_rate
    >>> win_rate(np.array([30.0, -10.0, 0.0, 20.0])), win_rate(np.array([]))
    (0.5, nan)
    """
    return float(np.mean(pnl > 0.0)) if pnl.size else math.nan


def payoff_ratio(pnl: FloatArray) -> float:
    """Mean profit of the winners over mean loss of the losers; NaN unless there are both.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import payoff_ratio
    >>> payoff_ratio(np.array([30.0, -10.0, 20.0]))  # 25 on average against 10
    2.5
    """
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    if wins.size == 0 or losses.size == 0:
        return math.nan
    return ratio_of(float(np.mean(wins)), -float(np.mean(losses)))


def profit_factor(pnl: FloatArray) -> float:
    """Sum of profits over sum of losses; NaN without a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import profit_factor
    >>> profit_factor(np.array([30.0, -10.0, 20.0])), profit_factor(np.array([30.0]))
    (5.0, nan)
    """
    return ratio_of(float(np.sum(pnl[pnl > 0.0])), -float(np.sum(pnl[pnl < 0.0])))


def expectancy(pnl: FloatArray) -> float:
    """Mean profit of a round trip after costs, quote; NaN without any.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import expectancy
    >>> expectancy(np.array([30.0, -10.0, 10.0]))
    10.0
    """
    return float(np.mean(pnl)) if pnl.size else math.nan


def mean_holding(hours: FloatArray) -> float:
    """Mean time from the first to the last fill of a round trip; NaN without any.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import mean_holding
    >>> mean_holding(np.array([1.0, 4.0]))
    2.5
    """
    return float(np.mean(hours)) if hours.size else math.nan


def longest_holding(hours: FloatArray) -> float:
    """Longest time from the first to the last fill of a round trip; NaN without any.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import longest_holding
    >>> longest_holding(np.array([1.0, 4.0]))
    4.0
    """
    return float(np.max(hours)) if hours.size else math.nan
