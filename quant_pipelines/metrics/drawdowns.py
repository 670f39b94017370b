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
    """

    peak: int
    bottom: int
    end: int | None
    depth: float


def underwater(equity: FloatArray) -> FloatArray:
    """Distance from the highest equity so far, 0 or negative, as a fraction; shape as given."""
    highest = np.maximum.accumulate(equity)
    depth: FloatArray = np.divide(equity, highest, out=np.ones_like(equity), where=highest > 0.0) - 1.0
    return depth


def max_drawdown(returns: FloatArray) -> float:
    """Deepest fall of compounded equity from its peak so far, 0 or negative, as a fraction."""
    return float(np.min(underwater(compounded(returns))))


def longest_drawdown(returns: FloatArray) -> float:
    """Most days in a row that end below an earlier peak of the compounded equity."""
    # The first point is never below a peak, so the days between two points that are not are one drawdown.
    dry = np.flatnonzero(underwater(compounded(returns)) >= 0.0)
    ends = np.append(dry, returns.size + 1)
    return float(np.max(ends[1:] - ends[:-1]) - 1)


def time_under_water(returns: FloatArray) -> float:
    """Share of days that end below an earlier peak of the compounded equity; NaN without a day."""
    return float(np.mean(underwater(compounded(returns))[1:] < 0.0)) if returns.size else float("nan")


def compounded(returns: FloatArray) -> FloatArray:
    """Equity of returns, beginning at 1; shape (n_days + 1,)."""
    return np.concatenate([[1.0], np.cumprod(1.0 + returns)])


def deepest_drawdowns(equity: FloatArray, count: int) -> list[Drawdown]:
    """Separate drawdowns of a curve, deepest first, at most ``count``."""
    depth = underwater(equity)
    edges = np.flatnonzero(np.diff(depth < 0.0, prepend=False, append=False)).tolist()
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        bottom = first + int(np.argmin(depth[first:end]))
        is_over = end < equity.size
        found.append(Drawdown(first - 1, bottom, end if is_over else None, float(depth[bottom])))
    return sorted(found, key=lambda drawdown: drawdown.depth)[:count]
