"""Which arms are one idea, and which is another's mirror."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.portfolio.allocation.arms import Arm, Estimate

_ROUGH: Final = 1e-9
"""How far a correlation of many at once may lie from that of two alone: sums are rounded otherwise."""


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


def rough_correlations(arms: Sequence[Arm], fewest_days: int) -> dict[tuple[int, int], float]:
    """Correlations of pairs that share all of their days, by their keys in either order.

    Two alone are asked about where this is near to a bound: that takes much longer for many pairs.
    """
    same: dict[bytes, list[Arm]] = {}
    for arm in arms:
        if arm.days.size >= fewest_days and np.ptp(arm.returns) > 0.0:
            same.setdefault(arm.days.tobytes(), []).append(arm)
    found: dict[tuple[int, int], float] = {}
    for own in same.values():
        with np.errstate(invalid="ignore", divide="ignore"):
            matrix = np.atleast_2d(np.corrcoef(np.stack([arm.returns for arm in own])))
        keys = [arm.key for arm in own]
        found |= dict(zip(itertools.product(keys, keys), matrix.ravel().tolist(), strict=True))
    return found


def mirrors_in(
    arms: Sequence[Arm], estimates: Mapping[int, Estimate], terms: AllocationSettings
) -> dict[int, Mirror]:
    """Find the arms that mirror a better one, by key: what both would hold together is nothing but costs.

    The one with the higher believed Sharpe ratio stays, of equal ones the older.
    """
    found: dict[int, Mirror] = {}
    kept: list[Arm] = []
    rough, bound = rough_correlations(arms, terms.fewest_days), -terms.mirror_correlation
    for arm in sorted(arms, key=lambda one: (-estimates[one.key].believed_sharpe, one.key)):
        if all(rough.get((arm.key, other.key), bound) > bound + _ROUGH for other in kept):
            kept.append(arm)
            continue
        measured = ((other.key, correlation_of(arm, other, terms.fewest_days)) for other in kept)
        of, lowest = min(measured, key=lambda one: (not one[1] < 0.0, one[1], one[0]), default=(arm.key, 0.0))
        if lowest < bound:
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
    rough, bound = rough_correlations(arms, terms.fewest_days), terms.idea_correlation
    for one, other in itertools.combinations(arms, 2):
        is_near = not abs(rough.get((one.key, other.key), bound)) < bound - _ROUGH
        if _is_one_unit(one, other) or (
            is_near and abs(correlation_of(one, other, terms.fewest_days)) > bound
        ):
            first, second = sorted((idea[one.key], idea[other.key]))
            idea = {key: first if of == second else of for key, of in idea.items()}
    return idea


def _is_one_unit(one: Arm, other: Arm) -> bool:
    return (one.family, one.market) == (other.family, other.market)
