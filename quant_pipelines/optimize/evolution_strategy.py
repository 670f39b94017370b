"""CMA-ES, the covariance matrix adaptation evolution strategy of the package cma.

References
----------
.. [1] Hansen (2016), The CMA evolution strategy: a tutorial, arXiv:1604.00772.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Key, Parameters, Space
from quant_pipelines.optimize.unseen import Unseen

_FIRST_STEP = 0.25
_STALLED = 8


class EvolutionStrategySearcher:
    """Generations from a normal distribution that learns where, how far and in which directions to look.

    A generation whose sets are all known teaches from what is known; after some of them, or where it has
    drawn together to a point, the distribution begins anew elsewhere. What it can't reach is drawn evenly.

    Parameters
    ----------
    space
        Where to search.
    trials
        Parameter sets to ask for in all; fewer when the space has fewer.
    seed
        Seed of every random choice.
    population
        Points of a generation: a multiple of the sets that are backtested abreast.

    Notes
    -----
    cma seeds and draws from numpy's global generator, and ends a search after one generation of equal values
    (``tolfun``). Here it draws from a generator of its own, and is never asked whether to stop.

    Examples
    --------
    >>> from quant_pipelines.optimize.evolution_strategy import EvolutionStrategySearcher
    >>> from quant_pipelines.optimize.searcher import Trial, best_trial
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("width", 0.0, 4.0, is_integer=False),), is_valid=lambda values: True)
    >>> searcher, trials = EvolutionStrategySearcher(space, trials=96, seed=1), []
    >>> while batch := searcher.ask():
    ...     told = [Trial(one, -abs(one["width"] - 1.2)) for one in batch]  # best at 1.2
    ...     searcher.tell(told)
    ...     trials += told
    >>> len(trials), abs(best_trial(trials).objective) < 0.05
    (96, True)
    """

    version = 1

    def __init__(self, space: Space, *, trials: int, seed: int = 0, population: int = 8) -> None:
        self._space, self._unseen = space, Unseen(space)
        self._left, self._population = trials, population
        self._rng = np.random.default_rng(seed)
        self._known: dict[Key, float] = {}
        self._points: FloatArray | None = None
        self._strategy = self._begun(np.full(len(space.dimensions), 0.5))

    def ask(self) -> list[Parameters]:
        """Next generation; empty when the trials are used up or the space is."""
        count = min(self._population, self._left)
        batch: list[Parameters] = []
        for _ in range(_STALLED if count else 0):
            self._points = np.array(self._strategy.ask())
            batch = [parameters for _, parameters in self._unseen.take(self._points, count)]
            if batch:
                break
            self._learn()
        if not batch and count:
            batch = self._scattered(count)
        self._left = self._left - len(batch) if batch else 0
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Learn from a generation, its sets of earlier ones included."""
        for one in trials:
            self._known[self._space.key(one.parameters)] = one.objective
        if self._points is not None:
            self._learn()

    def _scattered(self, count: int) -> list[Parameters]:
        """Draw sets evenly and begin anew in their midst: where the strategy stands all is known."""
        n_dimensions = len(self._space.dimensions)
        filled = self._unseen.fill(lambda: self._rng.random((count, n_dimensions)), count)
        self._strategy = self._begun(self._rng.random(n_dimensions))
        self._points = None
        return filled.parameters

    def _learn(self) -> None:
        """Tell the strategy of its points; what could not be judged is worse than everything else."""
        assert self._points is not None  # noqa: S101 - both callers have asked
        keys = [self._space.key(self._space.at(one)) for one in self._points.tolist()]
        values = np.array([self._known.get(key, math.nan) for key in keys], dtype=np.float64)
        is_judged = np.isfinite(values)
        worst = values[is_judged].min() if is_judged.any() else 0.0
        spread = np.ptp(values[is_judged]) if is_judged.any() else 0.0
        costs = -np.where(is_judged, values, worst - max(spread, 1.0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of equal values, which are no fault here
            self._strategy.tell(list(self._points), costs.tolist())
        if not 1e-6 < self._strategy.sigma < 10.0:
            self._strategy = self._begun(self._rng.random(len(self._space.dimensions)))

    def _begun(self, mean: FloatArray) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses matplotlib
            import cma  # noqa: PLC0415 - only a search needs it
        options = {
            "bounds": [0.0, 1.0],
            "popsize": self._population,
            "randn": lambda *shape: self._rng.standard_normal(shape),
            "seed": math.nan,  # leave the global generator alone
            "verbose": -9,
            "maxstd_boundrange": math.inf,  # else it fails in one dimension where equal values widen it
        }
        return cma.CMAEvolutionStrategy(mean, _FIRST_STEP, options)
