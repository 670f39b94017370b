"""What a record of daily returns says of an arm: volatility, believed Sharpe ratio, Kelly weight."""

import math

import numpy as np

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.portfolio.allocation.arms import Arm, Estimate

FEWEST_RETURNS = 20
"""Of fewer days no volatility is believed."""
EWMA_DAYS, WINDOW_DAYS = 20, 90


def ewma_variance(returns: FloatArray, *, mean_age: float) -> float:
    """Exponentially weighted mean of squared returns, the newest weighing most.

    Parameters
    ----------
    returns
        Daily, oldest first, fractions. ndarray of shape (n_days,), float64; its first square is the seed.
    mean_age
        Days: each day the weight of what was before falls by ``1 - 1 / mean_age``.

    Examples
    --------
    >>> import numpy as np
    >>> round(ewma_variance(np.array([0.01, 0.03]), mean_age=2.0), 6)
    0.0005
    """
    if not returns.size:
        return math.nan
    kept = 1.0 - 1.0 / mean_age
    value = float(returns[0] ** 2)
    for one in returns[1:]:
        value = kept * value + (1.0 - kept) * float(one) ** 2
    return value


def annual_volatility(returns: FloatArray, floor: float) -> float:
    """Largest of the EWMA over 20 days, the deviation of the last 90, and the floor; a fraction a year.

    NaN where the record is shorter than 20 days, or shows none: a strategy that never trades is not safe.
    """
    if returns.size < FEWEST_RETURNS:
        return math.nan
    deviation = float(np.std(returns[-WINDOW_DAYS:], ddof=1))
    largest = max(deviation, math.sqrt(ewma_variance(returns, mean_age=EWMA_DAYS)))
    if is_rounding(largest, returns) or largest == 0.0:
        return math.nan
    return max(largest * math.sqrt(YEAR_DAYS), floor)


def believed_sharpe(sharpe: float, years: float, prior_years: float) -> float:
    """Shrink an annualized Sharpe ratio by the length of its record.

    Examples
    --------
    >>> believed_sharpe(2.0, years=4.0, prior_years=4.0)
    1.0
    """
    return sharpe * years / (years + prior_years)


def kelly_weight(sharpe: float, volatility: float, fraction: float) -> float:
    """Part of the weight that makes wealth grow fastest, ``fraction * max(0, mean) / variance``.

    Parameters
    ----------
    sharpe, volatility
        A year; the mean is their product.
    fraction
        Of the full Kelly weight.

    Examples
    --------
    >>> round(kelly_weight(0.5, 0.2, 1.0), 12)  # a mean of 0.1
    2.5
    >>> kelly_weight(-0.5, 0.2, 1.0)
    0.0
    """
    return fraction * max(0.0, sharpe) / volatility if volatility > 0.0 else 0.0


def risk_weight(share: float, target_volatility: float, volatility: float, max_weight: float) -> float:
    """Weight at which an arm takes its share of the volatility, ``min(w_max, share * target / own)``.

    0 without a volatility: what nobody has seen move is not safe.

    Examples
    --------
    >>> risk_weight(0.5, 0.15, 0.5, 0.3)
    0.15
    """
    return min(max_weight, share * target_volatility / volatility) if volatility > 0.0 else 0.0


def estimate(arm: Arm, terms: AllocationSettings) -> Estimate:
    """Measure an arm; a symbol's volatility stands in where its own record shows none."""
    own = annual_volatility(arm.returns, terms.volatility_floor)
    is_own = not math.isnan(own)
    volatility = own if is_own else _at_least(arm.symbol_volatility, terms.volatility_floor)
    years = arm.returns.size / YEAR_DAYS
    if math.isnan(volatility):
        return Estimate(volatility, "symbol", 0.0, 0.0, 0.0, years)
    mean = float(arm.returns.mean()) * YEAR_DAYS if arm.returns.size else 0.0
    sharpe = mean / volatility
    believed = believed_sharpe(sharpe, years, terms.prior_years)
    kelly = kelly_weight(believed, volatility, terms.kelly_fraction)
    return Estimate(volatility, "record" if is_own else "symbol", sharpe, believed, kelly, years)


def _at_least(value: float, floor: float) -> float:
    """Return the larger one; NaN stays NaN."""
    return value if math.isnan(value) else max(value, floor)
