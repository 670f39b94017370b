"""Performance measures of daily returns and round trips; conventions stand at each function.

Returns are daily, simple, by UTC day, 365 a year, without a risk-free rate. A measure that is not defined
(no variance, no loss, no trade) is NaN here and None in results; ``MEASURES`` says why it can be.
"""

from quant_pipelines.metrics.drawdowns import (
    Drawdown,
    compounded,
    deepest_drawdowns,
    longest_drawdown,
    max_drawdown,
    time_under_water,
    underwater,
)
from quant_pipelines.metrics.measures import MEASURES, Measure
from quant_pipelines.metrics.returns import (
    annual_return,
    annual_volatility,
    best_day,
    beta,
    calmar_ratio,
    conditional_value_at_risk,
    correlation,
    kurtosis,
    rolling_sharpe,
    sharpe_ratio,
    skewness,
    sortino_ratio,
    tail_ratio,
    total_return,
    worst_day,
)
from quant_pipelines.metrics.round_trips import (
    expectancy,
    longest_holding,
    mean_holding,
    payoff_ratio,
    profit_factor,
    win_rate,
)
from quant_pipelines.metrics.summary import Activity, summarize

__all__ = [
    "MEASURES",
    "Activity",
    "Drawdown",
    "Measure",
    "annual_return",
    "annual_volatility",
    "best_day",
    "beta",
    "calmar_ratio",
    "compounded",
    "conditional_value_at_risk",
    "correlation",
    "deepest_drawdowns",
    "expectancy",
    "kurtosis",
    "longest_drawdown",
    "longest_holding",
    "max_drawdown",
    "mean_holding",
    "payoff_ratio",
    "profit_factor",
    "rolling_sharpe",
    "sharpe_ratio",
    "skewness",
    "sortino_ratio",
    "summarize",
    "tail_ratio",
    "time_under_water",
    "total_return",
    "underwater",
    "win_rate",
    "worst_day",
]
