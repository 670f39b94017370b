"""From records to weights: one account, once a UTC day. A weight is notional at full target over equity.

``w = min(w_max, share * target_vol / own_vol, fraction * max(0, mean) / variance)``: the shares of the risk
are equal among ideas and within one, tilted by a bandit, and scaled together until the whole account has the
wanted volatility; then caps. What is below one lot gets nothing, and its share goes to the others.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.allocation_rules import Bound
from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.portfolio.allocation.arms import AllocationPlan, Arm, Estimate, NoPlan, Weight
from quant_pipelines.portfolio.allocation.caps import capped
from quant_pipelines.portfolio.allocation.covariance import (
    Correlations,
    correlations_of,
    portfolio_volatility,
)
from quant_pipelines.portfolio.allocation.estimates import estimate, risk_weight
from quant_pipelines.portfolio.allocation.ideas import Mirror, ideas_of, mirrors_in
from quant_pipelines.portfolio.allocation.reasons import reason_of
from quant_pipelines.portfolio.allocation.tilts import results_of, tilted, tilts_of

_HALVINGS = 60


class _Known(NamedTuple):
    """What is measured of all arms before anything is shared out."""

    estimates: Mapping[int, Estimate]
    mirrors: Mapping[int, Mirror]
    ideas: Mapping[int, int]
    tilts: Mapping[int, dict[str, float]]


class _Ceiling(NamedTuple):
    """Most that an arm may get by itself, and what says so."""

    weight: float
    bound: Bound


class _Problem(NamedTuple):
    """What is shared out, in the order of the arms."""

    ceilings: list[_Ceiling]
    volatilities: FloatArray
    correlations: Correlations
    shares: FloatArray
    target_volatility: float

    def at(self, scale: float) -> FloatArray:
        """Weights with all shares of the risk scaled."""
        given = zip(self.shares, self.volatilities, self.ceilings, strict=True)
        wanted = [
            risk_weight(scale * share, self.target_volatility, own, ceiling.weight)
            for share, own, ceiling in given
        ]
        return np.array(wanted, dtype=np.float64)

    def together(self, weights: FloatArray) -> float:
        """Volatility of all."""
        return portfolio_volatility(weights, self.volatilities, self.correlations.matrix)

    def scale(self, terms: AllocationSettings) -> float:
        """Largest factor on the shares with which the account is within its volatility."""
        low, high = 0.0, terms.largest_scale
        if self.together(self.at(high)) <= self.target_volatility:
            return high
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            is_within = self.together(self.at(middle)) <= self.target_volatility
            low, high = (middle, high) if is_within else (low, middle)
        return low


class _Attempt(NamedTuple):
    """One attempt, in the order of its arms: weights, and what decided each."""

    arms: tuple[Arm, ...]
    weights: FloatArray
    bounds: list[Bound]
    problem: _Problem
    scale: float


def allocate(arms: Sequence[Arm], terms: AllocationSettings, *, seed: int = 0) -> AllocationPlan | NoPlan:
    """Share out an account.

    Parameters
    ----------
    arms
        Its deployments, in any order.
    terms
        Bounds.
    seed
        Of Thompson sampling; the same day has the same.

    Returns
    -------
    AllocationPlan or NoPlan
        A weight with its reason for each arm; no plan where nobody would get anything.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.allocation_settings import AllocationSettings
    >>> from quant_pipelines.portfolio.allocation import Arm, allocate
    >>> days, noise = np.arange(400), np.random.default_rng(1).normal(0.002, 0.02, (2, 400))
    >>> arms = [Arm(n, f"s{n}", "x", "BTC", days * 86_400_000, noise[n]) for n in (0, 1)]
    >>> [(one.key, one.bound) for one in allocate(arms, AllocationSettings(tilt="none")).weights]
    [(0, 'kelly'), (1, 'kelly')]
    """
    arms = sorted(arms, key=lambda one: one.key)
    if not arms:
        return NoPlan("no_deployments", "the account has no deployment that a plan may touch")
    known = _measure(arms, terms, seed)
    taking = [arm for arm in arms if arm.key not in known.mirrors and known.estimates[arm.key].kelly > 0.0]
    dropped: set[int] = set()
    while True:
        shared = _share_out([arm for arm in taking if arm.key not in dropped], known, terms)
        smallest = _smallest_below_a_lot(shared)
        if smallest is None:
            break
        dropped.add(smallest)
    if not np.any(shared.weights > 0.0):
        return _nothing(arms, dropped)
    weights = tuple(_weight(arm, known, shared, terms.increase_step) for arm in arms)
    together = shared.problem.together(shared.weights)
    return AllocationPlan(weights, together, shared.scale, shared.problem.correlations.shrinkage)


def eased(arm: Arm, target: float, step: float) -> float:
    """Weight of today on the way to a target: down at once, up by a part of the way, by one lot at least."""
    if target <= arm.weight:
        return target
    return min(target, max(arm.weight + step * (target - arm.weight), arm.least_weight))


def _measure(arms: Sequence[Arm], terms: AllocationSettings, seed: int) -> _Known:
    estimates = {arm.key: estimate(arm, terms) for arm in arms}
    mirrors = mirrors_in(arms, estimates, terms)
    kept = [arm for arm in arms if arm.key not in mirrors]
    judged = [arm for arm in kept if not np.isnan(estimates[arm.key].volatility)]
    by_rule = tilts_of(results_of(judged, estimates), terms, seed)
    tilts = {
        arm.key: {rule: float(factors[at]) for rule, factors in by_rule.items()}
        for at, arm in enumerate(judged)
    }
    return _Known(estimates, mirrors, ideas_of(kept, terms), tilts)


def _share_out(arms: Sequence[Arm], known: _Known, terms: AllocationSettings) -> _Attempt:
    """Share the risk out among arms, each of which has an edge and a volatility."""
    problem = _problem(arms, known, terms)
    scale = problem.scale(terms)
    wanted = problem.at(scale)
    weights, bounds = capped(arms, wanted, terms)
    # What hedged the others may have been capped away.
    excess = problem.together(weights) / terms.target_volatility
    weights = weights / excess if excess > 1.0 else weights
    named = [
        ceiling.bound if bound == "risk" and want >= ceiling.weight else bound
        for ceiling, bound, want in zip(problem.ceilings, bounds, wanted, strict=True)
    ]
    return _Attempt(tuple(arms), weights, named, problem, scale)


def _problem(arms: Sequence[Arm], known: _Known, terms: AllocationSettings) -> _Problem:
    estimates = [known.estimates[arm.key] for arm in arms]
    ceilings = [_ceiling(arm, one, terms) for arm, one in zip(arms, estimates, strict=True)]
    full = np.array([one.volatility for one in estimates], dtype=np.float64)
    correlations = correlations_of(arms, terms.fewest_days)
    ideas = [known.ideas[arm.key] for arm in arms]
    sizes = Counter(ideas)
    equal = np.array([1.0 / (len(sizes) * sizes[idea]) for idea in ideas], dtype=np.float64)
    tilts = np.array([known.tilts[arm.key][terms.tilt] for arm in arms], dtype=np.float64)
    return _Problem(ceilings, full, correlations, tilted(equal, tilts), terms.target_volatility)


def _ceiling(arm: Arm, known: Estimate, terms: AllocationSettings) -> _Ceiling:
    ceilings = [_Ceiling(known.kelly, "kelly"), _Ceiling(terms.max_weight, "max_weight")]
    if arm.held_back:
        ceilings.append(_Ceiling(arm.weight, "held_back"))
    return min(ceilings, key=lambda one: one.weight)


def _smallest_below_a_lot(shared: _Attempt) -> int | None:
    """Key of the arm that is furthest below one lot; None where nobody who has a weight is."""
    found = [
        (float(weight) / arm.least_weight, arm.key)
        for arm, weight in zip(shared.arms, shared.weights, strict=True)
        if 0.0 < weight < arm.least_weight
    ]
    return min(found)[1] if found else None


def _nothing(arms: Sequence[Arm], dropped: Collection[int]) -> NoPlan:
    if dropped:
        return NoPlan("account_below_one_lot", f"none of {len(arms)} deployments would get one lot")
    return NoPlan(
        "weights_sum_to_nothing",
        f"no record of {len(arms)} deployments is worth any: all would get 0",
    )


def _weight(arm: Arm, known: _Known, shared: _Attempt, step: float) -> Weight:
    places = {one.key: at for at, one in enumerate(shared.arms)}
    at = places.get(arm.key)
    own = known.estimates[arm.key]
    target = 0.0 if at is None else float(shared.weights[at])
    bound: Bound = shared.bounds[at] if at is not None else _left_out(arm, known)
    return Weight(
        key=arm.key,
        target=target,
        weight=eased(arm, target, step),
        bound=bound,
        reason=reason_of(arm, own, bound, known.mirrors.get(arm.key)),
        idea=known.ideas.get(arm.key, arm.key),
        risk_share=0.0 if at is None else float(shared.problem.shares[at]),
        tilts=known.tilts.get(arm.key, {}),
        estimate=own,
    )


def _left_out(arm: Arm, known: _Known) -> Bound:
    if arm.key in known.mirrors:
        return "mirror"
    own = known.estimates[arm.key]
    if math.isnan(own.volatility):
        return "no_volatility"
    return "below_one_lot" if own.kelly > 0.0 else "kelly"
