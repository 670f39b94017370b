"""What holds of every plan, whatever the records and the bounds are."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.core.allocation_settings import AllocationSettings
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.portfolio.allocation import AllocationPlan, Arm, allocate, eased
from quant_pipelines.portfolio.allocation.estimates import kelly_weight, risk_weight

ROUNDING = 1e-9


@st.composite
def arms(draw: st.DrawFn) -> list[Arm]:
    seed = draw(st.integers(0, 10_000))
    generator = np.random.default_rng(seed)
    shared = generator.standard_normal(400)
    found = []
    for key in range(draw(st.integers(1, 7))):
        n_days = draw(st.sampled_from([0, 5, 40, 120, 400]))
        volatility, sharpe = draw(st.sampled_from([0.0, 0.1, 0.5, 2.0])), draw(st.sampled_from([-2, 1, 3, 8]))
        likeness = draw(st.sampled_from([-0.98, 0.0, 0.5, 0.98]))
        noise = likeness * shared + np.sqrt(1.0 - likeness**2) * generator.standard_normal(400)
        returns = volatility * (noise / np.sqrt(365) + sharpe / 365)
        found.append(
            Arm(
                key=key,
                family=draw(st.sampled_from("ab")),
                exchange="x",
                symbol=draw(st.sampled_from("BE")),
                days=np.arange(400 - n_days, 400, dtype=np.int64) * DAY_MS,
                returns=returns[400 - n_days :],
                weight=draw(st.sampled_from([0.0, 0.05, 0.5])),
                least_weight=draw(st.sampled_from([0.0, 0.01, 0.2])),
                exposure=draw(st.sampled_from([-1.0, 0.0, 1.0])),
                symbol_volatility=draw(st.sampled_from([float("nan"), 0.6])),
                held_back=draw(st.sampled_from(["", "halted"])),
            )
        )
    return found


bounds = st.builds(
    AllocationSettings,
    target_volatility=st.sampled_from([0.05, 0.2, 1.0]),
    max_weight=st.sampled_from([0.1, 0.5, 3.0]),
    max_gross=st.sampled_from([0.3, 1.0]),
    max_net=st.sampled_from([0.1, 1.0]),
    max_symbol=st.sampled_from([0.2, 1.0]),
    tilt=st.sampled_from(["thompson", "ucb1", "hedge", "none"]),
    kelly_fraction=st.sampled_from([0.0, 0.1, 0.25]),
)


@settings(max_examples=40)
@given(arms(), bounds)
def test_every_cap_holds_and_every_weight_has_its_reason(
    given_arms: list[Arm], terms: AllocationSettings
) -> None:
    plan = allocate(given_arms, terms)
    if not isinstance(plan, AllocationPlan):
        assert plan.reason
        return
    by_key = {arm.key: arm for arm in given_arms}
    targets = {one.key: one.target for one in plan.weights}
    assert targets.keys() == by_key.keys()
    assert plan.volatility <= terms.target_volatility * (1 + ROUNDING)
    assert sum(targets.values()) <= terms.max_gross + ROUNDING
    net = sum(target * by_key[key].exposure for key, target in targets.items())
    assert abs(net) <= terms.max_net + ROUNDING
    for symbol in "BE":
        total = sum(target for key, target in targets.items() if by_key[key].symbol == symbol)
        assert total <= terms.max_symbol + ROUNDING
    for one in plan.weights:
        arm = by_key[one.key]
        assert 0.0 <= one.target <= min(terms.max_weight, one.estimate.kelly) + ROUNDING
        assert one.target == 0.0 or one.target >= arm.least_weight
        assert one.weight <= max(one.target, min(one.target, arm.weight)) + ROUNDING
        assert not arm.held_back or one.target <= arm.weight + ROUNDING
        assert one.reason
        assert all(0.5 <= tilt <= 2.0 for tilt in one.tilts.values())
    assert sum(one.risk_share for one in plan.weights) == pytest.approx(1.0)


@settings(max_examples=25)
@given(arms(), bounds, st.randoms())
def test_the_order_of_the_arms_changes_nothing(
    given_arms: list[Arm], terms: AllocationSettings, chance: random.Random
) -> None:
    shuffled = chance.sample(given_arms, len(given_arms))
    assert allocate(given_arms, terms) == allocate(shuffled, terms)


@settings(max_examples=25)
@given(arms(), bounds)
def test_an_arm_that_gets_nothing_for_its_record_changes_nobodys_share(
    given_arms: list[Arm], terms: AllocationSettings
) -> None:
    terms = dataclasses.replace(terms, tilt="none")  # a bandit compares with those that lose, too
    plan = allocate(given_arms, terms)
    if not isinstance(plan, AllocationPlan):
        return
    loser = next((one.key for one in plan.weights if one.estimate.kelly == 0.0), None)
    without = [arm for arm in given_arms if arm.key != loser]
    # It may tie others into one idea, or be a mirror: then it does count.
    if loser is None or len({one.idea for one in plan.weights}) < len(plan.weights):
        return
    if any(one.bound == "mirror" for one in plan.weights):
        return
    again = allocate(without, terms)
    assert isinstance(again, AllocationPlan)
    others = {one.key: one.target for one in plan.weights if one.key != loser}
    assert {one.key: one.target for one in again.weights} == pytest.approx(others)


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 5), st.floats(0.01, 5), st.floats(-3, 3))
def test_single_bounds_are_monotone(
    share: float, target: float, volatility: float, more: float, sharpe: float
) -> None:
    wilder = volatility + more
    assert risk_weight(share, target, wilder, 1.0) <= risk_weight(share, target, volatility, 1.0)
    assert risk_weight(share, target, volatility, 1.0) <= risk_weight(share + 0.1, target, volatility, 1.0)
    assert kelly_weight(sharpe, wilder, 0.25) <= kelly_weight(sharpe, volatility, 0.25)
    assert kelly_weight(sharpe, volatility, 0.25) <= kelly_weight(sharpe + 0.1, volatility, 0.25)
    assert (kelly_weight(sharpe, volatility, 0.25) == 0.0) == (sharpe <= 0.0)


@given(st.floats(0, 2), st.floats(0, 2), st.floats(0, 0.5), st.floats(0.2, 1))
def test_easing_never_passes_its_target_and_arrives(
    actual: float, target: float, least: float, step: float
) -> None:
    target = 0.0 if target < least else target
    arm = Arm(1, "a", "x", "B", weight=actual, least_weight=least)
    today = eased(arm, target, step)
    assert min(actual, target) <= today <= max(target, 0.0 if target <= actual else actual) + ROUNDING
    for _ in range(80):
        arm = dataclasses.replace(arm, weight=eased(arm, target, step))
    assert arm.weight == pytest.approx(target, abs=1e-6)
