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

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> test = OutOfSample(DAY_MS * np.arange(3), np.array([0.01, 0.0, -0.005]), trades=({"pnl": 50.0},))
    >>> test.returns.size == test.days.size, len(test.trades)
    (True, 1)
    """

    days: IntArray
    returns: FloatArray
    trades: tuple[dict[str, Any], ...]


class Evaluator(Protocol):
    """Backtests of one strategy on one symbol.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> class Certain:  # a parameter set earns its own rate every day, in sample and out of it
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], ((end_ms - start_ms) // DAY_MS, 1))
    ...     def test(self, fold, parameters):
    ...         days = np.arange(fold.test_start_ms, fold.test_end_ms, DAY_MS)
    ...         return OutOfSample(days, np.full(days.size, parameters["rate"]), ())
    >>> Certain().search(0, 2 * DAY_MS, [{"rate": 0.01}, {"rate": -0.01}, {"rate": 0.0}])
    array([[ 0.01, -0.01,  0.  ],
           [ 0.01, -0.01,  0.  ]])
    """

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns in ``[start_ms, end_ms)``, indicators warming up inside it.

        Returns
        -------
        ndarray of shape (n_days, n_sets), float64
        """
        ...

    def test(self, fold: Fold, parameters: Parameters) -> OutOfSample:
        """Trade a fold's test window only, indicators warm from bars before it.

        It is flat at both ends, but that an open fold keeps what it holds, marked at the last close: the days
        that it has stay as they are when the next one is added.
        """
        ...
