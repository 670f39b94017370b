"""Repeated looks at growing records: what has passed by each of them, with one error for a calendar year."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.decision.blocks import block_length
from quant_pipelines.optimize.decision.paths import (
    ResampledPaths,
    observed_statistics,
    own_scales,
    whole_blocks,
)
from quant_pipelines.optimize.decision.records import begins_of_records
from quant_pipelines.optimize.decision.spending import SPENDING, Look, Spending
from quant_pipelines.optimize.decision.stepdown import StepDown, YearsError, step_down
from quant_pipelines.optimize.outcome import CriticalAhead


class DecisionTerms(NamedTuple):
    """What a decision is made by, fixed before the first look.

    Parameters
    ----------
    alpha
        Chance of a single false promotion in a calendar year.
    spending
        How it is spent over the year's looks.
    n_paths
        Resampled histories.
    least_days
        Days of a record before it is tested.
    least_blocks
        Whole blocks of a record before it is tested: fewer tell too little of its scatter.
    longest_holding_days
        Of any candidate.
    seed
        Of the resampling.
    spent_before
        Of ``alpha``, by looks of the first calendar year that another decision took: so much less may be
        spent in it.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import DecisionTerms
    >>> DecisionTerms(longest_holding_days=3)._replace(alpha=0.05).alpha
    0.05
    """

    alpha: float = 0.025
    spending: Spending = "obrien_fleming"
    n_paths: int = 2000
    least_days: int = 60
    least_blocks: int = 10
    longest_holding_days: int = 1
    seed: int = 0
    spent_before: float = 0.0


class LookResult(NamedTuple):
    """What a look saw; arrays have shape (n_candidates,).

    Parameters
    ----------
    look
        When.
    statistics
        Mean over its standard error, of the null that each candidate is further from refusing.
    critical
        What that statistic would have had to exceed; infinite where nothing may be spent yet, for a record
        that is not tested yet, and once nobody is left to pass.
    critical_at_last
        About what it will have to exceed at the year's last look; infinite where this can't be told yet.
    block
        Days of a block.
    passed
        Whether a candidate has passed by now; what has passed stays passed.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import Look, seen_at
    >>> days = np.random.default_rng(1).normal(0.004, 0.01, (400, 2))
    >>> (seen,) = seen_at(days, [Look(400, 2026, elapsed=1.0)])
    >>> seen.passed, seen.block
    (array([ True,  True]), 2)
    """

    look: Look
    statistics: FloatArray
    critical: FloatArray
    critical_at_last: FloatArray
    block: int
    passed: BoolArray


def seen_at(
    returns: FloatArray,
    looks: Sequence[Look],
    terms: DecisionTerms | None = None,
    *,
    beyond_holding: FloatArray | None = None,
    asked: BoolArray | None = None,
) -> Iterator[LookResult]:
    """Test each look's records against both nulls: a candidate passes once both have fallen.

    The nulls are a mean net return of at most 0, and of at most that of holding the own average exposure with
    funding. All hypotheses of all candidates are one family of one step-down, so that the error holds
    whichever null is true of whom. A block's length is fixed by the first look of a calendar year that asks
    anybody; until then it is the longest holding.

    Whoever joins later is asked from that look on: the maximum holds it from there, and only from there its
    crossings count. Whoever leaves keeps the error that it has spent: paths on which it crossed stay crossed.

    Parameters
    ----------
    returns
        Daily net returns, fractions. ndarray of shape (n_days, n_candidates), float64; NaN before a record
        begins.
    looks
        In order; see ``weekly_looks``.
    terms
        By default those of ``DecisionTerms``.
    beyond_holding
        Daily returns less those of holding the average exposure; same shape. Without it only the first null
        is tested, which is right for candidates whose average exposure is nothing.
    asked
        Whether a candidate is part of a look. ndarray of shape (n_looks, n_candidates), bool; by default all
        are of all. What it is not part of rests on nothing of it.

    Raises
    ------
    OptimizationError
        If a record has a gap, alpha is not between 0 and 1, or the two matrices differ in shape.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import DecisionTerms, seen_at, weekly_looks
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, (365, 4))
    >>> days[:, 2] += 0.0025  # a Sharpe ratio near five
    >>> looks = weekly_looks(date(2026, 1, 1), 365)
    >>> *_, last = seen_at(days, looks, DecisionTerms(n_paths=999))
    >>> last.passed
    array([False, False,  True, False])
    """
    terms = terms or DecisionTerms()
    hypotheses = _hypotheses(returns, beyond_holding, terms)
    is_part = np.ones((len(looks), returns.shape[1]), dtype=bool) if asked is None else asked
    is_part = np.tile(is_part, hypotheses.shape[1] // returns.shape[1])
    fallen = np.zeros(hypotheses.shape[1], dtype=bool)
    paths, year, is_asked = ResampledPaths(terms.n_paths, block=1, seed=terms.seed), None, False
    crossed = np.zeros((terms.n_paths, fallen.size), dtype=bool)
    for look, part in zip(looks, is_part, strict=True):
        days = hypotheses[: look.n_days]
        if look.year != year or (part.any() and not is_asked):
            # Not by whoever is in the matrix for joining later: the looks before would change with them.
            is_asked, year = bool(part.any()), look.year
            least = terms.longest_holding_days
            block = block_length(days[:, part], least) if is_asked else max(least, 1)
            paths = ResampledPaths(terms.n_paths, block=block, seed=terms.seed)
            crossed = np.zeros(crossed.shape, dtype=bool)
        observed, resampled = observed_statistics(days, paths.block), paths.grown(days)
        scales = own_scales(resampled)
        standing = part & _is_tested(days, paths.block, terms) & np.isfinite(scales) & ~fallen
        units = np.where(np.isfinite(scales), scales, 1.0)
        resampled /= units
        error = _error(look, terms, terms.spent_before if look.year == looks[0].year else 0.0)
        spent = _spent(crossed, ~standing & ~fallen)
        step = step_down(observed / units, resampled, crossed=spent, standing=standing, error=error)
        fallen, crossed = fallen | step.rejected, crossed | ((resampled > step.critical) & standing)
        hardest = _hardest(np.where(fallen, np.inf, observed / units).reshape(-1, returns.shape[1]))
        critical, critical_at_last = _in_own_units(step, np.where(standing, scales, np.inf))[:, hardest]
        passed = np.asarray(fallen.reshape(-1, returns.shape[1]).all(axis=0))
        yield LookResult(look, observed[hardest], critical, critical_at_last, paths.block, passed)


def critical_ahead(seen: LookResult, place: int, terms: DecisionTerms) -> CriticalAhead:
    """Tell what the statistic of a candidate will have to exceed after a look.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import DecisionTerms, Look, critical_ahead, seen_at
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, (400, 2))
    >>> (seen,) = seen_at(days, [Look(400, 2026, elapsed=0.5)])
    >>> ahead = critical_ahead(seen, 0, DecisionTerms())
    >>> ahead.after(90) > ahead.after(182)
    True
    """
    spending, alpha = SPENDING[terms.spending], terms.alpha
    at_last = float(seen.critical_at_last[place])
    return CriticalAhead(at_last, seen.look.elapsed, lambda share: spending(alpha, share) / alpha)


def _error(look: Look, terms: DecisionTerms, before: float) -> YearsError:
    """Error that may be spent by a look, less what another decision has spent before."""
    by_now = SPENDING[terms.spending](terms.alpha, look.elapsed)
    return YearsError(max(by_now - before, 0.0), max(terms.alpha - before, 0.0))


def _spent(crossed: BoolArray, absent: BoolArray) -> BoolArray:
    """Crossings that count: those of a hypothesis that is not tested now count for everybody."""
    gone: BoolArray = np.asarray(crossed[:, absent].any(axis=1))
    return crossed | gone[:, None] if gone.any() else crossed


def _is_tested(days: FloatArray, block: int, terms: DecisionTerms) -> BoolArray:
    begins, n_days = begins_of_records(days), days.shape[0]
    is_long = n_days - begins >= terms.least_days
    return np.asarray(is_long & (whole_blocks(begins, n_days, block) >= terms.least_blocks))


def _hardest(statistics: FloatArray) -> IntArray:
    """Place of each candidate's lowest statistic; shape (n_nulls, n_candidates) counted row by row."""
    n_candidates = statistics.shape[1]
    return np.asarray(statistics.argmin(axis=0) * n_candidates + np.arange(n_candidates), dtype=np.int64)


def _in_own_units(step: StepDown, scales: FloatArray) -> FloatArray:
    """Both critical values of each hypothesis, shape (2, n_hypotheses)."""
    criticals = np.array([[step.critical], [step.critical_at_last]])
    return np.where(np.isfinite(scales), criticals * np.where(np.isfinite(scales), scales, 1.0), np.inf)


def _hypotheses(returns: FloatArray, beyond_holding: FloatArray | None, terms: DecisionTerms) -> FloatArray:
    if not 0.0 < terms.alpha < 1.0:
        raise OptimizationError(f"alpha is {terms.alpha}; expected a number between 0 and 1")
    if beyond_holding is None:
        return returns
    if beyond_holding.shape != returns.shape:
        raise OptimizationError(
            f"beyond_holding has shape {beyond_holding.shape}; expected that of returns, {returns.shape}"
        )
    return np.hstack([returns, beyond_holding])
