"""What held positions lose under stress, now and under a plan."""

import math

import pytest

from quant_pipelines.pnl.stress import FALL, StressedPosition, StressOutcome, stress

LONG = StressedPosition(1_000.0, 0.05, 0.0003)
SHORT = StressedPosition(-1_000.0, 0.05, 0.0003)


def outcomes(*positions: StressedPosition) -> dict[str, StressOutcome]:
    return {one.name: one for one in stress(positions)}


def test_a_fall_hits_the_net_position_and_correlations_of_one_hit_each_leg() -> None:
    hedged, alone = outcomes(LONG, SHORT), outcomes(LONG)
    assert hedged["fall"].before == 0.0
    assert alone["fall"].before == 1_000.0 * FALL
    assert hedged["together"].before == 2 * alone["together"].before < 0.0


def test_a_short_earns_what_a_long_pays_of_funding() -> None:
    assert outcomes(SHORT)["funding"].before == -outcomes(LONG)["funding"].before == pytest.approx(3.0)


def test_a_plan_scales_each_position_by_its_own_capital() -> None:
    found = outcomes(LONG._replace(scale=0.5), SHORT._replace(scale=2.0))
    assert found["fall"].before == 0.0
    assert found["fall"].after == pytest.approx((500.0 - 2_000.0) * FALL)


def test_what_is_not_known_of_one_symbol_leaves_the_whole_scenario_unknown_and_no_other() -> None:
    found = outcomes(LONG, SHORT._replace(volatility=math.nan))
    assert math.isnan(found["together"].before)
    assert found["fall"].before == 0.0


def test_nothing_held_loses_nothing() -> None:
    assert all(one.before == one.after == 0.0 for one in stress([]))
