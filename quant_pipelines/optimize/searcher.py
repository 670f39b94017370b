"""The protocol between a search and whoever evaluates its parameter sets."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from quant_pipelines.optimize.space import Parameters


class Trial(NamedTuple):
    """One evaluated parameter set.

    Parameters
    ----------
    parameters
        As asked.
    objective
        Higher is better; NaN when the set could not be judged, such as one that never trades.
    drawdown
        Deepest fall of the equity at the ends of days, positive fraction; NaN where it is not known.

    Examples
    --------
    >>> from quant_pipelines.optimize.searcher import Trial
    >>> Trial({"window": 20}, objective=1.5)
    Trial(parameters={'window': 20}, objective=1.5, drawdown=nan)
    """

    parameters: Parameters
    objective: float
    drawdown: float = math.nan


class Searcher(Protocol):
    """Asks for whole batches and is told all results of a batch, in the order asked.

    The same seed and the same results always lead to the same batches, whoever evaluates them.

    Examples
    --------
    >>> from quant_pipelines.optimize.searcher import Trial
    >>> from quant_pipelines.optimize.searchers import make_searcher
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> space = Space((Dimension("window", 10, 30, is_integer=True),), is_valid=lambda values: True)
    >>> searcher = make_searcher("grid", space, trials=2, seed=1)
    >>> while batch := searcher.ask():
    ...     print(batch)
    ...     searcher.tell([Trial(one, objective=float(one["window"])) for one in batch])
    [{'window': 10}, {'window': 30}]
    """

    def ask(self) -> list[Parameters]:
        """Next batch of sets that were never asked before; empty when the search is over."""
        ...

    def tell(self, trials: Sequence[Trial]) -> None:
        """Results of the batch, in its order."""
        ...


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Trial with the highest objective, the first one on ties; None when no trial could be judged.

    Examples
    --------
    >>> from quant_pipelines.optimize.searcher import Trial, best_trial
    >>> best_trial([Trial({"window": 5}, float("nan")), Trial({"window": 6}, 0.5), Trial({"window": 7}, 0.5)])
    Trial(parameters={'window': 6}, objective=0.5, drawdown=nan)
    """
    judged = [trial for trial in trials if trial.objective == trial.objective]
    return max(judged, key=lambda trial: trial.objective, default=None)
