"""Turns of opinion: from what happens on single bars to what a strategy holds."""

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.core.lanes import NONE, ONE, lowest_bit
from quant_pipelines.core.memory import WORD_BITS, greater_at
from quant_pipelines.indicators.bollinger import Bands
from quant_pipelines.sdk.turns import Turns, columns_of


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

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import held
    >>> held(np.array([np.nan, 1.0, np.nan, 0.0, np.nan]))
    array([nan,  1.,  1.,  0.,  0.])
    """
    return _held(np.ascontiguousarray(opinion, dtype=np.float64))


@kernel
def _held(opinion: FloatArray) -> FloatArray:
    newest, result = np.nan, np.empty(opinion.size)
    for i in range(opinion.size):
        if not np.isnan(opinion[i]):
            newest = opinion[i]
        result[i] = newest
    return result


def entered(enter: BoolArray, leave: BoolArray) -> FloatArray:
    """1 from a bar that enters until one that leaves, else 0; a bar that does both enters.

    Parameters
    ----------
    enter, leave
        ndarrays of shape (n_bars,), bool.

    Returns
    -------
    ndarray of shape (n_bars,), float64

    Raises
    ------
    StrategyError
        If the arrays differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import entered
    >>> entered(np.array([False, True, False, False]), np.array([False, False, False, True]))
    array([0., 1., 1., 0.])
    """
    return _entered(*columns_of(enter, leave, dtype=np.bool_))


@kernel
def _entered(enter: BoolArray, leave: BoolArray) -> FloatArray:
    result, state = np.empty(enter.size), 0.0
    for i in range(enter.size):
        if leave[i]:
            state = 0.0
        if enter[i]:
            state = 1.0
        result[i] = state
    return result


def lasting(opinion: FloatArray, bars: int, *, settled: int = 0) -> Turns:
    """Keep each opinion until the next one, and no longer than a number of bars; then flat.

    Parameters
    ----------
    opinion
        ndarray of shape (n_bars,), float64; NaN where a bar changes nothing.
    bars
        How many keep an opinion, that on which it is formed included.
    settled
        Bars at the beginning that have no opinion.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import lasting
    >>> lasting(np.array([np.nan, 1.0, np.nan, np.nan, -1.0]), 2)
    Turns(bar=array([0, 1, 3, 4]), value=array([ 0.,  1.,  0., -1.]), size=5)
    """
    own = np.ascontiguousarray(opinion, dtype=np.float64)
    return Turns(*_lasting(own, bars, settled), own.size)


@kernel
def _lasting(opinion: FloatArray, bars: int, settled: int) -> tuple[IntArray, FloatArray]:
    bar, target = np.empty(opinion.size, np.int64), np.empty(opinion.size)
    count, last, newest, until = 0, np.nan, 0.0, 0
    for i in range(opinion.size):
        if not np.isnan(opinion[i]):
            newest, until = opinion[i], i + bars
        value = newest if i < until else 0.0
        if i >= settled and value != last:
            bar[count], target[count] = i, value
            count += 1
            last = value
    return bar[:count].copy(), target[:count].copy()


def beyond(value: FloatArray, bands: Bands, *, settled: int = 0, on_entry: bool = False) -> Turns:
    """Long from above an upper band, short from below a lower one, flat once the middle is crossed.

    Parameters
    ----------
    value
        ndarray of shape (n_bars,), float64; what is NaN is neither beyond nor above.
    bands
        Lower, middle and upper one, each of the same shape.
    settled
        Bars at the beginning that have no opinion.
    on_entry
        Whether only the bar counts on which a band is crossed, not each one beyond it.

    Raises
    ------
    StrategyError
        If the arrays differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators.bollinger import Bands
    >>> from quant_pipelines.sdk import beyond
    >>> bands = Bands(*(np.full(5, band) for band in (-2.0, 0.0, 2.0)))
    >>> beyond(np.array([0.0, 3.0, 1.0, -1.0, -3.0]), bands)
    Turns(bar=array([1, 3, 4]), value=array([ 1.,  0., -1.]), size=5)
    """
    own, *around = columns_of(value, *bands, dtype=np.float64)
    return Turns(*_beyond(own, Bands(*around), settled, on_entry), own.size)


@kernel
def _beyond(value: FloatArray, bands: Bands, settled: int, on_entry: bool) -> tuple[IntArray, FloatArray]:
    bar, target = np.empty(value.size, np.int64), np.empty(value.size)
    count, last, begins = 0, np.nan, ONE
    was_above, was_over, was_under = NONE, NONE, NONE
    for at in range(0, value.size, WORD_BITS):
        is_above, is_over = greater_at(value, bands.middle, at), greater_at(value, bands.upper, at)
        is_under = greater_at(bands.lower, value, at)
        turns = (is_above ^ (is_above << ONE | was_above)) & ~begins
        rises, falls = is_over, is_under
        if on_entry:
            rises, falls = is_over & ~(is_over << ONE | was_over), is_under & ~(is_under << ONE | was_under)
            rises, falls = rises & ~begins, falls & ~begins
        busy = turns | rises | falls
        while busy != NONE:
            k = lowest_bit(busy)
            busy &= busy - ONE
            i = at + int(k)
            opinion = 0.0
            if (rises >> k) & ONE:
                opinion = 1.0
            if (falls >> k) & ONE:
                opinion = -1.0
            if settled <= i < value.size and opinion != last:
                bar[count], target[count] = i, opinion
                count += 1
                last = opinion
        top = np.uint64(WORD_BITS - 1)
        was_above, was_over, was_under, begins = is_above >> top, is_over >> top, is_under >> top, NONE
    return bar[:count].copy(), target[:count].copy()


def opposite(turns: Turns) -> Turns:
    """Short where one would be long, and the other way round.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Turns, opposite
    >>> opposite(Turns(np.array([1, 3]), np.array([1.0, -0.5]), size=5)).value
    array([-1. ,  0.5])
    """
    return Turns(turns.bar, 0.0 - turns.value, turns.size)


def turned(state: BoolArray) -> BoolArray:
    """Tell on which bars a state differs from the bar before; never on the first one.

    Parameters
    ----------
    state
        ndarray of shape (n_bars,), bool.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import turned
    >>> turned(np.array([True, True, False, True]))
    array([False, False,  True,  True])
    """
    result = np.zeros(state.size, dtype=bool)
    result[1:] = state[1:] != state[:-1]
    return result
