"""Turns: a target by the bars on which it changes, for strategies whose targets stay for long.

An array of a year of 1-minute bars takes longer to write and to read again than to decide.
"""

from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.jit import kernel
from quant_pipelines.core.lanes import NONE, ONE, lowest_bit
from quant_pipelines.core.memory import WORD_BITS, count_bits, greater_at


class Turns(NamedTuple):
    """What a strategy may return instead of an array of targets.

    Parameters
    ----------
    bar, value
        Bar from which on a target holds, rising, and the target; before the first there is no opinion.
        Shape (n_turns,).
    size
        Number of bars.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Turns
    >>> from quant_pipelines.sdk.turns import expanded
    >>> expanded(Turns(np.array([1, 3]), np.array([1.0, -0.5]), size=5))
    array([ nan,  1. ,  1. , -0.5, -0.5])
    """

    bar: IntArray
    value: FloatArray
    size: int


def above(first: FloatArray, second: FloatArray, settled: int = 0) -> Turns:
    """Long where one array is above another, short elsewhere.

    Parameters
    ----------
    first, second
        ndarrays of shape (n_bars,), float64.
    settled
        Bars at the beginning that have no opinion.

    Returns
    -------
    Turns
        1 where ``first > second``, else -1.

    Raises
    ------
    StrategyError
        If the arrays differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import above
    >>> fast, slow = np.array([1.0, 3.0, 3.0, 1.0]), np.full(4, 2.0)
    >>> above(fast, slow)
    Turns(bar=array([0, 1, 3]), value=array([-1.,  1., -1.]), size=4)
    >>> above(fast, slow, settled=2)  # no opinion on the first two bars
    Turns(bar=array([2, 3]), value=array([ 1., -1.]), size=4)
    """
    one, other = columns_of(first, second, dtype=np.float64)
    bar, value = sides(one, other, min(max(settled, 0), one.size))
    return Turns(bar, value, one.size)


def crossed(first: FloatArray, second: FloatArray, settled: int = 0) -> Turns:
    """Long after one array has crossed above another, short after it has crossed below.

    Like ``above``, and without an opinion before the first cross at or after bar ``settled``, so that a
    state of unknown age isn't entered.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import crossed
    >>> crossed(np.array([1.0, 3.0, 3.0, 1.0]), np.full(4, 2.0))
    Turns(bar=array([1, 3]), value=array([ 1., -1.]), size=4)
    """
    turns = above(first, second, max(settled, 1) - 1)
    return Turns(turns.bar[1:], turns.value[1:], turns.size)


def columns_of(*arrays: Any, dtype: type[np.generic]) -> tuple[Any, ...]:
    """Columns as compiled code reads them, which looks at no shape.

    Parameters
    ----------
    *arrays
        ndarrays of shape (n_bars,).
    dtype
        What they are made of, if they are not.

    Raises
    ------
    StrategyError
        If one has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.turns import columns_of
    >>> columns_of(np.array([1, 2]), np.array([0.5, 1.0]), dtype=np.float64)
    (array([1., 2.]), array([0.5, 1. ]))
    """
    columns = tuple([np.ascontiguousarray(one, dtype=dtype) for one in arrays])
    shape = columns[0].shape
    if len(shape) != 1 or any([one.shape != shape for one in columns]):  # noqa: C419 - a list is faster
        shapes = " and ".join(str(np.shape(one)) for one in arrays)
        raise StrategyError(f"arrays have shapes {shapes}; expected (n_bars,) each")
    return columns


def expanded(turns: Turns) -> FloatArray:
    """Targets of all bars, shape (n_bars,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import above
    >>> from quant_pipelines.sdk.turns import expanded
    >>> expanded(above(np.array([1.0, 3.0, 3.0, 1.0]), np.full(4, 2.0), settled=1))
    array([nan,  1.,  1., -1.])
    """
    target = np.full(turns.size, np.nan)
    if turns.bar.size:
        lengths = np.diff(turns.bar, append=turns.size)
        target[int(turns.bar[0]) :] = np.repeat(turns.value, lengths)
    return target


def is_in_order(turns: Turns, size: int) -> bool:
    """Whether the turns are those of so many bars: as many values as bars, rising, within the size.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Turns
    >>> from quant_pipelines.sdk.turns import is_in_order
    >>> turns = Turns(np.array([1, 3]), np.array([1.0, -1.0]), size=5)
    >>> is_in_order(turns, 5), is_in_order(turns, 4)
    (True, False)
    """
    bar = turns.bar
    if turns.size != size or bar.ndim != 1 or bar.shape != turns.value.shape:
        return False
    return bool(_rises_within(np.ascontiguousarray(bar), size))


@kernel
def _rises_within(bar: IntArray, size: int) -> bool:
    last = -1
    for one in bar:
        if one <= last or one >= size:
            return False
        last = one
    return True


@kernel
def sides(first: FloatArray, second: FloatArray, begin: int) -> tuple[IntArray, FloatArray]:
    """Find the bars from ``begin`` on at which the side changes, and the side that one takes there.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk.turns import sides
    >>> sides(np.array([1.0, 3.0, 3.0, 1.0]), np.full(4, 2.0), 1)
    (array([1, 3]), array([ 1., -1.]))
    """
    n_words = (first.size + WORD_BITS - 1) // WORD_BITS
    turn, side = np.empty(n_words, np.uint64), np.empty(n_words, np.uint64)
    count, last, begins = 0, NONE, begin // WORD_BITS
    for n in range(begins, n_words):
        at = n * WORD_BITS
        is_whole = at + WORD_BITS <= first.size
        word = greater_at(first, second, at)
        differs = word ^ ((word << ONE) | last)
        if n == begins:
            bit = np.uint64(begin - at)
            differs = (differs | ONE << bit) & (~NONE << bit)
        if not is_whole:
            differs &= ~NONE >> np.uint64(at + WORD_BITS - first.size)
        turn[n], side[n] = differs, word
        last = word >> np.uint64(WORD_BITS - 1)
        count += count_bits(differs)
    bar, value = np.empty(count, np.int64), np.empty(count)
    found = 0
    for n in range(begins, n_words):
        differs = turn[n]
        while differs != NONE:
            k = lowest_bit(differs)
            differs &= differs - ONE
            bar[found] = n * WORD_BITS + int(k)
            value[found] = 1.0 if (side[n] >> k) & ONE else -1.0
            found += 1
    return bar, value
