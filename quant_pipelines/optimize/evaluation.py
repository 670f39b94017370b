"""What a walk-forward asks of a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
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
        Whether there were enough bars before the fold for the strategy to forget where they begin.
    carried
        How the account stands after the last day, as a JSON document of the evaluator's: the next day begins
        with it. None is flat.
    exposure
        Signed notional over equity, mean over the closes of each day. ndarray of shape (n_days,), float64;
        NaN where it is not known, as for several instruments in one account.
    holding
        What a long unit of notional earned on each day after funding, fraction. Shape and NaN as above.
    until_0800
        What was earned from each day's start to 08:00 UTC, fraction. Shape as above; NaN where it is not
        known, as on bars that do not end there.
    is_listed
        Whether the symbol was on the list when the day began. The other days count for the search, not for
        the test. ndarray of shape (n_days,), bool.

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
    carried: dict[str, Any] | None = None
    exposure: FloatArray = field(default_factory=lambda: np.empty(0))
    holding: FloatArray = field(default_factory=lambda: np.empty(0))
    until_0800: FloatArray = field(default_factory=lambda: np.empty(0))
    is_listed: BoolArray = field(default_factory=lambda: np.empty(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        for name in ("exposure", "holding", "until_0800"):
            if not getattr(self, name).size:
                object.__setattr__(self, name, np.full(self.days.size, np.nan))
        if not self.is_listed.size:
            object.__setattr__(self, "is_listed", np.full(self.days.size, fill_value=True))

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
        carried=next((part.carried for part in reversed(parts) if part.days.size), None),
        exposure=np.concatenate([np.empty(0), *(part.exposure for part in parts)]),
        holding=np.concatenate([np.empty(0), *(part.holding for part in parts)]),
        until_0800=np.concatenate([np.empty(0), *(part.until_0800 for part in parts)]),
        is_listed=np.concatenate([np.empty(0, dtype=np.bool_), *(part.is_listed for part in parts)]),
    )


class Edges(NamedTuple):
    """How the part of a test window that is not known yet begins and ends.

    Parameters
    ----------
    from_ms
        Its first day, a UTC midnight; the days of the fold before it are known.
    carried
        What the day before has left, see ``OutOfSample``; None begins flat.
    closes
        Whether what is held at the end is closed there, with its costs: the day after is known, and begins
        flat. Else it stays held.

    Examples
    --------
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import Edges
    >>> Edges(20 * DAY_MS).closes
    False
    """

    from_ms: int
    carried: dict[str, Any] | None = None
    closes: bool = False


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
    ...     def test(self, fold, parameters, edges):
    ...         days = np.arange(edges.from_ms, fold.test_end_ms, DAY_MS)
    ...         return OutOfSample(days, np.full(days.size, parameters["rate"]), ())
    ...     def longest_holding_ms(self, start_ms, end_ms, parameters):
    ...         return 0
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

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        """Longest time from an entry to the end of its round trip in a window, as ``search`` trades it.

        A position that is held at the end counts up to there.
        """
        ...

    def test(self, fold: Fold, parameters: Parameters | None, edges: Edges) -> OutOfSample:
        """Trade the days of a fold's test window that are not known, indicators warm from bars before it.

        What the day before has left is carried over: position, stops, pending orders and the open round trip.
        Other parameters than its own take it over at their first decision, with normal costs; without
        parameters it is closed at the first open. A fold of the same parameters goes on as if there were no
        edge.
        """
        ...

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        """Daily returns of each set in a fold's whole test window, which it begins flat.

        What a finished fold holds at its end is closed there; an open one keeps it.

        Returns
        -------
        ndarray of shape (n_days, n_sets), float64
            NaN for a set that breaks the strategy.

        Raises
        ------
        StrategyError
            If every set breaks it.
        """
        ...
