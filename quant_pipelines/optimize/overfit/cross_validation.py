"""Combinatorially symmetric cross-validation: whether the in-sample best stays above the median.

References
----------
.. [1] Bailey, Borwein, López de Prado, Zhu (2017), The Probability of Backtest Overfitting,
   Journal of Computational Finance 20(4).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.metrics.rounding import is_rounding

_LARGEST_BLOCK_COUNT = 16
_CANCELLATION = 1e-13
"""What is left of a sum of squares below this share of it is the rounding of the difference."""


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """Result over all ways to split the blocks into two halves.

    Parameters
    ----------
    best
        Trial with the highest in-sample Sharpe ratio, the first one on ties. ndarray of shape (n_splits,).
    in_sample, out_of_sample
        Its Sharpe ratios per period in both halves. ndarrays of shape (n_splits,).
    logits
        ``ln(w / (1 - w))`` of its relative out-of-sample rank ``w = rank / (n_trials + 1)``, where rank 1 is
        the worst and ties are averaged. ndarray of shape (n_splits,).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import cross_validate
    >>> steady = np.tile([0.01, 0.03], 4)
    >>> found = cross_validate(np.column_stack([-steady, steady]), n_blocks=2)
    >>> found.best, found.logits > 0.0, found.probability_of_overfitting, found.probability_of_loss
    (array([1, 1]), array([ True,  True]), 0.0, 0.0)
    """

    best: IntArray
    in_sample: FloatArray
    out_of_sample: FloatArray
    logits: FloatArray

    @property
    def probability_of_overfitting(self) -> float:
        """Share of splits in which the in-sample best ranks at or below the median."""
        return float(np.mean(self.logits <= 0.0))

    @property
    def probability_of_loss(self) -> float:
        """Share of splits in which the in-sample best earns nothing in the other half, [1]_.

        One that does not trade there earns nothing. Where every trial carries the edge, the best one ranks
        anywhere and still earns.
        """
        return float(np.mean(self.out_of_sample <= 0.0))


def probability_of_backtest_overfitting(returns: FloatArray, *, n_blocks: int) -> float:
    """Share of splits in which the in-sample best ranks at or below the out-of-sample median, [1]_.

    Parameters
    ----------
    returns
        Returns of all trials of one search. ndarray of shape (n_periods, n_trials), float64, without NaN.
    n_blocks
        Even number of equal contiguous blocks, 2 to 16; the oldest remainder is left out.

    Raises
    ------
    OptimizationError
        If the number of blocks is odd or out of range, there are fewer than 2 trials, or fewer than 2
        periods in each block.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import probability_of_backtest_overfitting
    >>> steady = np.tile([0.01, 0.03], 4)
    >>> probability_of_backtest_overfitting(np.column_stack([-steady, steady]), n_blocks=4)
    0.0
    >>> lucky = np.append(steady, -steady)  # what was best in one half is worst in the other
    >>> probability_of_backtest_overfitting(np.column_stack([lucky, -lucky]), n_blocks=2)
    1.0
    """
    return cross_validate(returns, n_blocks=n_blocks).probability_of_overfitting


def cross_validate(returns: FloatArray, *, n_blocks: int) -> CrossValidation:
    """Rank the in-sample best out of sample for every split of the blocks; see the function above.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.overfit import cross_validate
    >>> steady = np.tile([0.01, 0.03], 8)
    >>> found = cross_validate(np.column_stack([-steady, steady]), n_blocks=4)
    >>> found.best  # six ways to choose two of four blocks
    array([1, 1, 1, 1, 1, 1])
    """
    _require_usable(returns, n_blocks)
    n_periods, n_trials = returns.shape
    length = n_periods // n_blocks
    kept = returns[n_periods - length * n_blocks :]
    center = kept.mean(axis=0)
    blocks = (kept - center).reshape(n_blocks, length, n_trials)
    sums, squares = blocks.sum(axis=1), (blocks**2).sum(axis=1)

    chosen = _halves(n_blocks)
    half = length * n_blocks // 2
    in_sample = _sharpe(chosen @ sums, chosen @ squares, half, center)
    out_of_sample = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, half, center)

    best = np.argmax(in_sample, axis=1).astype(np.int64)
    rows = np.arange(best.size)
    reached = out_of_sample[rows, best]
    below = (out_of_sample < reached[:, None]).sum(axis=1)
    equal = (out_of_sample == reached[:, None]).sum(axis=1)
    rank = (below + (equal + 1) / 2) / (n_trials + 1)
    return CrossValidation(best, in_sample[rows, best], reached, np.log(rank / (1.0 - rank)))


def _require_usable(returns: FloatArray, n_blocks: int) -> None:
    if n_blocks % 2 or not 2 <= n_blocks <= _LARGEST_BLOCK_COUNT:
        raise OptimizationError(f"n_blocks is {n_blocks}; expected an even number from 2 to 16")
    if returns.ndim != 2 or returns.shape[1] < 2 or returns.shape[0] < 2 * n_blocks:
        raise OptimizationError(
            f"returns have shape {returns.shape}; expected at least {2 * n_blocks} periods of 2 trials"
        )


def _halves(n_blocks: int) -> FloatArray:
    """One row a split: 1 for the in-sample blocks, shape (n_splits, n_blocks)."""
    splits = list(combinations(range(n_blocks), n_blocks // 2))
    chosen = np.zeros((len(splits), n_blocks))
    np.put_along_axis(chosen, np.array(splits), 1.0, axis=1)
    return chosen


def _sharpe(sums: FloatArray, squares: FloatArray, n: int, center: FloatArray) -> FloatArray:
    """Mean over standard deviation from sums around ``center``; 0 where all returns are the same."""
    mean = sums / n
    variance = (squares - n * mean**2) / (n - 1)
    still = is_rounding(np.sqrt(np.maximum(variance, 0.0)), center[None])
    still |= variance * (n - 1) <= _CANCELLATION * squares
    return np.where(still, 0.0, (mean + center) / np.sqrt(np.where(still, 1.0, variance)))
