"""What an indicator knows: where an input is unknown it is, too, and after that it begins anew."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.jit import kernel

P = ParamSpec("P")
R = TypeVar("R")


def by_known_runs(function: Callable[P, R]) -> Callable[P, R]:
    """Let an indicator see runs of bars at which all of its arrays are known, each as a series of its own.

    A NaN or an infinity is unknown. One of them would stay in a running sum for ever, and TA-Lib goes on with
    finite, wrong values after it; here the indicator is NaN there and warms up again behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators import sma
    >>> sma(np.array([1.0, 3.0, np.nan, 5.0, 7.0]), 2)
    array([nan,  2., nan, nan,  6.])
    """

    @wraps(function)
    def computed(*args: P.args, **options: P.kwargs) -> R:
        arrays = [value for value in (*args, *options.values()) if isinstance(value, np.ndarray)]
        if all(map(_is_known, arrays)):
            return function(*args, **options)

        def of_run(start: int, end: int) -> Any:
            own = [_part(value, start, end) for value in args]
            return function(*own, **{name: _part(value, start, end) for name, value in options.items()})

        found: R = _laid_out(of_run, _known_runs(arrays), arrays[0].size)
        return found

    return computed


def _is_known(array: np.ndarray) -> bool:
    """Whether all of it is."""
    return bool(n_unknown(array.ravel()) == 0)


@kernel
def n_unknown(values: FloatArray) -> int:
    """Count the values that are NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.indicators.known import n_unknown
    >>> n_unknown(np.array([1.0, np.nan, np.inf]))
    2
    """
    count = 0
    for value in values:
        count += value - value != 0.0  # in a form that several values at once can be asked
    return count


def _part(value: Any, start: int, end: int) -> Any:
    return value[start:end] if isinstance(value, np.ndarray) else value


def _known_runs(arrays: Iterable[np.ndarray]) -> IntArray:
    """First bar and end of each run at which all are known; shape (n_runs, 2)."""
    first, *others = (array.ravel() for array in arrays)
    for array in others:
        if array.size != first.size:  # compiled code looks at no length
            raise ValueError(f"arrays have lengths {first.size} and {array.size}; expected the same")
    is_unknown = np.zeros(first.size, dtype=np.bool_)
    for array in (first, *others):
        _mark_unknown(array, is_unknown)
    return _runs_of(is_unknown)


@kernel
def _mark_unknown(values: FloatArray, is_unknown: BoolArray) -> None:
    for i in range(values.size):
        is_unknown[i] |= values[i] - values[i] != 0.0


@kernel
def _runs_of(is_unknown: BoolArray) -> IntArray:
    runs, count, was_unknown = np.empty((is_unknown.size // 2 + 1, 2), np.int64), 0, True
    for i in range(is_unknown.size):
        if was_unknown and not is_unknown[i]:
            runs[count, 0] = i
        if not was_unknown and is_unknown[i]:
            runs[count, 1] = i
            count += 1
        was_unknown = is_unknown[i]
    if not was_unknown:
        runs[count, 1] = is_unknown.size
        count += 1
    return runs[:count].copy()


def _laid_out(of_run: Callable[[int, int], Any], runs: IntArray, size: int) -> Any:
    """Results of the runs at their places, NaN elsewhere; a tuple of arrays for an indicator of several."""
    places = runs.tolist() or [[0, 0]]
    results = [of_run(start, end) for start, end in places]
    is_one = not isinstance(results[0], tuple)
    columns = [np.full(size, np.nan) for _ in range(1 if is_one else len(results[0]))]
    for (start, end), found in zip(places, results, strict=True):
        for column, part in zip(columns, (found,) if is_one else found, strict=True):
            column[start:end] = part
    return columns[0] if is_one else type(results[0])(*columns)
