"""Mark prices laid beside execution bars, and how many of the bars they cover."""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries


class MarkUse(NamedTuple):
    """Number of execution bars by the price that liquidation was tested on; they add up to all bars.

    Parameters
    ----------
    mark
        On the mark price through the whole bar.
    index_price
        On an index price at its open at least.
    opens
        On the mark at the bar's open, and on the last price within it.
    last
        On the last price.
    """

    mark: int
    index_price: int
    opens: int
    last: int


class Marks(NamedTuple):
    """Mark prices of execution bars, 0 where they aren't known; shape (n_bars,), or (0,) where none is."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    use: MarkUse


def no_marks(n_bars: int) -> Marks:
    """Lay nothing beside the bars."""
    nothing = np.empty(0)
    return Marks(nothing, nothing, nothing, MarkUse(0, 0, 0, n_bars))


def marks_on(execution: Bars, mark: MarkSeries) -> Marks:
    """Mark prices of execution bars.

    A bar's open is known where a price stands at just that moment. Its extremes are known where bars of the
    mark of the same length or finer fill it; those of coarser ones say nothing about one bar.
    """
    mark = mark.between(int(execution.ts[0]), int(execution.close_ts[-1]))
    if not len(mark):
        return no_marks(len(execution))
    first, end = np.searchsorted(mark.ts, execution.ts), np.searchsorted(mark.ts, execution.close_ts)
    row = np.minimum(first, len(mark) - 1)
    is_open = mark.ts[row] == execution.ts
    is_whole = is_open & ((end - first) * mark.step_ms == execution.step_ms)
    is_whole &= _over(np.maximum, np.isnan(mark.low).astype(np.float64), first, end) == 0.0
    uses_index = _over(np.maximum, mark.is_index.astype(np.float64), first, end) > 0.0
    uses_index &= is_open
    n_bars, n_index = len(execution), int(uses_index.sum())
    n_mark, n_opens = int((is_whole & ~uses_index).sum()), int((is_open & ~is_whole & ~uses_index).sum())
    return Marks(
        np.where(is_open, mark.open[row], 0.0),
        np.where(is_whole, _over(np.maximum, mark.high, first, end), 0.0),
        np.where(is_whole, _over(np.minimum, mark.low, first, end), 0.0),
        MarkUse(n_mark, n_index, n_opens, n_bars - n_mark - n_index - n_opens),
    )


def reach_of(execution: Bars, marks: Marks) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest of what is known of a bar, last price and mark; the bars' own without a mark."""
    low, high = execution.low, execution.high
    for lows, highs in ((marks.open, marks.open), (marks.low, marks.high)):
        if lows.size:
            low = np.where(lows > 0.0, np.minimum(low, lows), low)
            high = np.maximum(high, highs)
    return low, high


def paid_on_marks(funding: FundingSeries, mark: MarkSeries | None) -> FundingSeries:
    """Funding whose unknown mark prices are taken from a series, where it has that very moment."""
    if mark is None or not np.isnan(funding.mark_price).any():
        return funding
    known = np.where(np.isnan(funding.mark_price), mark.at(funding.ts), funding.mark_price)
    return FundingSeries(funding.ts, funding.rate, known, funding.last_price)


def _over(reduce: np.ufunc, values: FloatArray, first: np.ndarray, end: np.ndarray) -> FloatArray:
    """Reduce ``values[first:end]`` for each bar; of no meaning where that is empty."""
    padded = np.concatenate([values, [0.0]])
    edges = np.column_stack([first, end]).ravel()
    result: FloatArray = reduce.reduceat(padded, edges)[::2]
    return result
