"""What the statistics would have shown at every look, had no candidate an edge: resampled paths of days.

One circular block bootstrap of days serves all candidates, so that what they share stays shared. A path grows
with its record: a look adds its own days to it, drawn from what is known then, and never draws the older ones
again. Its cost is that of the new days.

References
----------
.. [1] Politis, Romano (1992), A Circular Block-Resampling Procedure for Stationary Data, in LePage, Billard
   (eds.), Exploring the Limits of Bootstrap.
.. [2] Götze, Künsch (1996), Second-Order Correctness of the Blockwise Bootstrap for Stationary Observations,
   Annals of Statistics 24(5): a resample is studentized by the scatter of its own blocks.
.. [3] Romano, Wolf (2005), Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73(4),
   the studentized method: each resample is centered at the mean that it is drawn from.
.. [4] Romano, Wolf (2010), Balanced Control of Generalized Error Rates, Annals of Statistics 38(1): every
   hypothesis in units of a quantile of its own resamples.
"""

from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.jit import kernel
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.decision.records import begins_of_records, filled

_FEWEST_BLOCKS = 2
_ROUNDING = 1e-12
_BALANCE = 0.99


class _AddedDays(NamedTuple):
    """Days ``[start, end)`` that are added, in blocks of so many days counted from day 0."""

    start: int
    end: int
    block: int


class _PathSums(NamedTuple):
    """Of each path and candidate so far; all arrays have shape (n_paths, n_candidates)."""

    total: FloatArray
    whole: FloatArray
    squares: FloatArray
    running: FloatArray


@kernel
def _advance(pool: FloatArray, begins: IntArray, span: _AddedDays, drawn: IntArray, sums: _PathSums) -> None:
    n_pool, n_candidates = pool.shape
    for path in range(drawn.shape[1]):
        total, whole = sums.total[path], sums.whole[path]
        squares, running = sums.squares[path], sums.running[path]
        block, inside = 0, span.start % span.block
        at = (drawn[0, path] + inside) % n_pool
        for day in range(span.start, span.end):
            for k in range(n_candidates):
                value = pool[at, k] if day >= begins[k] else 0.0
                running[k] += value
                total[k] += value
            at, inside = at + 1, inside + 1
            if at == n_pool:
                at = 0
            if inside < span.block:
                continue
            for k in range(n_candidates):
                value = running[k] if day + 1 - inside >= begins[k] else 0.0
                whole[k] += value
                squares[k] += value * value
                running[k] = 0.0
            block, inside = block + 1, 0
            if day + 1 < span.end:
                at = drawn[block, path] % n_pool


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
        self._sums: _PathSums | None = None

    def grown(self, returns: FloatArray) -> FloatArray:
        """Statistics of all paths once they are as long as the records.

        Minus infinity where there is none; plus infinity on a path that gains without ever losing: one that
        never drew the days on which its candidate moved, which says that these days are too few.

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
            self._sums = _PathSums(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
        span = _AddedDays(self._days, returns.shape[0], self.block)
        if span.end > span.start:
            centered = np.ascontiguousarray(pool - pool.mean(axis=0))
            _advance(centered, begins, span, self._drawn(span), self._sums)
            self._days = span.end
        still = is_rounding(pool.std(axis=0), pool)
        statistics, is_flat = _studentized(self._sums, begins, span)
        statistics[is_flat & (self._sums.total > 0.0)] = np.inf
        return np.where(still, -np.inf, statistics)

    def _drawn(self, span: _AddedDays) -> IntArray:
        """First day of each block that the span touches; one that is open goes on where it is."""
        blocks = range(span.start // span.block, (span.end - 1) // span.block + 1)
        rows = [
            self._open if block * span.block < span.start else self._begun(block, span) for block in blocks
        ]
        self._open = rows[-1]
        return np.array(rows)

    def _begun(self, block: int, span: _AddedDays) -> IntArray:
        generator = np.random.default_rng([self._seed, block])
        return generator.integers(0, span.end, self._n_paths)


def observed_statistics(returns: FloatArray, block: int) -> FloatArray:
    """Mean over its standard error, by the same rule as on the paths.

    ``sum / sqrt(n) / sigma`` with ``sigma^2`` the variance of the sums of whole blocks over their length,
    as [2]_ has it.

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
    blocks = days[: n_blocks * block].reshape(n_blocks, block, days.shape[1]).sum(axis=1)
    blocks = np.where(np.arange(n_blocks)[:, None] * block >= begins, blocks, 0.0)
    sums = _PathSums(days.sum(axis=0), blocks.sum(axis=0), (blocks**2).sum(axis=0), blocks)
    still = is_rounding(filled(returns).std(axis=0), days)
    statistics, _ = _studentized(sums, begins, _AddedDays(0, days.shape[0], block))
    return np.where(still, -np.inf, statistics)


def own_scales(resampled: FloatArray) -> FloatArray:
    """Give what each hypothesis exceeds on one path of a hundred: in such units they are alike, [4]_.

    A short record and one that seldom moves have far heavier tails than others. Unscaled, the maximum would
    be theirs alone, and nobody beside them could pass.

    Parameters
    ----------
    resampled
        Of ``ResampledPaths.grown``. ndarray of shape (n_paths, n_hypotheses), float64.

    Returns
    -------
    ndarray of shape (n_hypotheses,), float64
        Infinite where the paths say nothing: no such hypothesis can be tested.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision.paths import own_scales
    >>> normal = np.random.default_rng(1).standard_normal((9999, 2))
    >>> own_scales(normal * [1.0, 3.0]).round(1)
    array([2.3, 7. ])
    """
    place = min(int(_BALANCE * resampled.shape[0]), resampled.shape[0] - 1)
    scales = np.partition(np.ascontiguousarray(resampled.T), place, axis=1)[:, place]
    return np.where(np.isfinite(scales) & (scales > 0.0), scales, np.inf)


def whole_blocks(begins: IntArray, n_days: int, block: int) -> IntArray:
    """Count the blocks, counted from day 0, that lie within each record.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision.paths import whole_blocks
    >>> whole_blocks(np.array([0, 3]), n_days=17, block=5)
    array([3, 2])
    """
    return np.maximum(n_days // block - -(-begins // block), 0)


def _studentized(sums: _PathSums, begins: IntArray, span: _AddedDays) -> tuple[FloatArray, BoolArray]:
    """Statistics, minus infinity where there is none, and where that is for want of any scatter."""
    n_days = np.maximum(span.end - begins, 1)
    n_blocks = whole_blocks(begins, span.end, span.block)
    counted = np.maximum(n_blocks, _FEWEST_BLOCKS)
    scatter = sums.squares - sums.whole**2 / counted
    moves = scatter > _ROUNDING * sums.squares
    deviation = np.sqrt(np.where(moves, scatter, 1.0) * (n_days / ((counted - 1) * span.block)))
    enough = n_blocks >= _FEWEST_BLOCKS
    return np.where(moves & enough, sums.total / deviation, -np.inf), ~moves & enough
