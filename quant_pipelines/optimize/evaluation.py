"""What a walk-forward asks of a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters


@dataclass(frozen=True, slots=True, eq=False)
class OutOfSample:
    """What one parameter set did in one test window.

    Parameters
    ----------
    days
        Start of each UTC day, milliseconds. ndarray of shape (n_days,), int64.
    returns
        Daily returns after costs, fractions. ndarray of shape (n_days,), float64.
    trades
        Closed trades as JSON documents, oldest first.
    """

    days: IntArray
    returns: FloatArray
    trades: tuple[dict[str, Any], ...]


class Evaluator(Protocol):
    """Backtests of one strategy on one symbol."""

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns in ``[start_ms, end_ms)``, indicators warming up inside it.

        Returns
        -------
        ndarray of shape (n_days, n_sets), float64
        """
        ...

    def test(self, fold: Fold, parameters: Parameters) -> OutOfSample:
        """Trade a fold's test window only, with indicators warm from its train window, flat at both ends."""
        ...
