"""Caps on what several weights are together. Each only lowers, so that none undoes another."""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.allocation_rules import Bound
from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.portfolio.allocation.arms import Arm


class Capped(NamedTuple):
    """Weights within all caps, and the cap that lowered each one last; ``risk`` where none has."""

    weights: FloatArray
    bounds: list[Bound]


def capped(arms: Sequence[Arm], weights: FloatArray, terms: AllocationSettings) -> Capped:
    """Lower weights until every cap holds; both in the order of the arms."""
    bounds: list[Bound] = ["risk"] * len(arms)
    steps: tuple[tuple[Bound, Callable[[FloatArray], FloatArray]], ...] = (
        ("max_symbol", lambda now: _within(now, [arm.market for arm in arms], terms.max_symbol)),
        ("max_exchange", lambda now: _within(now, [arm.exchange for arm in arms], terms.max_exchange)),
        ("max_net", lambda now: _netted(now, np.array([arm.exposure for arm in arms]), terms.max_net)),
        ("max_gross", lambda now: _within(now, [0] * len(arms), terms.max_gross)),
    )
    for name, lower in steps:
        lowered = lower(weights)
        bounds = [
            name if new < old else known for new, old, known in zip(lowered, weights, bounds, strict=True)
        ]
        weights = lowered
    return Capped(weights, bounds)


def _within(weights: FloatArray, groups: Sequence[Hashable], cap: float) -> FloatArray:
    """Scale each group whose sum is above the cap."""
    sums: dict[Hashable, float] = {}
    for group, weight in zip(groups, weights, strict=True):
        sums[group] = sums.get(group, 0.0) + float(weight)
    factors = [min(1.0, cap / sums[group]) if sums[group] > 0.0 else 1.0 for group in groups]
    return np.asarray(weights * np.array(factors))


def _netted(weights: FloatArray, exposures: FloatArray, cap: float) -> FloatArray:
    """Scale the side that outweighs the other one by more than the cap."""
    signed = weights * exposures
    net = float(signed.sum())
    if abs(net) <= cap:
        return weights
    heavy = np.sign(signed) == np.sign(net)
    side = abs(float(signed[heavy].sum()))
    return np.asarray(np.where(heavy, weights * (cap + side - abs(net)) / side, weights))
