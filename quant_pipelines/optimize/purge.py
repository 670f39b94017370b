"""The end of a train window: nothing that was held in it is still held in the test window.

What a search has found is ranked again without the last days; nothing is backtested anew for it, since what a
set earned up to a day does not depend on the days after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.optimize.evaluation import Evaluator
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.objective_file import Ranking
from quant_pipelines.optimize.searcher import Trial, best_trial
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.optimize.window_search import trials_of

LARGEST_SHARE = 0.5
"""Of the train window that may be left out: a position that is never closed leaves the other half."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Search in one window.

    Parameters
    ----------
    trials
        In the order tried.
    parameters
        The best; None when no trial could be judged.
    returns
        Daily returns of the best. ndarray of shape (n_days,), float64.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.searcher import Trial
    >>> from quant_pipelines.optimize.purge import Fit
    >>> trials = Trial({"window": 10}, 0.5), Trial({"window": 20}, 1.5)
    >>> Fit(trials, parameters={"window": 20}, returns=np.array([0.01, 0.02])).parameters
    {'window': 20}
    """

    trials: tuple[Trial, ...]
    parameters: Parameters | None
    returns: FloatArray


def purged(
    evaluator: Evaluator,
    objective: str | Ranking,
    fold: Fold,
    tried: Sequence[Parameters],
    returns: FloatArray,
) -> tuple[Fold, Fit]:
    """Find the best set on the days that end its own longest holding before the test window.

    The purge is the longest time for which the best set has held a position in the train window: at least the
    fold's own (``purge_hours``), at most ``LARGEST_SHARE`` of the window. Where another set leads on the days
    that are left, its holding counts, until nothing changes; the window only gets shorter.

    Parameters
    ----------
    evaluator
        Is asked how long the best set has held.
    objective
        See ``rank_by``.
    fold
        Its train window ends where the least purge begins.
    tried, returns
        Sets in the order tried, and their daily returns in that window, shape (n_days, n_sets).

    Returns
    -------
    tuple of Fold and Fit
        The fold with the end of its train window, and what was found in it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.purge import purged
    >>> class TwoDays:  # see Evaluator
    ...     def longest_holding_ms(self, start_ms, end_ms, parameters):
    ...         return 2 * DAY_MS
    >>> fold = Fold(0, 0, 10 * DAY_MS, 10 * DAY_MS, 12 * DAY_MS)
    >>> returns = 0.01 * np.array([[1, 0, 1, 0, 1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 1, 0, 0, 0, 9, 9]]).T
    >>> shorter, fit = purged(TwoDays(), "sharpe", fold, [{"window": 5}, {"window": 6}], returns)
    >>> shorter.train_end_ms / DAY_MS, fit.parameters, fit.returns.size
    (8.0, {'window': 5}, 8)
    """
    end_ms = fold.train_end_ms
    longest_ms = floor_ms(int(LARGEST_SHARE * (fold.train_end_ms - fold.train_start_ms)), DAY_MS)
    while True:
        n_days = -((fold.train_start_ms - end_ms) // DAY_MS)  # a day that has begun counts
        fit = _ranked(objective, tried, returns[:n_days])
        if fit.parameters is None:
            break
        held_ms = evaluator.longest_holding_ms(fold.train_start_ms, fold.train_end_ms, fit.parameters)
        latest_ms = fold.test_start_ms - min(held_ms, longest_ms)
        if latest_ms >= end_ms:
            break
        end_ms = floor_ms(latest_ms, DAY_MS)  # returns are known by whole days
    return replace(fold, train_end_ms=end_ms), fit


def _ranked(objective: str | Ranking, tried: Sequence[Parameters], returns: FloatArray) -> Fit:
    trials = tuple(trials_of(objective, tried, returns))
    best = best_trial(trials)
    if best is None:
        return Fit(trials, None, np.zeros(0))
    return Fit(trials, best.parameters, returns[:, trials.index(best)])
