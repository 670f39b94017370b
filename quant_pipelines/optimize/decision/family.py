"""Who is one member of the family: a strategy's symbols as a pool, and each by itself; near-twins are one."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.decision.records import begins_of_records

Label = TypeVar("Label", bound=Hashable)

_RISK_DAYS = 60
_FEWEST_RISK_DAYS = 10
POOL_SHARE = 0.5
"""Of the error that pools may spend; their members have the rest, and the sum holds for all (Bonferroni).

A half costs either level little: tails are steep, so half of the error asks for a statistic that is about a
twentieth higher. A member needs no pool that has passed: that would leave members less error than is granted,
and take the power to find an edge that one symbol has (``docs/calibration.md``).
"""


class Pools(NamedTuple):
    """Members of a family.

    Parameters
    ----------
    labels
        One for each member, in order of their first candidates.
    returns
        ndarray of shape (n_days, n_members), float64; NaN before the first candidate's record begins.
    beyond_holding
        The same of what was pooled beside the returns, with the same weights; None where nothing was.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import Pools
    >>> Pools(("ema", "rsi"), np.zeros((30, 2))).labels
    ('ema', 'rsi')
    """

    labels: tuple[Hashable, ...]
    returns: FloatArray
    beyond_holding: FloatArray | None = None


def pooled_at_equal_risk(
    returns: FloatArray,
    labels: Sequence[Label],
    *,
    beyond_holding: FloatArray | None = None,
    counted: BoolArray | None = None,
) -> Pools:
    """Pool the candidates of a label, each weighted by one over what it moved in the 60 days before.

    A day's weights rest on earlier days alone, so that a later day never changes it. A candidate joins its
    pool with the eleventh day of its record; until then the pool has the others only. Where it has no others,
    in a pool's own first ten days, all count alike: nothing is known yet of what anybody moves.

    Parameters
    ----------
    returns
        Daily returns, fractions. ndarray of shape (n_days, n_candidates), float64; NaN before its record.
    labels
        Of each candidate: strategy and timeframe for the first question, and the symbol for the second.
        Parameters and directions are no part of it.
    beyond_holding
        Pooled beside the returns with their weights; same shape, NaN on the same days.
    counted
        Whether a candidate is part of its pool on a day; same shape, bool. By default each is on all days of
        its record. A day that came too late to be seen when its week was looked at is left out for good.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import pooled_at_equal_risk
    >>> calm = np.tile([0.01, -0.01], 10)
    >>> pools = pooled_at_equal_risk(np.column_stack([calm, 3.0 * calm, calm]), ["ema", "ema", "rsi"])
    >>> pools.labels, pools.returns[-1].round(4).tolist()  # the wild one has a third of the calm one's weight
    (('ema', 'rsi'), [-0.015, -0.01])
    """
    known_before = np.arange(returns.shape[0])[:, None] - begins_of_records(returns)
    is_part = known_before >= 0 if counted is None else counted & (known_before >= 0)
    is_old = is_part & (known_before >= _FEWEST_RISK_DAYS)
    weights = np.where(is_old, _weights(returns, known_before), 0.0)
    names = tuple(dict.fromkeys(labels))
    inside = [[place for place, label in enumerate(labels) if label == name] for name in names]
    for places in inside:
        is_young = ~is_old[:, places].any(axis=1, keepdims=True) & is_part[:, places]
        weights[:, places] += is_young
    beside = None if beyond_holding is None else _pooled(beyond_holding, weights, inside)
    return Pools(names, _pooled(returns, weights, inside), beside)


def near_twins(returns: FloatArray, *, least_correlation: float = 0.95) -> IntArray:
    """Tell the group of each candidate by number: in a group each correlates with every other one so much.

    Ask it of the days before the first look and keep the answer: groups that change with the record would
    change old days of their pools.

    Parameters
    ----------
    returns
        ndarray of shape (n_days, n_candidates), float64; days that are not known to all are left out.
    least_correlation
        Of daily returns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.decision import near_twins
    >>> one, other = np.random.default_rng(1).normal(0.0, 0.01, (2, 200))
    >>> near_twins(np.column_stack([one, 2.0 * one, other])).tolist()
    [0, 0, 1]
    """
    common = returns[np.isfinite(returns).all(axis=1)]
    n_candidates = returns.shape[1]
    if n_candidates < 2 or common.shape[0] < _FEWEST_RISK_DAYS:
        return np.arange(n_candidates)
    deviations = common - common.mean(axis=0)
    norms = np.sqrt((deviations**2).sum(axis=0))
    scaled = deviations / np.where(norms > 0.0, norms, 1.0)
    distance = np.clip(1.0 - scaled.T @ scaled, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    groups = fcluster(tree, 1.0 - least_correlation, criterion="distance")
    order = list(dict.fromkeys(groups.tolist()))
    return np.array([order.index(group) for group in groups.tolist()], dtype=np.int64)


def _pooled(returns: FloatArray, weights: FloatArray, inside: Sequence[list[int]]) -> FloatArray:
    columns = []
    for places in inside:
        share, moved = weights[:, places], np.nan_to_num(returns[:, places])
        total = share.sum(axis=1)
        mean = (share * moved).sum(axis=1) / np.where(total > 0.0, total, 1.0)
        columns.append(np.where(total > 0.0, mean, np.nan))
    return _without_gaps(np.column_stack(columns))


def _weights(returns: FloatArray, known_before: IntArray) -> FloatArray:
    """One over the deviation of the days before; 0 until enough are known or where nothing moves."""
    columns = zip(returns.T, known_before.T, strict=True)
    return np.column_stack([_weight_of_record(record, known) for record, known in columns])


def _weight_of_record(record: FloatArray, known_before: IntArray) -> FloatArray:
    # Each window by itself: differences of running sums leave a rounding that a still candidate's weight,
    # one over nearly nothing, would make the pool's whole.
    padded = np.concatenate([np.full(_RISK_DAYS, np.nan), record[:-1]])
    windows = sliding_window_view(padded, _RISK_DAYS)
    is_known = known_before >= _FEWEST_RISK_DAYS
    weights = np.zeros(record.size)
    moved = np.nanstd(windows[is_known], axis=1)
    largest = np.nanmax(np.abs(windows[is_known]), axis=1)
    usable = ~is_rounding(moved, largest[None, :])
    weights[is_known] = np.where(usable, 1.0 / np.where(usable, moved, 1.0), 0.0)
    return weights


def _without_gaps(pooled: FloatArray) -> FloatArray:
    """Let a pool that has begun earn nothing on days on which none of its candidates has moved lately."""
    begun = np.logical_or.accumulate(np.isfinite(pooled), axis=0)
    return np.where(begun, np.nan_to_num(pooled), np.nan)
