"""Where a spread is only the rounding of values that are all the same, and no ratio to it means anything."""

from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray

_RELATIVE = 1e-12
RETURN_ROUNDING = 1e-13
"""A return is one less than a ratio near one: what is smaller is the rounding of the equity behind it."""


def is_rounding(spread: Any, values: FloatArray) -> Any:
    """Whether a spread or a size along the first axis of returns is nothing but rounding.

    Parameters
    ----------
    spread
        Of the values, such as their deviation, 0 or positive: a number, or one for each column.
    values
        Returns as fractions. ndarray of shape (n_days,) or (n_days, n_sets), float64.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.metrics.rounding import is_rounding
    >>> same = np.full(30, 0.01)
    >>> float(same.std()) > 0.0, bool(is_rounding(same.std(), same))  # the mean of equal values is not exact
    (True, True)
    """
    return spread <= RETURN_ROUNDING + _RELATIVE * np.max(np.abs(values), axis=0, initial=0.0)


def ratio_of(gained: float, lost: float) -> float:
    """Quotient of two amounts that are 0 or positive; NaN where the lower one is nothing beside the upper.

    Examples
    --------
    >>> from quant_pipelines.metrics.rounding import ratio_of
    >>> ratio_of(50.0, 10.0), ratio_of(50.0, 1e-15), ratio_of(0.0, 0.0)
    (5.0, nan, nan)
    """
    return gained / lost if lost > _RELATIVE * gained and lost > 0.0 else float("nan")
