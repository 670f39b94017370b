"""Bandits: what they prefer, and that no preference leaves its bounds."""

import numpy as np
import pytest

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.portfolio.allocation.estimates import estimate
from quant_pipelines.portfolio.allocation.tilts import (
    HIGHEST,
    LOWEST,
    chances_of_best,
    hedge_shares,
    results_of,
    rewards,
    tilted,
    tilts_of,
    ucb1_indices,
)
from tests.unit.portfolio.allocation.arms import arm, record

TERMS = AllocationSettings()


def tilts(*records: np.ndarray, days: float = 90.0) -> dict[str, np.ndarray]:
    arms = [arm(at, one) for at, one in enumerate(records)]
    terms = AllocationSettings(tilt_days=days)
    return tilts_of(results_of(arms, {one.key: estimate(one, terms) for one in arms}), terms, seed=1)


@pytest.mark.parametrize("rule", ["thompson", "ucb1", "hedge"])
def test_better_record_of_the_same_length_is_preferred(rule: str) -> None:
    found = tilts(record(1, n_days=3000, sharpe=6.0), record(2, n_days=3000, sharpe=-6.0), days=3000.0)[rule]
    assert LOWEST <= found[1] < found[0] <= HIGHEST


def test_shorter_record_is_explored_by_ucb1() -> None:
    found = tilts(record(1, n_days=1000, sharpe=0.0), record(2, n_days=100, sharpe=0.0))["ucb1"]
    assert found[1] > found[0]


def test_what_is_long_ago_is_forgotten() -> None:
    good, bad = record(1, n_days=1000, sharpe=8.0), record(2, n_days=1000, sharpe=-8.0)
    found = tilts(np.concatenate([good, bad]), np.concatenate([bad, good]), days=200.0)
    assert found["thompson"][1] > found["thompson"][0]
    assert found["hedge"][1] > found["hedge"][0]


def test_equal_records_are_not_tilted() -> None:
    same = record(1)
    assert tilts(same, same, same)["hedge"] == pytest.approx(np.ones(3))
    assert tilts(same, same, same)["ucb1"] == pytest.approx(np.ones(3))
    assert tilts(same, same, same)["thompson"] == pytest.approx(np.ones(3), abs=0.1)


def test_a_crash_costs_more_than_a_jump_earns() -> None:
    flat = np.zeros(10)
    jump, crash = flat.copy(), flat.copy()
    jump[5], crash[5] = 8.0, -8.0
    idle = rewards(flat).sum()
    assert idle - rewards(crash).sum() == pytest.approx(4.0 * (rewards(jump).sum() - idle))


def test_draws_are_those_of_the_seed() -> None:
    arms = [arm(1), arm(2)]
    results = results_of(arms, {one.key: estimate(one, TERMS) for one in arms})
    first, second, other = (
        chances_of_best(results, 90.0, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)
    )
    assert first == second != other
    assert sum(first) == pytest.approx(1.0)


def test_arm_without_days_is_tried_and_breaks_nothing() -> None:
    found = tilts(record(1), np.empty(0))
    assert all(np.all(np.isfinite(values)) for values in found.values())
    assert found["ucb1"][1] == HIGHEST
    assert ucb1_indices([0.0, 0.0], [0, 0]).tolist() == [np.inf, np.inf]


def test_hedge_shares_sum_to_one_whatever_is_gained() -> None:
    assert hedge_shares(np.array([1e6, 0.0]), 1.0).tolist() == [1.0, 0.0]
    assert hedge_shares(np.array([3.0, 3.0, 3.0]), 10.0) == pytest.approx([1 / 3] * 3)


def test_tilted_shares_sum_to_one_within_their_bounds() -> None:
    shares = np.array([0.2, 0.3, 0.5])
    found = tilted(shares, np.array([2.0, 2.0, 0.5]))
    assert found.sum() == pytest.approx(1.0)
    assert np.all((found >= 0.5 * shares - 1e-12) & (found <= 2.0 * shares + 1e-12))
    assert tilted(shares, np.full(3, 0.5)) == pytest.approx(shares)
