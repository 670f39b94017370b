"""Records of different lengths in one matrix of days; a record never has a gap."""

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError


def begins_of_records(returns: FloatArray) -> IntArray:
    """First day of each candidate's record; the number of days where it has none.

    Parameters
    ----------
    returns
        Daily returns, fractions. ndarray of shape (n_days, n_candidates), float64; NaN before its record.

    Raises
    ------
    OptimizationError
        If a value is infinite, or missing once the record has begun.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision.records import begins_of_records
    >>> begins_of_records(np.array([[0.01, np.nan], [0.0, 0.02]]))
    array([0, 1])
    """
    if returns.ndim != 2 or not returns.shape[1]:
        raise OptimizationError(f"returns have shape {returns.shape}; expected days of at least 1 candidate")
    known = np.isfinite(returns)
    if known.all():
        return np.zeros(returns.shape[1], dtype=np.int64)
    begins = np.where(known.any(axis=0), known.argmax(axis=0), returns.shape[0])
    expected = np.arange(returns.shape[0])[:, None] >= begins
    wrong = np.argwhere((known != expected) | np.isinf(returns))
    if wrong.size:
        day, candidate = wrong[0]
        raise OptimizationError(
            f"returns[{day}, {candidate}] is {returns[day, candidate]}; expected a number on every day "
            "once a record has begun"
        )
    return np.asarray(begins, dtype=np.int64)


def length_of_records(returns: FloatArray) -> IntArray:
    """Days of each candidate's record; see ``begins_of_records``.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision.records import length_of_records
    >>> length_of_records(np.array([[0.01, np.nan], [0.0, 0.02]]))
    array([2, 1])
    """
    return np.asarray(returns.shape[0] - begins_of_records(returns), dtype=np.int64)


def filled(returns: FloatArray) -> FloatArray:
    """Repeat each record backwards into the days before it, so that every day can be drawn for everybody.

    A day on which two candidates have records is drawn for both of them together. Where a record is shorter,
    another of its own days stands in, which counts less dependence between the two, never more: the maximum
    over candidates becomes larger, not smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision.records import filled
    >>> filled(np.array([[np.nan], [np.nan], [np.nan], [0.01], [0.02]]))[:, 0]
    array([0.02, 0.01, 0.02, 0.01, 0.02])
    """
    begins = begins_of_records(returns)
    if not begins.any():
        return returns
    n_days = returns.shape[0]
    days = np.arange(n_days)[:, None]
    lengths = np.maximum(n_days - begins, 1)
    rows = np.where(days < begins, begins + (days - begins) % lengths, days)
    return np.nan_to_num(np.take_along_axis(returns, np.minimum(rows, n_days - 1), axis=0))
