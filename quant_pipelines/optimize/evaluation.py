"""What a walk-forward asks of a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
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
        Closed trades as JSON documents, oldest first; ``exit_time`` is in milliseconds.
    is_warm
        Whether there were enough bars before the first day for the strategy to forget where they begin.
    exposure
        Signed notional over equity, mean over the closes of each day. ndarray of shape (n_days,), float64;
        NaN where it is not known, as for several instruments in one account.
    holding
        What a long unit of notional earned on each day after funding, fraction. Shape and NaN as above.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> test = OutOfSample(DAY_MS * np.arange(3), np.array([0.01, 0.0, -0.005]), trades=({"pnl": 50.0},))
    >>> test.returns.size == test.days.size, len(test.trades)
    (True, 1)
    >>> test.exposure
    array([nan, nan, nan])
    """

    days: IntArray
    returns: FloatArray
    trades: tuple[dict[str, Any], ...]
    is_warm: bool = True
    exposure: FloatArray = field(default_factory=lambda: np.empty(0))
    holding: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        for name in ("exposure", "holding"):
            if not getattr(self, name).size:
                object.__setattr__(self, name, np.full(self.days.size, np.nan))

    def trades_on(self, day_ms: int) -> tuple[dict[str, Any], ...]:
        """Trades that were closed on a day; what is closed where the window ends counts for its last day.

        Examples
        --------
        >>> import numpy as np
        >>> from quant_pipelines.core.timeframes import DAY_MS
        >>> from quant_pipelines.optimize.evaluation import OutOfSample
        >>> test = OutOfSample(DAY_MS * np.arange(2), np.zeros(2), ({"exit_time": 2 * DAY_MS},))
        >>> len(test.trades_on(0)), len(test.trades_on(DAY_MS))
        (0, 1)
        """
        last = int(self.days[-1])
        return tuple(one for one in self.trades if min(floor_ms(one["exit_time"], DAY_MS), last) == day_ms)

    def after(self, known: "OutOfSample") -> "OutOfSample":
        """Only the days that follow those that are known.

        Examples
        --------
        >>> import numpy as np
        >>> from quant_pipelines.core.timeframes import DAY_MS
        >>> from quant_pipelines.optimize.evaluation import OutOfSample
        >>> two = OutOfSample(DAY_MS * np.arange(2), np.array([0.01, 0.02]), ({"exit_time": 5},))
        >>> three = OutOfSample(DAY_MS * np.arange(3), np.array([0.01, 0.02, 0.03]), two.trades)
        >>> three.after(two).returns, three.after(two).trades
        (array([0.03]), ())
        """
        is_new = ~np.isin(self.days, known.days)
        days = self.days[is_new]
        trades = tuple(trade for day in days for trade in self.trades_on(int(day)))
        held = self.exposure[is_new], self.holding[is_new]
        return OutOfSample(days, self.returns[is_new], trades, self.is_warm, *held)


def stitched(parts: Sequence[OutOfSample]) -> OutOfSample:
    """Parts that follow each other, as one.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.evaluation import OutOfSample, stitched
    >>> parts = [OutOfSample(np.array([day]), np.array([0.01 * day]), ()) for day in (1, 2)]
    >>> stitched(parts).returns
    array([0.01, 0.02])
    """
    return OutOfSample(
        days=np.concatenate([np.empty(0, dtype=np.int64), *(part.days for part in parts)]),
        returns=np.concatenate([np.empty(0), *(part.returns for part in parts)]),
        trades=tuple(trade for part in parts for trade in part.trades),
        is_warm=all(part.is_warm for part in parts),
        exposure=np.concatenate([np.empty(0), *(part.exposure for part in parts)]),
        holding=np.concatenate([np.empty(0), *(part.holding for part in parts)]),
    )


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
    ...     def cover(self, fold, parameter_sets):
    ...         return self.search(fold.test_start_ms, fold.test_end_ms, parameter_sets)
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

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of each set in a fold's test window, traded as ``test`` does.

        Returns
        -------
        ndarray of shape (n_days, n_sets), float64
        """
        ...
