"""Performance measures of daily returns and round trips; conventions stand at each function.

Returns are daily, simple, by UTC day, 365 a year, without a risk-free rate. A measure that is not defined
(no variance, no loss, no trade) is NaN.
"""

from quant_pipelines.metrics.returns import (
    annual_return,
    calmar_ratio,
    max_drawdown,
    sharpe_ratio,
    sortino_ratio,
    total_return,
)
from quant_pipelines.metrics.round_trips import payoff_ratio, profit_factor, win_rate
from quant_pipelines.metrics.summary import Activity, summarize

__all__ = [
    "Activity",
    "annual_return",
    "calmar_ratio",
    "max_drawdown",
    "payoff_ratio",
    "profit_factor",
    "sharpe_ratio",
    "sortino_ratio",
    "summarize",
    "total_return",
    "win_rate",
]
