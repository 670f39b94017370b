"""What each measure means, in which unit, and why it can be undefined; the words of every report."""

from typing import NamedTuple

FRACTION, RATIO, NUMBER, DAYS, HOURS, QUOTE = "fraction", "ratio", "number", "days", "hours", "quote"
_FEW = "there are fewer than two days"
_NO_TRADE = "there is no finished round trip"


class Measure(NamedTuple):
    """One measure as a person reads it.

    Parameters
    ----------
    title
        Its name.
    unit
        fraction, ratio, number, days, hours or quote.
    meaning
        Its convention in one line.
    undefined
        Why it can be None; empty where it never is.

    Examples
    --------
    >>> from quant_pipelines.metrics import MEASURES
    >>> measure = MEASURES["calmar"]
    >>> measure.title, measure.unit, measure.undefined
    ('Calmar ratio', 'ratio', 'there is no drawdown')
    """

    title: str
    unit: str
    meaning: str
    undefined: str = ""


MEASURES: dict[str, Measure] = {
    "total_return": Measure("Total return", FRACTION, "compounded over all days, after costs"),
    "annual_return": Measure(
        "Annual return",
        FRACTION,
        "(1 + total) ^ (365 / days) - 1",
        "there are fewer than two days, or it is beyond a million-fold",
    ),
    "volatility": Measure(
        "Volatility", FRACTION, "standard deviation of daily returns (ddof 1) times the root of 365", _FEW
    ),
    "sharpe": Measure(
        "Sharpe ratio",
        RATIO,
        "mean over standard deviation of daily returns times the root of 365, no risk-free rate",
        "daily returns have no variance",
    ),
    "sortino": Measure(
        "Sortino ratio",
        RATIO,
        "mean over downside deviation from 0 (over all days) times the root of 365",
        "no day is negative",
    ),
    "calmar": Measure(
        "Calmar ratio", RATIO, "annual return over the deepest drawdown", "there is no drawdown"
    ),
    "max_drawdown": Measure(
        "Deepest drawdown", FRACTION, "largest fall from a peak, by bar closes where known"
    ),
    "longest_drawdown_days": Measure(
        "Longest drawdown", DAYS, "days in a row that end below an earlier peak"
    ),
    "time_under_water": Measure(
        "Time under water", FRACTION, "share of days that end below an earlier peak", "there is no day"
    ),
    "best_day": Measure("Best day", FRACTION, "largest daily return", "there is no day"),
    "worst_day": Measure("Worst day", FRACTION, "smallest daily return", "there is no day"),
    "skew": Measure(
        "Skew", RATIO, "third standardized moment of daily returns", "daily returns have no variance"
    ),
    "kurtosis": Measure(
        "Kurtosis",
        RATIO,
        "fourth standardized moment of daily returns; 3 is normal",
        "daily returns have no variance",
    ),
    "tail_ratio": Measure(
        "Tail ratio", RATIO, "95 % quantile of daily returns over the 5 % one", "the 5 % quantile is 0"
    ),
    "cvar_95": Measure(
        "CVaR 95 %", FRACTION, "mean of the days at or below the 5 % quantile", "there is no day"
    ),
    "beta": Measure(
        "Beta", RATIO, "slope of daily returns against buy and hold", "the price does not move, or few days"
    ),
    "correlation": Measure(
        "Correlation", RATIO, "of daily returns with buy and hold", "one of the two does not move"
    ),
    "exposure": Measure(
        "Exposure", FRACTION, "share of bars at whose close a position was held", "not known"
    ),
    "turnover": Measure(
        "Turnover", RATIO, "notional filled over starting capital, multiples a year of 365 days", "not known"
    ),
    "n_trades": Measure("Round trips", NUMBER, "finished ones"),
    "win_rate": Measure("Win rate", FRACTION, "share of round trips with a profit after costs", _NO_TRADE),
    "payoff_ratio": Measure(
        "Payoff ratio",
        RATIO,
        "mean profit over mean loss of a round trip",
        "there are not both wins and losses",
    ),
    "profit_factor": Measure("Profit factor", RATIO, "sum of profits over sum of losses", "no trip lost"),
    "expectancy": Measure("Expectancy", QUOTE, "mean profit of a round trip after costs", _NO_TRADE),
    "mean_holding_hours": Measure("Mean holding", HOURS, "first to last fill of a round trip", _NO_TRADE),
    "longest_holding_hours": Measure(
        "Longest holding", HOURS, "first to last fill of a round trip", _NO_TRADE
    ),
}
"""By name, in the order in which they are shown."""
