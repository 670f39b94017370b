"""The same record with days that begin at 08:00 UTC: shown beside the other, it decides nothing.

What is tested are days, and where one begins is a choice: a result that hangs on it is none.
"""

from typing import Any

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.overfit import moments_of, probabilistic_sharpe_ratio


def returns_from_0800(record: OutOfSample) -> FloatArray:
    """Daily returns from 08:00 to 08:00 UTC, of the days of which both ends are known.

    Returns
    -------
    ndarray of shape (n,), float64
        At most one less than the record has days: its last one ends tomorrow.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.day_boundary import returns_from_0800
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> days, early = DAY_MS * np.arange(3), np.array([0.25, 0.2, 0.0])
    >>> returns_from_0800(OutOfSample(days, np.array([0.5, 0.2, 0.1]), (), until_0800=early)).round(6)
    array([0.44, 0.  ])
    """
    until, whole = record.until_0800, record.returns
    left = np.divide(
        1.0 + whole[:-1], 1.0 + until[:-1], out=np.full(whole[:-1].size, np.nan), where=until[:-1] > -1.0
    )
    moved: FloatArray = left * (1.0 + until[1:]) - 1.0
    is_known: BoolArray = (np.diff(record.days) == DAY_MS) & np.isfinite(moved)
    return moved[is_known]


def boundary_figures(record: OutOfSample) -> dict[str, Any]:
    """Figures of the record with the other days, by the names of those that they stand beside.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.day_boundary import boundary_figures
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> days, returns = DAY_MS * np.arange(4), np.array([0.01, -0.01, 0.02, 0.01])
    >>> boundary_figures(OutOfSample(days, returns, ()))["days_0800"]  # nothing is known of the mornings
    0
    """
    returns = returns_from_0800(record)
    moments = moments_of(returns)
    is_known = moments.n_observations >= 2
    return {
        "days_0800": int(returns.size),
        "total_return_0800": float(np.prod(1.0 + returns) - 1.0) if returns.size else None,
        "sharpe_0800": moments.sharpe * YEAR_DAYS**0.5 if is_known else None,
        "psr_0800": probabilistic_sharpe_ratio(**moments._asdict()) if is_known else None,
    }
