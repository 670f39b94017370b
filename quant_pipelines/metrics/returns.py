"""Measures of a series of daily returns; an equity of 1 stands before the first day."""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.metrics.rounding import RETURN_ROUNDING, is_rounding

_LARGEST_ANNUAL = 1e6
"""A year that multiplies more is an extrapolation of a few days, not a return."""


def total_return(returns: FloatArray) -> float:
    """Compound return over all days: ``prod(1 + r) - 1``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import total_return
    >>> total_return(np.array([0.5, -0.5]))  # 1.5 * 0.5 - 1
    -0.25
    """
    return float(np.prod(1.0 + returns) - 1.0)


def annual_return(returns: FloatArray) -> float:
    """Compound return a year: ``(1 + total) ** (365 / n_days) - 1``; -1 once everything is lost.

    NaN with fewer than two days, and where a year would multiply more than a million times.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import annual_return
    >>> round(annual_return(np.full(365, 0.001)), 4)  # 1.001 ** 365 - 1
    0.4403
    >>> annual_return(np.array([0.1, -1.0])), annual_return(np.array([]))
    (-1.0, nan)
    """
    growth = 1.0 + total_return(returns)
    if returns.size == 0:
        return math.nan
    if growth <= 0.0:
        return -1.0
    if returns.size < 2 or math.log(growth) * YEAR_DAYS / returns.size > math.log(_LARGEST_ANNUAL):
        return math.nan
    return float(growth ** (YEAR_DAYS / returns.size) - 1.0)


def annual_volatility(returns: FloatArray) -> float:
    """Sample standard deviation (ddof 1) times the root of 365; NaN with fewer than two days.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import annual_volatility
    >>> round(annual_volatility(np.array([0.01, -0.01])), 4)  # 0.01 * sqrt(2) * sqrt(365)
    0.2702
    >>> annual_volatility(np.array([0.01]))
    nan
    """
    if returns.size < 2:
        return math.nan
    return float(np.std(returns, ddof=1)) * math.sqrt(YEAR_DAYS)


def sharpe_ratio(returns: FloatArray) -> float:
    """Mean over sample standard deviation (ddof 1), times the root of 365; NaN without variance.

    Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21(1), 1994, without a risk-free rate.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import sharpe_ratio
    >>> round(sharpe_ratio(np.array([0.01, 0.03])), 3)  # 0.02 / (0.01 * sqrt(2)) * sqrt(365)
    27.019
    >>> sharpe_ratio(np.array([0.01, 0.01]))  # no variance, no ratio
    nan
    """
    if returns.size < 2:
        return math.nan
    deviation = float(np.std(returns, ddof=1))
    if is_rounding(deviation, returns):
        return math.nan
    return float(np.mean(returns)) / deviation * math.sqrt(YEAR_DAYS)


def sortino_ratio(returns: FloatArray) -> float:
    """Mean over downside deviation from 0, times the root of 365; NaN without a negative day.

    The downside deviation is taken over all days, not over the negative ones alone: Sortino and Price,
    Performance Measurement in a Downside Risk Framework, Journal of Investing 3(3), 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import sortino_ratio
    >>> round(sortino_ratio(np.array([0.03, -0.01])), 3)  # 0.01 / sqrt(0.01 ** 2 / 2) * sqrt(365)
    27.019
    >>> sortino_ratio(np.array([0.03, 0.01]))  # no negative day
    nan
    """
    if returns.size < 2:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if is_rounding(downside, returns):
        return math.nan
    return float(np.mean(returns)) / downside * math.sqrt(YEAR_DAYS)


def calmar_ratio(annual: float, drawdown: float) -> float:
    """Annual return over the size of the deepest drawdown; NaN without a drawdown.

    Young, Calmar Ratio: A Smoother Tool, Futures 20(1), 1991, over the whole run instead of 36 months.

    Examples
    --------
    >>> from quant_pipelines.metrics import calmar_ratio
    >>> calmar_ratio(0.5, -0.25), calmar_ratio(0.5, 0.0)
    (2.0, nan)
    """
    return annual / -drawdown if drawdown < -RETURN_ROUNDING else math.nan


def skewness(returns: FloatArray) -> float:
    """Third standardized moment ``m3 / m2 ** 1.5`` (biased, as the overfit statistics take it).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import skewness
    >>> skewness(np.array([-0.01, 0.0, 0.01]))
    0.0
    >>> round(skewness(np.array([-0.01, -0.01, -0.01, 0.03])), 4)  # one large day up: 2 / sqrt(3)
    1.1547
    """
    return _standardized_moment(returns, 3)


