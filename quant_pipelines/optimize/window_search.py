"""The search in train windows, and whether that window alone says that more of it is worth its time."""

import logging
from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.series import Window
from quant_pipelines.optimize.evaluation import Evaluator
from quant_pipelines.optimize.objective_file import Ranking
from quant_pipelines.optimize.objectives import drawdowns_of, rank_by
from quant_pipelines.optimize.searcher import Searcher, Trial
from quant_pipelines.optimize.space import Key, Parameters, Space

_LEAD_SHARE = 2 / 3
_log = logging.getLogger(__name__)


def trials_of(
    objective: str | Ranking, parameter_sets: Sequence[Parameters], returns: FloatArray
) -> list[Trial]:
    """Trials of sets by their daily returns, shape (n_days, n_sets); see ``rank_by``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.window_search import trials_of
    >>> trials_of("profit_factor", [{"window": 5}], np.array([[0.5], [-0.25]]))
    [Trial(parameters={'window': 5}, objective=2.0, drawdown=0.25)]
    """
    values, drawdowns = rank_by(objective, returns), drawdowns_of(returns)
    found = zip(parameter_sets, values.tolist(), drawdowns.tolist(), strict=True)
    return [Trial(*one) for one in found]


class WindowSearch:
    """Sets that were tried in windows; none is backtested twice, whichever searcher asks for it again.

    Parameters
    ----------
    evaluator
        Backtests.
    space
        Tells sets apart.
    objective
        See ``rank_by``.
    windows
        Where they are traded, each of them begun flat; their days are ranked as one.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.optimize.grid import GridSearcher
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.window_search import WindowSearch
    >>> class Certain:  # see Evaluator
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], (2, 1))
    >>> space = Space((Dimension("rate", 0, 2, is_integer=True),), is_valid=lambda values: True)
    >>> search = WindowSearch(Certain(), space, "profit_factor", Window(0, 1))
    >>> search.run(GridSearcher(space, trials=3))
    >>> search.returns.shape, len(search.tried)
    ((2, 3), 3)
    """

    def __init__(
        self, evaluator: Evaluator, space: Space, objective: str | Ranking, *windows: Window
    ) -> None:
        self._evaluator = evaluator
        self._space = space
        self._objective = objective
        self._windows = windows
        self._columns: dict[Key, FloatArray] = {}
        self.tried: list[Parameters] = []

    @property
    def returns(self) -> FloatArray:
        """Daily returns of the sets in the order tried, shape (n_days, n_sets)."""
        return np.stack([self._columns[self._space.key(one)] for one in self.tried], axis=1)

    def run(self, searcher: Searcher) -> None:
        """Answer a searcher until it asks no more.

        Raises
        ------
        StrategyError
            If every set of the first batch breaks the strategy.
        """
        while batch := searcher.ask():
            keys = [self._space.key(one) for one in batch]
            new = {key: one for key, one in zip(keys, batch, strict=True) if key not in self._columns}
            if new:
                sets = list(new.values())
                self._columns |= zip(new, self._found(sets).T, strict=True)
                self.tried.extend(sets)
            returns = np.stack([self._columns[key] for key in keys], axis=1)
            searcher.tell(trials_of(self._objective, batch, returns))

    def _found(self, sets: list[Parameters]) -> FloatArray:
        """Daily returns of sets; NaN where all of them break a strategy that earlier ones do not."""
        try:
            return np.concatenate([self._evaluator.search(*one, sets) for one in self._windows])
        except StrategyError as error:
            if not self._columns:
                raise
            _log.warning("a batch of %d sets is left out, such as %s: %s", len(sets), sets[0], error)
            n_days = next(iter(self._columns.values())).size
            return np.full((n_days, len(sets)), np.nan)


def has_promise(objective: str | Ranking, returns: FloatArray) -> bool:
    """Whether what led in the first two thirds of a train window earned something in the last third.

    It hangs on that window alone: a fold is searched as hard whoever opens it, and whatever else is stored.

    Parameters
    ----------
    objective
        See ``rank_by``.
    returns
        Daily returns in the train window, shape (n_days, n_sets).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.window_search import has_promise
    >>> leads_and_goes_on = np.array([0.02, 0.01, 0.02, 0.01, 0.02, 0.01])
    >>> leads_and_falls = np.array([0.03, 0.02, 0.03, 0.02, -0.1, -0.1])
    >>> returns = np.stack([leads_and_goes_on, leads_and_falls], axis=1)
    >>> has_promise("sharpe", returns), has_promise("sharpe", returns[:, :1])
    (False, True)
    """
    n_lead = round(_LEAD_SHARE * len(returns))
    values = rank_by(objective, returns[:n_lead])
    if not np.isfinite(values).any():
        return False
    leader = int(np.argmax(np.where(np.isfinite(values), values, -np.inf)))
    return float(np.prod(1.0 + returns[n_lead:, leader])) > 1.0
