"""Bayesian search on scikit-optimize's forest: one fit a batch, whose points are spread out.

References
----------
.. [1] Hutter, Hoos, Leyton-Brown (2011), Sequential model-based optimization for general algorithm
   configuration, LION 5: forests instead of Gaussian processes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Parameters, Space
from quant_pipelines.optimize.unseen import Unseen

_TREES, _CANDIDATES, _NEAR_BEST = 30, 1_000, 8
_STEP = 0.1
_LEAST_BATCH, _MOST_FITS = 16, 12
_SPREAD = 0.1


class BayesianSearcher:
    """Batches where a model of what is known expects the largest improvement.

    The first batch is drawn evenly. A fit of the model costs more than many backtests, so each serves a whole
    batch: its candidates are taken from the most promising on, none too near to one that is taken.

    Parameters
    ----------
    space
        Where to search.
    trials
        Parameter sets to ask for in all; fewer when the space has fewer.
    seed
        Seed of every random choice.

    Notes
    -----
    ``skopt.Optimizer`` fails for ever after a value that is not a number, and its batches fit the model anew
    for each point; only the model and its expected improvement are taken from there.

    Examples
    --------
    >>> from quant_pipelines.optimize.bayesian import BayesianSearcher
    >>> from quant_pipelines.optimize.searcher import Trial, best_trial
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 5, 400, is_integer=True),), is_valid=lambda values: True)
    >>> searcher, trials = BayesianSearcher(space, trials=48, seed=1), []
    >>> while batch := searcher.ask():
    ...     told = [Trial(one, -abs(one["window"] - 120)) for one in batch]  # best at 120
    ...     searcher.tell(told)
    ...     trials += told
    >>> len(trials), abs(best_trial(trials).objective) <= 10
    (48, True)
    """

    version = 1

    def __init__(self, space: Space, *, trials: int, seed: int = 0) -> None:
        self._unseen, self._left = Unseen(space), trials
        self._batch = 8 * max(_LEAST_BATCH // 8, -(-trials // (8 * _MOST_FITS)))
        self._rng = np.random.default_rng(seed)
        self._points = np.empty((0, len(space.dimensions)))
        self._values = np.empty(0)
        self._asked = self._points

    def ask(self) -> list[Parameters]:
        """Next batch; empty when the trials are used up or the space is."""
        count = min(self._batch, self._left)
        drawn = self._promising(count) if np.isfinite(self._values).sum() > 1 and count else self._even(count)
        taken = self._unseen.take(drawn, count)
        # Where the model proposes what is known, the rest is drawn evenly.
        rest = self._unseen.fill(lambda: self._even(count), count - len(taken))
        points = [drawn[at] for at, _ in taken] + rest.points
        batch = [parameters for _, parameters in taken] + rest.parameters
        self._asked = np.array(points).reshape(len(batch), self._points.shape[1])
        self._left = self._left - len(batch) if batch else 0
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember a batch; the model is fitted when the next one is asked for."""
        self._points = np.concatenate([self._points, self._asked])
        self._values = np.concatenate([self._values, [one.objective for one in trials]])

    def _even(self, count: int) -> FloatArray:
        return self._rng.random((count, self._points.shape[1]))

    def _promising(self, count: int) -> FloatArray:
        """Return candidates, the most promising first, those that are spread out before all others."""
        from skopt.acquisition import gaussian_ei  # noqa: PLC0415 - a second that only this search pays

        model, candidates = self._fitted(), self._candidates()
        costs = self._costs()
        gain = gaussian_ei(candidates, model, y_opt=float(costs.min()))
        candidates = candidates[np.argsort(-gain, kind="stable")]
        chosen = spread_out(candidates, count, _SPREAD * np.sqrt(candidates.shape[1]))
        others = np.delete(np.arange(len(candidates)), chosen)
        return np.concatenate([candidates[chosen], candidates[others]])

    def _costs(self) -> FloatArray:
        """Values with the other sign; what could not be judged costs as much as the worst."""
        is_judged = np.isfinite(self._values)
        return -np.where(is_judged, self._values, self._values[is_judged].min())

    def _fitted(self) -> Any:
        from skopt.learning import ExtraTreesRegressor  # noqa: PLC0415 - as above

        state = int(self._rng.integers(2**31))
        model = ExtraTreesRegressor(n_estimators=_TREES, min_samples_leaf=3, random_state=state)
        return model.fit(self._points, self._costs())

    def _candidates(self) -> FloatArray:
        """Draw half of them evenly, and half around the best that is known."""
        order = np.argsort(self._costs(), kind="stable")[:_NEAR_BEST]
        half = _CANDIDATES // 2
        around = self._points[order[self._rng.integers(0, len(order), half)]]
        near = around + self._rng.normal(0.0, _STEP, around.shape)
        return np.concatenate([self._even(half), np.clip(near, 0.0, 1.0)])


def spread_out(points: FloatArray, count: int, distance: float) -> list[int]:
    """Positions of the first points of which none is nearer than a distance to another; at most ``count``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.bayesian import spread_out
    >>> spread_out(np.array([[0.5], [0.52], [0.9], [0.1]]), 3, distance=0.1)
    [0, 2, 3]
    """
    chosen: list[int] = []
    is_free = np.ones(len(points), dtype=bool)
    for at in range(len(points)):
        if len(chosen) == count:
            break
        if is_free[at]:
            chosen.append(at)
            is_free &= np.square(points - points[at]).sum(axis=1) >= distance**2
    return chosen
