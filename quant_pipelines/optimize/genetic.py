"""Genetic searches by whole generations: the best of parents and children survive.

References
----------
.. [1] Beyer, Schwefel (2002), Evolution strategies: (mu + lambda) survival, Natural Computing 1.
.. [2] Deb, Pratap, Agarwal, Meyarivan (2002), A fast and elitist multiobjective genetic algorithm: NSGA-II,
   IEEE Transactions on Evolutionary Computation 6.
"""

import math
from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.optimize.pareto import best_first
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Parameters, Space
from quant_pipelines.optimize.unseen import Unseen
from quant_pipelines.optimize.variation import children

_WORST = 1e300


class GeneticSearcher:
    """Whole generations; a parameter set that was seen is never asked for again.

    Parameters
    ----------
    space
        Where to search.
    trials
        Parameter sets to ask for in all; fewer when the space has fewer.
    seed
        Seed of every random choice.
    population
        Size of a generation, and of the parents that survive it: a multiple of the sets that are backtested
        abreast.

    Examples
    --------
    >>> from quant_pipelines.optimize.genetic import GeneticSearcher
    >>> from quant_pipelines.optimize.searcher import Trial, best_trial
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 5, 400, is_integer=True),), is_valid=lambda values: True)
    >>> searcher, trials = GeneticSearcher(space, trials=64, seed=1), []
    >>> while batch := searcher.ask():
    ...     told = [Trial(one, -abs(one["window"] - 120)) for one in batch]  # best at 120
    ...     searcher.tell(told)
    ...     trials += told
    >>> len(trials), abs(best_trial(trials).objective) <= 5
    (64, True)
    """

    version = 2

    def __init__(self, space: Space, *, trials: int, seed: int = 0, population: int = 16) -> None:
        self._unseen = Unseen(space)
        self._named = np.array([bool(one.options) for one in space.dimensions], dtype=bool)
        self._left = trials
        self._population = population
        self._rng = np.random.default_rng(seed)
        self._parents = np.empty((0, len(space.dimensions)))
        self._values = np.empty((0, 2))
        self._asked = self._parents

    def ask(self) -> list[Parameters]:
        """Next generation; empty when the trials are used up or the space is."""
        count = min(self._population, self._left)
        points, batch = self._unseen.fill(lambda: self._drawn(count), count)
        self._asked = np.array(points).reshape(len(batch), self._parents.shape[1])
        self._left = self._left - len(batch) if batch else 0
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Keep the best of parents and children, [1]_; ties go to the older."""
        found = [[_or_worst(one.objective), _or_worst(-one.drawdown)] for one in trials]
        values = np.concatenate([self._values, np.array(found).reshape(-1, 2)])
        best = self._order(values)[: self._population]
        self._parents = np.concatenate([self._parents, self._asked])[best]
        self._values = values[best]

    def _order(self, values: FloatArray) -> IntArray:
        """Positions of the best sets first; columns are the objective and the drawdown, negative."""
        return np.argsort(-values[:, 0], kind="stable")

    def _drawn(self, count: int) -> FloatArray:
        if len(self._parents) < 2:
            return self._rng.random((count, self._parents.shape[1]))
        return children(self._parents, count, self._rng, self._named)


class ParetoSearcher(GeneticSearcher):
    """NSGA-II, [2]_: a high objective and a shallow drawdown, without a rate of exchange between both.

    What survives are the sets that no other beats in both, of these first those that stand most alone.

    Parameters
    ----------
    space, trials, seed, population
        See ``GeneticSearcher``.

    Examples
    --------
    >>> from quant_pipelines.optimize.genetic import ParetoSearcher
    >>> from quant_pipelines.optimize.searcher import Trial
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("size", 0.0, 1.0, is_integer=False),), is_valid=lambda values: True)
    >>> searcher, trials = ParetoSearcher(space, trials=64, seed=1), []
    >>> while batch := searcher.ask():
    ...     told = [Trial(one, one["size"], drawdown=one["size"] ** 2) for one in batch]
    ...     searcher.tell(told)
    ...     trials += told
    >>> len(trials)
    64
    """

    version = 1

    def _order(self, values: FloatArray) -> IntArray:
        return best_first(values)


def _or_worst(value: float) -> float:
    """Put what could not be judged below all else: what is no number compares as anything."""
    return value if math.isfinite(value) else -_WORST
