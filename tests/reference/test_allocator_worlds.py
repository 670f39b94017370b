"""The allocator beside equal shares of the risk, in seeded markets that are made to hurt it.

Its bound: no share is below half or above double of its equal one. So where all arms lose together, a day
costs at most twice what it costs equal shares at the same scale, and wealth ends within two deviations of
the account's volatility of theirs. Kelly's bound alone decides how much is held at all: both have it.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.portfolio.allocation import AllocationPlan, Arm, allocate

SEEDS = range(2)
N_ARMS, N_DAYS, FIRST, EVERY = 6, 540, 180, 30
DAILY = 0.5 / math.sqrt(365)
World = Callable[[np.random.Generator], FloatArray]


def crash(generator: np.random.Generator) -> FloatArray:
    """Independent skill; then a month in which all fall together."""
    days = DAILY * generator.standard_normal((N_DAYS, N_ARMS)) + 0.002
    days[400:430] = DAILY * (generator.standard_normal((30, 1)) - 0.5)
    days[400] = -0.15
    return days


def sold_tail(generator: np.random.Generator) -> FloatArray:
    """One arm earns a little every day and loses a third once: until then it looks best."""
    days = DAILY * generator.standard_normal((N_DAYS, N_ARMS)) + 0.001
    days[:, 0] = 0.004 + 0.002 * generator.standard_normal(N_DAYS)
    days[int(generator.integers(300, 500)), 0] = -0.33
    return days


def bull(generator: np.random.Generator) -> FloatArray:
    """Nobody has skill: a market lifts all for a year, then falls as far."""
    market = np.where(np.arange(N_DAYS) < 360, 0.003, -0.004) + 0.02 * generator.standard_normal(N_DAYS)
    exposure = generator.uniform(0.3, 1.0, N_ARMS)
    return market[:, None] * exposure + 0.5 * DAILY * generator.standard_normal((N_DAYS, N_ARMS))


class Played(NamedTuple):
    """Daily returns of an account, and its gross weight on each day; shape (n_days,)."""

    returns: FloatArray
    gross: FloatArray


def play(days: FloatArray, terms: AllocationSettings) -> Played:
    """Follow the plans of an account; each knows only what was before it."""
    weights, returns, gross = np.zeros(N_ARMS), list[float](), list[float]()
    for day in range(FIRST, N_DAYS):
        if (day - FIRST) % EVERY == 0:
            arms = [arm(key, days[:day, key], float(weights[key])) for key in range(N_ARMS)]
            plan = allocate(arms, terms, seed=day)
            if isinstance(plan, AllocationPlan):
                weights = np.array([one.weight for one in plan.weights])
        returns.append(float(weights @ days[day]))
        gross.append(float(weights.sum()))
    return Played(np.array(returns), np.array(gross))


def arm(key: int, returns: FloatArray, weight: float) -> Arm:
    days = np.arange(returns.size, dtype=np.int64) * DAY_MS
    return Arm(key, f"s{key}", "x", f"C{key}", days=days, returns=returns, weight=weight)


# Short priors: weights large enough that the tilt, and not Kelly's bound, decides.
TERMS = AllocationSettings(prior_years=0.1, max_weight=2.0, max_symbol=2.0, max_gross=3.0, increase_step=1.0)


@pytest.mark.parametrize("world", [crash, sold_tail, bull])
@pytest.mark.parametrize("rule", ["thompson", "ucb1", "hedge"])
def test_tilted_shares_are_never_worse_than_equal_ones_by_more_than_their_bound(
    world: World, rule: str
) -> None:
    for seed in SEEDS:
        days = world(np.random.default_rng(seed))
        tilted = play(days, dataclasses.replace(TERMS, tilt=rule))
        equal = play(days, dataclasses.replace(TERMS, tilt="none"))
        years = tilted.returns.size / 365
        bound = 2.0 * TERMS.target_volatility * math.sqrt(years)
        assert np.log1p(tilted.returns).sum() >= np.log1p(equal.returns).sum() - bound
        all_fall = np.all(days[FIRST:] < 0.0, axis=1)
        scale = np.maximum(tilted.gross / np.maximum(equal.gross, 1e-12), 1.0)
        lost = tilted.returns[all_fall]
        assert np.all(lost >= 2.0 * scale[all_fall] * np.minimum(equal.returns[all_fall], 0.0) - 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_account_that_looks_safe_holds_no_more_than_its_most_into_the_crash(seed: int) -> None:
    days = crash(np.random.default_rng(seed))
    plain = play(days, AllocationSettings(increase_step=1.0))
    worst = float(plain.returns.min())
    assert worst >= -0.15 * AllocationSettings().max_gross - 1e-9
    assert (
        float(np.std(plain.returns[: 400 - FIRST])) * math.sqrt(365)
        <= 1.3 * AllocationSettings().target_volatility
    )


def drawdown(returns: FloatArray) -> float:
    equity = np.cumprod(1.0 + returns)
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


@pytest.mark.parametrize("seed", SEEDS)
def test_market_without_skill_costs_less_than_equal_parts_of_the_equity_in_its_fall(seed: int) -> None:
    days = bull(np.random.default_rng(seed))
    played = play(days, AllocationSettings(increase_step=1.0))
    assert drawdown(played.returns) < 0.75 * drawdown(days[FIRST:].mean(axis=1))
