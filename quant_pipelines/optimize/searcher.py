"""The protocol between a search and whoever evaluates its parameter sets."""

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
    """

    parameters: Parameters
    objective: float


class Searcher(Protocol):
    """Asks for whole batches and is told all results of a batch, in the order asked.

    The same seed and the same results always lead to the same batches, whoever evaluates them.
    """

    def ask(self) -> list[Parameters]:
        """Next batch of sets that were never asked before; empty when the search is over."""
        ...

    def tell(self, trials: Sequence[Trial]) -> None:
        """Results of the batch, in its order."""
        ...


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Trial with the highest objective, the first one on ties; None when no trial could be judged."""
    judged = [trial for trial in trials if trial.objective == trial.objective]
    return max(judged, key=lambda trial: trial.objective, default=None)
