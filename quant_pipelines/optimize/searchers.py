"""The table of searchers: one row for each name that settings and the command line accept."""

from typing import Protocol

from quant_pipelines.core.errors import OptimizationError, unknown_name
from quant_pipelines.optimize.bayesian import BayesianSearcher
from quant_pipelines.optimize.evolution_strategy import EvolutionStrategySearcher
from quant_pipelines.optimize.genetic import GeneticSearcher, ParetoSearcher
from quant_pipelines.optimize.grid import GridSearcher
from quant_pipelines.optimize.searcher import Searcher
from quant_pipelines.optimize.sobol import SobolSearcher
from quant_pipelines.optimize.space import Space


class _Maker(Protocol):
    version: int
    """Counts up where the same seed draws other sets than before: then it is another procedure."""

    def __call__(self, space: Space, *, trials: int, seed: int) -> Searcher: ...


SEARCHERS: dict[str, _Maker] = {
    "grid": GridSearcher,
    "sobol": SobolSearcher,
    "bayes": BayesianSearcher,
    "cma": EvolutionStrategySearcher,
    "ga": GeneticSearcher,
    "nsga2": ParetoSearcher,
}


def make_searcher(name: str, space: Space, *, trials: int, seed: int) -> Searcher:
    """Searcher by name.

    Parameters
    ----------
    name
        ``grid``, ``sobol``, ``bayes``, ``cma``, ``ga`` or ``nsga2``.
    space
        Where to search.
    trials
        Most parameter sets that it asks for.
    seed
        Seed of its random choices.

    Raises
    ------
    OptimizationError
        If the name is unknown or the number of trials is not positive.

    Examples
    --------
    >>> from quant_pipelines.optimize.searchers import make_searcher
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 10, 30, is_integer=True),), is_valid=lambda values: True)
    >>> make_searcher("grid", space, trials=3, seed=1).ask()
    [{'window': 10}, {'window': 20}, {'window': 30}]
    >>> make_searcher("sobel", space, trials=3, seed=1)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.OptimizationError: unknown searcher 'sobel'; did you mean 'sobol'?
    """
    if name not in SEARCHERS:
        raise OptimizationError(unknown_name("searcher", name, SEARCHERS))
    if trials < 1:
        raise OptimizationError(f"trials is {trials}; expected 1 or more")
    if not space.dimensions:  # all is fixed: one set, whatever the way
        return GridSearcher(space, trials=trials)
    return SEARCHERS[name](space, trials=trials, seed=seed)
