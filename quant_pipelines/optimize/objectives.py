"""What a trial is ranked by, computed for all trials of a sweep at once from their daily returns.

Every objective is higher-is-better and NaN for a trial whose equity never moves. It ranks and doesn't
measure: a trial that lost nothing is capped, and one whose days are all the same has a Sharpe ratio of 0.
"""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError, unknown_name
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.optimize.objective_file import Ranking
from quant_pipelines.optimize.overfit import moments_of, probabilistic_sharpe_ratio, sharpe_of_columns

_LARGEST_RATIO = 1e4
"""Of gains to losses: beyond it nothing was lost, and by how much more is chance."""
_LARGEST_ANNUAL = 1e6
_ANNUAL = math.sqrt(YEAR_DAYS)


def _sharpe(returns: FloatArray) -> FloatArray:
    return sharpe_of_columns(returns) * _ANNUAL


def _sortino(returns: FloatArray) -> FloatArray:
    downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2, axis=0))
    return _capped(returns.mean(axis=0), downside) * _ANNUAL


def _calmar(returns: FloatArray) -> FloatArray:
    equity = _equity(returns)
    drawdown = _deepest(equity)
    largest = _LARGEST_ANNUAL ** (returns.shape[0] / YEAR_DAYS)
    annual = np.clip(equity[-1], 0.0, largest) ** (YEAR_DAYS / returns.shape[0]) - 1.0
    return _capped(annual, drawdown)


def _equity(returns: FloatArray) -> FloatArray:
    equity = np.ones((returns.shape[0] + 1, returns.shape[1]))
    np.cumprod(1.0 + returns, axis=0, out=equity[1:])
    return equity


def _deepest(equity: FloatArray) -> FloatArray:
    deepest: FloatArray = np.max(1.0 - equity / np.maximum.accumulate(equity, axis=0), axis=0)
    return deepest


def drawdowns_of(returns: FloatArray) -> FloatArray:
    """Compute the deepest fall of each trial's equity at the ends of days, positive fraction.

    Parameters
    ----------
    returns
        Daily returns, fractions. ndarray of shape (n_days, n_trials), float64.

    Returns
    -------
    ndarray of shape (n_trials,), float64
        NaN for a trial without returns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.objectives import drawdowns_of
    >>> drawdowns_of(np.array([[0.5, 0.1], [-0.5, 0.1]]))
    array([0.5, 0. ])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _deepest(_equity(returns))


def _profit_factor(returns: FloatArray) -> FloatArray:
    gains, losses = np.maximum(returns, 0.0).sum(axis=0), -np.minimum(returns, 0.0).sum(axis=0)
    return _capped(gains, losses)


def _capped(gained: FloatArray, lost: FloatArray) -> FloatArray:
    """Quotient of what was gained, whatever its sign, over what was lost; the largest where nothing was."""
    ratio = np.divide(gained, lost, out=np.sign(gained) * _LARGEST_RATIO, where=lost > 0.0)
    capped: FloatArray = np.clip(ratio, -_LARGEST_RATIO, _LARGEST_RATIO)
    return capped


def _probabilistic_sharpe(returns: FloatArray) -> FloatArray:
    values = [moments_of(column)._asdict() for column in returns.T]
    found = np.array([probabilistic_sharpe_ratio(**value) for value in values])
    return np.where(np.isnan(found), 0.5, found)  # days that are all the same speak for neither


OBJECTIVES: dict[str, Ranking] = {
    "sharpe": _sharpe,
    "sortino": _sortino,
    "calmar": _calmar,
    "profit_factor": _profit_factor,
    "psr": _probabilistic_sharpe,
}


def rank_by(objective: str | Ranking, returns: FloatArray) -> FloatArray:
    """Objective of each trial.

    Parameters
    ----------
    objective
        ``sharpe``, ``sortino`` and ``calmar`` are annualized by 365 days; ``profit_factor`` is the sum of
        winning over the sum of losing days; ``psr`` is the probability that the Sharpe ratio is positive.
        Or a ranking of one's own, see ``compile_objective``.
    returns
        Daily returns, fractions. ndarray of shape (n_days, n_trials), float64.

    Returns
    -------
    ndarray of shape (n_trials,), float64
        NaN for a trial that never moves, or when there are fewer than 2 days; at most 1e4, and 1e4 times the
        root of 365 for ``sortino``, where nothing was lost.

    Raises
    ------
    OptimizationError
        If the objective is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.objectives import rank_by
    >>> returns = np.array([[0.02, 0.01, 0.0], [-0.01, -0.02, 0.0]])  # two days of three trials
    >>> rank_by("profit_factor", returns)  # the last one never moves
    array([2. , 0.5, nan])
    """
    if isinstance(objective, str) and objective not in OBJECTIVES:
        raise OptimizationError(unknown_name("objective", objective, OBJECTIVES))
    ranking = OBJECTIVES[objective] if isinstance(objective, str) else objective
    if returns.shape[0] < 2 or returns.shape[1] == 0:
        return np.full(returns.shape[1], np.nan)
    values = ranking(returns)
    # A set that was refused has no returns, whatever is made of them.
    is_known = ~np.isnan(returns).any(axis=0)
    return np.where(is_known & np.any(returns != 0.0, axis=0), values, np.nan)