def kurtosis(returns: FloatArray) -> float:
    """Fourth standardized moment ``m4 / m2 ** 2`` (biased; 3 for a normal distribution).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import kurtosis
    >>> kurtosis(np.array([-0.5, 0.5])), kurtosis(np.array([0.0, 0.0]))  # two equal steps; no variance
    (1.0, nan)
    """
    return _standardized_moment(returns, 4)


def tail_ratio(returns: FloatArray) -> float:
    """Size of the 95 % quantile over that of the 5 % quantile, both linear; NaN if the latter is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import tail_ratio
    >>> round(tail_ratio(np.linspace(-0.5, 1.0, 21)), 3)  # 0.925 / 0.425: gains reach twice as far as losses
    2.176
    """
    if returns.size == 0:
        return math.nan
    ordered = np.sort(returns)
    low, high = abs(_quantile(ordered, 0.05)), abs(_quantile(ordered, 0.95))
    return math.nan if is_rounding(low, returns) else high / low


def conditional_value_at_risk(returns: FloatArray) -> float:
    """Mean of the days at or below the (linear) 5 % quantile; negative is a loss.

    Rockafellar and Uryasev, Optimization of Conditional Value-at-Risk, Journal of Risk 2(3), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import conditional_value_at_risk
    >>> days = np.array([-0.5, -0.25, *np.zeros(19)])  # the 5 % quantile of 21 days is the second worst
    >>> conditional_value_at_risk(days)
    -0.375
    """
    if returns.size == 0:
        return math.nan
    ordered = np.sort(returns)
    count = int(np.searchsorted(ordered, _quantile(ordered, 0.05), side="right"))
    return float(np.mean(ordered[:count]))


def best_day(returns: FloatArray) -> float:
    """Largest daily return; NaN without a day.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import best_day
    >>> best_day(np.array([0.01, -0.02])), best_day(np.array([]))
    (0.01, nan)
    """
    return float(np.max(returns)) if returns.size else math.nan


def worst_day(returns: FloatArray) -> float:
    """Smallest daily return; NaN without a day.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import worst_day
    >>> worst_day(np.array([0.01, -0.02])), worst_day(np.array([]))
    (-0.02, nan)
    """
    return float(np.min(returns)) if returns.size else math.nan


def beta(returns: FloatArray, holding: FloatArray) -> float:
    """Covariance with the returns of holding over their variance; NaN without variance in holding.

    Parameters
    ----------
    returns, holding
        Daily returns of the same days, shape (n_days,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import beta
    >>> holding = np.array([0.01, -0.02, 0.03])
    >>> round(beta(0.5 * holding, holding), 6), round(beta(-holding, holding), 6)  # half long; wholly short
    (0.5, -1.0)
    >>> beta(holding, np.zeros(3))
    nan
    """
    if returns.size < 2 or is_rounding(np.std(holding), holding):
        return math.nan
    return float(np.cov(returns, holding)[0, 1] / np.var(holding, ddof=1))


def correlation(returns: FloatArray, other: FloatArray) -> float:
    """Pearson correlation of the daily returns of the same days; NaN where either has no variance.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import correlation
    >>> holding = np.array([0.01, -0.02, 0.03])
    >>> round(correlation(0.5 * holding, holding), 6)  # the size of a position doesn't matter
    1.0
    """
    if returns.size < 2 or any(is_rounding(np.std(series), series) for series in (returns, other)):
        return math.nan
    return float(np.corrcoef(returns, other)[0, 1])


def rolling_sharpe(returns: FloatArray, window: int) -> FloatArray:
    """Sharpe ratio of the last ``window`` days at each day.

    Returns
    -------
    ndarray of shape (n_days,), float64
        NaN before the window is full, and where it has no variance.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import rolling_sharpe
    >>> rolling_sharpe(np.array([0.01, 0.03, 0.03, 0.01]), 2).round(3)
    array([   nan, 27.019,    nan, 27.019])
    """
    rolled = np.full(returns.size, math.nan)
    for end in range(window, returns.size + 1):
        rolled[end - 1] = sharpe_ratio(returns[end - window : end])
    return rolled


def _standardized_moment(returns: FloatArray, order: int) -> float:
    if returns.size < 2:
        return math.nan
    centered = returns - np.mean(returns)
    squared = centered * centered  # products: powers cost ten times as much
    variance = float(np.mean(squared))
    moment = float(np.mean(squared * (centered if order == 3 else squared)))
    return math.nan if is_rounding(math.sqrt(variance), returns) else moment / variance ** (order / 2)


def _quantile(ordered: FloatArray, share: float) -> float:
    """Quantile between the two nearest of sorted values; numpy's own costs ten times as much."""
    place = (ordered.size - 1) * share
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    return low + (high - low) * (place - below)
