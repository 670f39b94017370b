"""What the statistics would have shown at every look, had no candidate an edge: resampled paths of days.

One circular block bootstrap of days serves all candidates, so that what they share stays shared. A path grows
with its record: a look adds its own days to it, drawn from what is known then, and never draws the older ones
again. Its cost is that of the new days.

References
----------
.. [1] Politis, Romano (1992), A Circular Block-Resampling Procedure for Stationary Data, in LePage, Billard
   (eds.), Exploring the Limits of Bootstrap, section 2.
.. [2] Götze, Künsch (1996), Second-Order Correctness of the Blockwise Bootstrap for Stationary Observations,
   Annals of Statistics 24(5), section 2: a resample is studentized by the scatter of its own blocks.
.. [3] Romano, Wolf (2005), Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73(4),
   section 4: studentized statistics, each resample centered at the mean that it is drawn from.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.decision.records import begins_of_records, filled

_FEWEST_BLOCKS = 2


class AddedDays(NamedTuple):
    """Days ``[start, end)`` that are added, in blocks of so many days counted from day 0."""

    start: int
    end: int
    block: int


class PathSums(NamedTuple):
    """Of each path and candidate so far; all arrays have shape (n_paths, n_candidates)."""

    total: FloatArray
    whole: FloatArray
    squares: FloatArray
    running: FloatArray


@kernel
def _advance(pool: FloatArray, begins: IntArray, span: AddedDays, drawn: IntArray, sums: PathSums) -> None:
    n_pool, n_candidates = pool.shape
    first = span.start // span.block
    for path in range(drawn.shape[1]):
        total, whole = sums.total[path], sums.whole[path]
        squares, running = sums.squares[path], sums.running[path]
        for day in range(span.start, span.end):
            inside = day % span.block
            row = pool[(drawn[day // span.block - first, path] + inside) % n_pool]
            for k in range(n_candidates):
                value = row[k] if day >= begins[k] else 0.0
                running[k] += value
                total[k] += value
            if inside == span.block - 1:
                for k in range(n_candidates):
                    value = running[k] if day - inside >= begins[k] else 0.0
                    whole[k] += value
                    squares[k] += value * value
                    running[k] = 0.0


class ResampledPaths:
    """Paths of a fixed block length that grow from look to look.

    Parameters
    ----------
    n_paths
        Number of resampled histories.
    block
        Days of a block.
    seed
        Of the draws: same seed, same days, same paths, however many looks they were grown in.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import ResampledPaths
    >>> days = np.random.default_rng(1).normal(0.001, 0.01, (400, 3))
    >>> paths = ResampledPaths(1000, block=5, seed=1)
    >>> shown = paths.grown(days)
    >>> shown.shape, bool(abs(shown.mean()) < 0.1)  # the edge is gone
    ((1000, 3), True)
    """

    def __init__(self, n_paths: int, *, block: int, seed: int) -> None:
        self.block = block
        self._n_paths = n_paths
        self._seed = seed
        self._days = 0
        self._open: IntArray = np.zeros(n_paths, dtype=np.int64)
        self._sums: PathSums | None = None

    def grown(self, returns: FloatArray) -> FloatArray:
        """Statistics of all paths once they are as long as the records; minus infinity where there is none.

        Parameters
        ----------
        returns
            All days so far: those of the call before, and new ones. ndarray of shape (n_days, n_candidates),
            float64; NaN before a record begins.

        Returns
        -------
        ndarray of shape (n_paths, n_candidates), float64
        """
        begins, pool = begins_of_records(returns), filled(returns)
        if self._sums is None:
            shape = (self._n_paths, returns.shape[1])
            self._sums = PathSums(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
        span = AddedDays(self._days, returns.shape[0], self.block)
        if span.end > span.start:
            centered = np.ascontiguousarray(pool - pool.mean(axis=0))
            _advance(centered, begins, span, self._drawn(span), self._sums)
            self._days = span.end
        still = is_rounding(pool.std(axis=0), pool)
        return np.where(still, -np.inf, _studentized(self._sums, begins, span))

    def _drawn(self, span: AddedDays) -> IntArray:
        """First day of each block that the span touches; one that is open goes on where it is."""
        blocks = range(span.start // span.block, (span.end - 1) // span.block + 1)
        rows = [
            self._open if block * span.block < span.start else self._begun(block, span) for block in blocks
        ]
        self._open = rows[-1]
        return np.array(rows)

    def _begun(self, block: int, span: AddedDays) -> IntArray:
        generator = np.random.default_rng([self._seed, block])
        return generator.integers(0, span.end, self._n_paths)


def observed_statistics(returns: FloatArray, block: int) -> FloatArray:
    """Mean over its standard error, by the same rule as on the paths.

    ``sum / sqrt(n) / sigma`` with ``sigma^2`` the variance of the sums of whole blocks over their length,
    [2]_ equation 2.

    Returns
    -------
    ndarray of shape (n_candidates,), float64
        Minus infinity where fewer than two whole blocks are known, or all days are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import observed_statistics
    >>> days = np.array([[0.01], [0.03], [0.02], [np.nextafter(0.04, 1)]])
    >>> round(float(observed_statistics(days, 1)[0]), 4)  # the usual t
    3.873
    """
    begins, days = begins_of_records(returns), np.nan_to_num(returns)
    n_blocks = days.shape[0] // block
    blocks = days[: n_blocks * block].reshape(n_blocks, block, -1).sum(axis=1)
    blocks = np.where(np.arange(n_blocks)[:, None] * block >= begins, blocks, 0.0)
    sums = PathSums(days.sum(axis=0), blocks.sum(axis=0), (blocks**2).sum(axis=0), blocks)
    still = is_rounding(filled(returns).std(axis=0), days)
    return np.where(still, -np.inf, _studentized(sums, begins, AddedDays(0, days.shape[0], block)))


def _studentized(sums: PathSums, begins: IntArray, span: AddedDays) -> FloatArray:
    n_days = np.maximum(span.end - begins, 1)
    n_blocks = np.maximum(span.end // span.block - -(-begins // span.block), 0)
    counted = np.maximum(n_blocks, _FEWEST_BLOCKS)
    variance = (sums.squares - sums.whole**2 / counted) / ((counted - 1) * span.block)
    usable = (n_blocks >= _FEWEST_BLOCKS) & (variance > 0.0)
    deviation = np.sqrt(np.where(usable, variance, 1.0) * n_days)
    return np.where(usable, sums.total / deviation, -np.inf)
