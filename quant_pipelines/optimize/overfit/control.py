"""Error control over a day's candidates that depend on each other in unknown ways.

References
----------
.. [1] Benjamini, Yekutieli (2001), The control of the false discovery rate in multiple testing under
   dependency, Annals of Statistics 29(4), theorem 1.3.
"""

from collections.abc import Sequence

import numpy as np

from quant_pipelines.core.arrays import FloatArray


def benjamini_yekutieli(p_values: Sequence[float]) -> FloatArray:
    """P values adjusted so that those at or below ``q`` are discoveries at false discovery rate ``q``, [1]_.

    Parameters
    ----------
    p_values
        One p value for each candidate.

    Returns
    -------
    ndarray of shape (n_candidates,), float64
        In the order given, at most 1.

    Examples
    --------
    >>> from quant_pipelines.optimize.overfit import benjamini_yekutieli
    >>> benjamini_yekutieli([0.01, 0.04])  # times 2 * (1 + 1/2), over the rank
    array([0.03, 0.06])
    """
    values = np.asarray(p_values, dtype=np.float64)
    n = values.size
    if n == 0:
        return values
    order = np.argsort(values)
    harmonic = float(np.sum(1.0 / np.arange(1, n + 1)))
    raised = values[order] * n * harmonic / np.arange(1, n + 1)
    adjusted = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    result = np.empty(n)
    result[order] = adjusted
    return result
