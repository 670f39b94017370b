"""Ideas and mirrors among many arms are those that each pair alone tells of."""

from dataclasses import replace
from itertools import combinations
from typing import Final

import numpy as np
import pytest

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.portfolio.allocation.arms import Arm
from quant_pipelines.portfolio.allocation.estimates import estimate
from quant_pipelines.portfolio.allocation.ideas import Mirror, correlation_of, ideas_of, mirrors_in

DAY_MS: Final = 86_400_000
TERMS: Final = AllocationSettings()


@pytest.fixture
def arms() -> list[Arm]:
    """Some move together, one is another's mirror, one never moves, and two have other days than the rest."""
    chance = np.random.default_rng(7)
    own = chance.standard_normal((8, 120))
    own[1] = own[0] + 0.7 * own[1]
    own[2] = 0.1 * own[2] - own[0]
    own[3] = 0.01
    days = np.arange(120) * DAY_MS
    made = [Arm(key, f"s{key}", "x", "BTC", days, 0.01 * own[key]) for key in range(8)]
    made[6] = replace(made[6], days=days[20:], returns=made[0].returns[20:])
    return [*made[:7], replace(made[7], days=days[:30], returns=made[7].returns[:30])]


def test_ideas_are_those_of_the_pairs(arms: list[Arm]) -> None:
    together = [
        {one.key, other.key}
        for one, other in combinations(arms, 2)
        if abs(correlation_of(one, other, TERMS.fewest_days)) > TERMS.idea_correlation
    ]
    assert together == [{0, 1}, {0, 2}, {0, 6}, {1, 2}, {1, 6}, {2, 6}]
    assert ideas_of(arms, TERMS) == {0: 0, 1: 0, 2: 0, 3: 3, 4: 4, 5: 5, 6: 0, 7: 7}


def test_a_pair_right_at_the_bound_is_asked_about_alone(arms: list[Arm]) -> None:
    exact = abs(correlation_of(arms[0], arms[1], TERMS.fewest_days))
    assert ideas_of(arms[:2], replace(TERMS, idea_correlation=exact)) == {0: 0, 1: 1}
    assert ideas_of(arms[:2], replace(TERMS, idea_correlation=float(np.nextafter(exact, 0)))) == {0: 0, 1: 0}


def test_a_mirror_names_whose_it_is_and_the_correlation_of_the_two(arms: list[Arm]) -> None:
    estimates = {arm.key: estimate(arm, TERMS) for arm in arms}
    kept, gone = sorted((0, 2), key=lambda key: (-estimates[key].believed_sharpe, key))
    exact = correlation_of(arms[gone], arms[kept], TERMS.fewest_days)
    found = mirrors_in(arms[:6], estimates, TERMS)
    assert found == {gone: Mirror(kept, exact)}
    assert mirrors_in(arms[:6], estimates, replace(TERMS, mirror_correlation=-exact)) == {}
