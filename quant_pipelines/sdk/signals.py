"""Turns of opinion: from what happens on single bars to what a strategy holds."""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.jit import kernel


@kernel
def above(first: FloatArray, second: FloatArray, settled: int = 0) -> FloatArray:
    """Long where one array is above another, short elsewhere.

    Parameters
    ----------
    first, second
        ndarrays of shape (n_bars,), float64.
    settled
        Bars at the beginning that have no opinion.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        1 where ``first > second``, else -1; NaN on the first ``settled`` bars.
    """
    target = np.empty(first.size)
    begin = min(max(settled, 0), first.size)
    target[:begin] = np.nan
    for i in range(begin, first.size):
        at = np.uint64(i)  # one that can't be negative lets the loop take several bars at a time
        target[at] = 1.0 if first[at] > second[at] else -1.0
    return target


@kernel
def crossed(first: FloatArray, second: FloatArray, settled: int = 0) -> FloatArray:
    """Long after one array has crossed above another, short after it has crossed below.

    Like ``above``, and without an opinion before the first cross at or behind bar ``settled``, so that a
    state of unknown age isn't entered.
    """
    for i in range(max(settled, 1), first.size):
        if (first[i] > second[i]) != (first[i - 1] > second[i - 1]):
            return above(first, second, i)
    return above(first, second, first.size)


def held(opinion: FloatArray) -> FloatArray:
    """Keep each opinion until the next one.

    Parameters
    ----------
    opinion
        ndarray of shape (n_bars,), float64; NaN where a bar changes nothing.

    Returns
    -------
    ndarray of shape (n_bars,), float64
        The newest opinion at or before each bar; NaN before the first one.
    """
    if opinion.size == 0:
        return opinion.copy()
    newest = np.maximum.accumulate(np.where(np.isnan(opinion), 0, np.arange(opinion.size)))
    return opinion[newest]


def turned(state: BoolArray) -> BoolArray:
    """Tell on which bars a state differs from the bar before; never on the first one.

    Parameters
    ----------
    state
        ndarray of shape (n_bars,), bool.
    """
    result = np.zeros(state.size, dtype=bool)
    result[1:] = state[1:] != state[:-1]
    return result
