"""Measures of a series of daily returns."""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS


def total_return(returns: FloatArray) -> float:
    """Compound return over all days, as a fraction."""
    return float(np.prod(1.0 + returns) - 1.0)


def annual_return(returns: FloatArray) -> float:
    """Compound return a year of 365 days, as a fraction; -1 once everything is lost."""
    growth = 1.0 + total_return(returns)
    if returns.size == 0:
        return math.nan
    if growth <= 0.0:
        return -1.0
    with np.errstate(over="ignore"):
        return float(np.power(growth, YEAR_DAYS / returns.size) - 1.0)


def sharpe_ratio(returns: FloatArray) -> float:
    """Mean over sample standard deviation (ddof 1), times the root of 365; NaN without variance."""
    if returns.size < 2:
        return math.nan
    deviation = float(np.std(returns, ddof=1))
    if deviation == 0.0:
        return math.nan
    return float(np.mean(returns)) / deviation * math.sqrt(YEAR_DAYS)


def sortino_ratio(returns: FloatArray) -> float:
    """Mean over downside deviation from 0, times the root of 365; NaN without a negative day.

    The downside deviation is taken over all days, not over the negative ones alone.
    """
    if returns.size < 2:
        return math.nan
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    if downside == 0.0:
        return math.nan
    return float(np.mean(returns)) / downside * math.sqrt(YEAR_DAYS)


def max_drawdown(returns: FloatArray) -> float:
    """Deepest fall of compounded equity from its peak so far, 0 or negative, as a fraction."""
    if returns.size == 0:
        return 0.0
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    return float(np.min(equity / np.maximum.accumulate(equity) - 1.0))


def calmar_ratio(annual: float, drawdown: float) -> float:
    """Annual return over the size of the deepest drawdown; NaN without a drawdown."""
    return annual / -drawdown if drawdown < 0.0 else math.nan
