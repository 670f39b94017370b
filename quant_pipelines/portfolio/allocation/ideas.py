"""Which arms are one idea, and which is another's mirror."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.portfolio.allocation.arms import Arm, Estimate


class Mirror(NamedTuple):
    """An arm that loses what another one earns: whose, and their correlation."""

    of: int
    correlation: float


def correlation_of(one: Arm, other: Arm, fewest_days: int) -> float:
    """Correlation over the days that two records share; NaN where they are too few or show nothing."""
    _, here, there = np.intersect1d(one.days, other.days, assume_unique=True, return_indices=True)
    if here.size < fewest_days:
        return float("nan")
    pair = [one.returns[here], other.returns[there]]
    if min(np.ptp(pair[0]), np.ptp(pair[1])) <= 0.0:
        return float("nan")
    found: FloatArray = np.asarray(np.corrcoef(np.stack(pair)))
    return float(found[0, 1])


def mirrors_in(
    arms: Sequence[Arm], estimates: Mapping[int, Estimate], terms: AllocationSettings
) -> dict[int, Mirror]:
    """Find the arms that mirror a better one, by key: what both would hold together is nothing but costs.

    The one with the higher believed Sharpe ratio stays, of equal ones the older.
    """
    found: dict[int, Mirror] = {}
    kept: list[Arm] = []
    for arm in sorted(arms, key=lambda one: (-estimates[one.key].believed_sharpe, one.key)):
        measured = ((other.key, correlation_of(arm, other, terms.fewest_days)) for other in kept)
        of, lowest = min(measured, key=lambda one: (not one[1] < 0.0, one[1], one[0]), default=(arm.key, 0.0))
        if lowest < -terms.mirror_correlation:
            found[arm.key] = Mirror(of, lowest)
        else:
            kept.append(arm)
    return found


def ideas_of(arms: Sequence[Arm], terms: AllocationSettings) -> dict[int, int]:
    """Name the idea of each arm by the lowest key in it.

    One idea are those of one strategy on one symbol, whatever their parameters and timeframes, and those
    whose days correlate beyond the bound with either sign; what hangs together through others does, too.
    """
    idea = {arm.key: arm.key for arm in arms}
    for one, other in itertools.combinations(arms, 2):
        if _is_same(one, other, terms):
            first, second = sorted((idea[one.key], idea[other.key]))
            idea = {key: first if of == second else of for key, of in idea.items()}
    return idea


def _is_same(one: Arm, other: Arm, terms: AllocationSettings) -> bool:
    if (one.family, one.market) == (other.family, other.market):
        return True
    return abs(correlation_of(one, other, terms.fewest_days)) > terms.idea_correlation
