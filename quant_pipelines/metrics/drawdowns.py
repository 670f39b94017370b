"""Drawdowns of an equity curve: how deep, how long, and which were the deepest."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray


class Drawdown(NamedTuple):
    """Time below a peak, by positions in the curve.

    Parameters
    ----------
    peak, bottom
        Where it began and where it was deepest.
    end
        First point that is back at the peak; None while it lasts.
    depth
        Negative fraction of the peak.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import deepest_drawdowns
    >>> (found,) = deepest_drawdowns(np.array([100.0, 50.0, 75.0, 100.0]), 1)
    >>> found
    Drawdown(peak=0, bottom=1, end=3, depth=-0.5)
    >>> found.end - found.peak  # points until it was made up for
    3
    """

    peak: int
    bottom: int
    end: int | None
    depth: float


def underwater(equity: FloatArray) -> FloatArray:
    """Distance from the highest equity so far, 0 or negative, as a fraction; shape as given.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import underwater
    >>> underwater(np.array([100.0, 80.0, 120.0, 90.0]))
    array([ 0.  , -0.2 ,  0.  , -0.25])
    """
    highest = np.maximum.accumulate(equity)
    depth: FloatArray = np.divide(equity, highest, out=np.ones_like(equity), where=highest > 0.0) - 1.0
    return depth


def max_drawdown(returns: FloatArray) -> float:
    """Deepest fall of compounded equity from its peak so far, 0 or negative, as a fraction.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import max_drawdown
    >>> max_drawdown(np.array([0.25, -0.5, 1.0, -0.25]))
    -0.5
    """
    return float(np.min(underwater(compounded(returns))))


def longest_drawdown(returns: FloatArray) -> float:
    """Most days in a row that end below an earlier peak of the compounded equity.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import longest_drawdown
    >>> longest_drawdown(np.array([0.25, -0.5, 0.5, 1.0, -0.25]))  # days 2 and 3, then a new peak, then day 5
    2.0
    """
    # The first point is never below a peak, so the days between two points that are not are one drawdown.
    dry = np.flatnonzero(underwater(compounded(returns)) >= 0.0)
    ends = np.append(dry, returns.size + 1)
    return float(np.max(ends[1:] - ends[:-1]) - 1)


def time_under_water(returns: FloatArray) -> float:
    """Share of days that end below an earlier peak of the compounded equity; NaN without a day.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import time_under_water
    >>> time_under_water(np.array([0.25, -0.5, 0.5, 1.0, -0.25]))  # three days of five
    0.6
    """
    return float(np.mean(underwater(compounded(returns))[1:] < 0.0)) if returns.size else float("nan")


def compounded(returns: FloatArray) -> FloatArray:
    """Equity of returns, beginning at 1; shape (n_days + 1,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import compounded
    >>> compounded(np.array([0.5, -0.5, 1.0]))
    array([1.  , 1.5 , 0.75, 1.5 ])
    """
    return np.concatenate([[1.0], np.cumprod(1.0 + returns)])


def deepest_drawdowns(equity: FloatArray, count: int) -> list[Drawdown]:
    """Separate drawdowns of a curve, deepest first, at most ``count``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics import deepest_drawdowns
    >>> curve = np.array([100.0, 75.0, 100.0, 120.0, 60.0, 90.0])
    >>> for found in deepest_drawdowns(curve, 2):
    ...     print(found)
    Drawdown(peak=3, bottom=4, end=None, depth=-0.5)
    Drawdown(peak=0, bottom=1, end=2, depth=-0.25)
    """
    depth = underwater(equity)
    edges = np.flatnonzero(np.diff(depth < 0.0, prepend=False, append=False)).tolist()
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        bottom = first + int(np.argmin(depth[first:end]))
        is_over = end < equity.size
        found.append(Drawdown(first - 1, bottom, end if is_over else None, float(depth[bottom])))
    return sorted(found, key=lambda drawdown: drawdown.depth)[:count]
