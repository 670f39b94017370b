"""Genetic search on DEAP's operators: tournament, simulated binary crossover, polynomial mutation.

References
----------
.. [1] Deb, Agrawal (1995), Simulated binary crossover for continuous search space, Complex Systems 9.
.. [2] Beyer, Schwefel (2002), Evolution strategies: (mu + lambda) survival, Natural Computing 1.
"""

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.space import Key, Parameters, Space

_ETA = 10.0
_CROSSOVER_PROBABILITY = 0.9
_ATTEMPTS_PER_CHILD = 50


class _Individual(list[float]):
    """A point of the unit cube; its fitness is read by DEAP's tournament."""

    fitness: float = -math.inf


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
        Size of a generation, and of the parents that survive it.

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

    def __init__(self, space: Space, *, trials: int, seed: int = 0, population: int = 16) -> None:
        self._space = space
        self._left = trials
        self._population = population
        self._random_state = random.Random(seed).getstate()  # noqa: S311 - a search, not a secret
        self._seen: set[Key] = set()
        self._parents: list[_Individual] = []
        self._asked: list[_Individual] = []

    def ask(self) -> list[Parameters]:
        """Next generation; empty when the trials are used up or the space is."""
        count = min(self._population, self._left)
        batch: list[Parameters] = []
        self._asked = []
        with self._own_randomness():
            for _ in range(count * _ATTEMPTS_PER_CHILD):
                if len(batch) == count:
                    break
                child = self._child()
                parameters = self._space.at(child)
                key = self._space.key(parameters)
                if key not in self._seen and self._space.is_valid(parameters):
                    self._seen.add(key)
                    self._asked.append(child)
                    batch.append(parameters)
        self._left = self._left - len(batch) if batch else 0
        return batch

    def tell(self, trials: Sequence[Trial]) -> None:
        """Keep the best of parents and children, [2]_; ties go to the older."""
        for individual, trial in zip(self._asked, trials, strict=True):
            if trial.objective == trial.objective:
                individual.fitness = trial.objective
        everyone = [*self._parents, *self._asked]
        self._parents = sorted(everyone, key=lambda one: -one.fitness)[: self._population]

    def _child(self) -> _Individual:
        from deap import tools  # noqa: PLC0415 - only a search needs it

        if len(self._parents) < 2:
            return _Individual(random.random() for _ in self._space.dimensions)  # noqa: S311
        chosen = tools.selTournament(self._parents, 2, tournsize=3, fit_attr="fitness")
        first, second = _Individual(chosen[0]), _Individual(chosen[1])
        if random.random() < _CROSSOVER_PROBABILITY:  # noqa: S311
            tools.cxSimulatedBinaryBounded(first, second, eta=_ETA, low=0.0, up=1.0)
        tools.mutPolynomialBounded(first, eta=_ETA, low=0.0, up=1.0, indpb=1.0 / len(first))
        return first

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """DEAP draws from the global generator: lend it ours, give it back unchanged."""
        theirs = random.getstate()
        random.setstate(self._random_state)
        try:
            yield
        finally:
            self._random_state = random.getstate()
            random.setstate(theirs)
