"""What an indicator knows: where an input is unknown it is, too, and after that it begins anew."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
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
    is_known = np.logical_and.reduce([np.isfinite(array) for array in arrays])
    edges = np.flatnonzero(np.diff(is_known, prepend=False, append=False))
    return edges.reshape(-1, 2).astype(np.int64)


def _laid_out(of_run: Callable[[int, int], Any], runs: IntArray, size: int) -> Any:
    """Results of the runs at their places, NaN elsewhere; a tuple of arrays for an indicator of several."""
    shape = of_run(0, 0)
    columns = [np.full(size, np.nan) for _ in range(len(shape) if isinstance(shape, tuple) else 1)]
    for start, end in runs.tolist():
        found = of_run(start, end)
        for column, part in zip(columns, found if isinstance(found, tuple) else (found,), strict=True):
            column[start:end] = part
    return type(shape)(*columns) if isinstance(shape, tuple) else columns[0]
