"""All measures of one run together; ``measures.MEASURES`` says what each of them is."""

import math
from typing import NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics.drawdowns import longest_drawdown, max_drawdown, time_under_water
from quant_pipelines.metrics.returns import (
    annual_return,
    annual_volatility,
    best_day,
    calmar_ratio,
    conditional_value_at_risk,
    kurtosis,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    tail_ratio,
    total_return,
    worst_day,
)
from quant_pipelines.metrics.round_trips import expectancy, payoff_ratio, profit_factor, win_rate


class Activity(NamedTuple):
    """What returns alone don't show.

    Parameters
    ----------
    exposure
        Share of bars at whose close a position was held.
    turnover
        Notional filled over the capital at the start, in multiples a year of 365 days.
    max_drawdown
        Deepest fall by bar closes, 0 or negative; NaN takes it from the daily returns.

    Examples
    --------
    >>> from quant_pipelines.metrics import Activity
    >>> Activity(exposure=0.5)  # in the market half of the time; turnover isn't known
    Activity(exposure=0.5, turnover=nan, max_drawdown=nan)
    """

    exposure: float = math.nan
    turnover: float = math.nan
    max_drawdown: float = math.nan


NO_ACTIVITY = Activity()


def summarize(
    daily_returns: FloatArray, trade_pnl: FloatArray, activity: Activity = NO_ACTIVITY
) -> dict[str, float]:
    """Compute every measure by its name.

    Parameters
    ----------
    daily_returns
        Simple returns by UTC day, shape (n_days,).
    trade_pnl
        Profit after costs of each finished round trip, shape (n_trades,), quote.
    activity
        Exposure, turnover and drawdown by bars, where they are known.

    Returns
    -------
    dict
        By the names of ``MEASURES``; NaN where a measure isn't defined.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import summarize
    >>> measures = summarize(np.array([0.5, -0.5, 1.0]), np.array([30.0, -10.0]))
    >>> measures["total_return"], measures["max_drawdown"], measures["win_rate"], measures["exposure"]
    (0.5, -0.5, 0.5, nan)
    """
    annual = annual_return(daily_returns)
    drawdown = activity.max_drawdown
    if math.isnan(drawdown):
        drawdown = max_drawdown(daily_returns)
    return {
        "total_return": total_return(daily_returns),
        "annual_return": annual,
        "volatility": annual_volatility(daily_returns),
        "sharpe": sharpe_ratio(daily_returns),
        "sortino": sortino_ratio(daily_returns),
        "calmar": calmar_ratio(annual, drawdown),
        "max_drawdown": drawdown,
        "longest_drawdown_days": longest_drawdown(daily_returns),
        "time_under_water": time_under_water(daily_returns),
        "best_day": best_day(daily_returns),
        "worst_day": worst_day(daily_returns),
        "skew": skewness(daily_returns),
        "kurtosis": kurtosis(daily_returns),
        "tail_ratio": tail_ratio(daily_returns),
        "cvar_95": conditional_value_at_risk(daily_returns),
        "win_rate": win_rate(trade_pnl),
        "payoff_ratio": payoff_ratio(trade_pnl),
        "profit_factor": profit_factor(trade_pnl),
        "expectancy": expectancy(trade_pnl),
        "exposure": activity.exposure,
        "turnover": activity.turnover,
        "n_trades": float(trade_pnl.size),
    }
