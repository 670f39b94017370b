"""Costs from own fills."""

import math

import numpy as np
import pytest

from quant_pipelines.core.settings import CostSettings
from quant_pipelines.costs import cost_terms, fill_price
from quant_pipelines.costs.calibration import FEWEST, OwnFill, estimate_costs


def fills_at(costs: CostSettings, n: int, *, noise: float = 0.0, seed: int = 1) -> list[OwnFill]:
    """Orders of any size that pay what is declared, while the price moves."""
    rng, terms = np.random.default_rng(seed), cost_terms(costs)
    found = []
    for _ in range(n):
        quantity, volume = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 9.0)), float(rng.uniform(10, 90))
        moved = 100.0 * (1.0 + noise * float(rng.normal()))
        found.append(OwnFill(quantity, fill_price(moved, quantity, terms, volume), 100.0, volume))
    return found


def test_declared_costs_are_found_again_in_their_own_fills() -> None:
    estimate = estimate_costs(fills_at(CostSettings(slippage_bps=1.5, spread_bps=1.0, impact_bps=12.0), 50))
    assert estimate is not None
    assert estimate.slippage_bps == pytest.approx(2.0)  # half the spread is in it
    assert estimate.impact_bps == pytest.approx(12.0)
    assert estimate.slippage_error_bps == pytest.approx(0.0, abs=1e-6)
    assert estimate.settings == {"slippage_bps": 2.0, "spread_bps": 0.0, "impact_bps": 12.0}


def test_standard_errors_are_as_wide_as_the_estimates_scatter() -> None:
    costs = CostSettings(slippage_bps=2.0, impact_bps=30.0)
    estimates = [estimate_costs(fills_at(costs, 60, noise=0.001, seed=seed)) for seed in range(300)]
    rows = np.array(estimates, dtype=np.float64)
    for value, error, truth in ((1, 2, 2.0), (3, 4, 30.0)):
        scatter = rows[:, value].std(ddof=1)
        assert rows[:, error].mean() == pytest.approx(scatter, rel=0.15)
        assert abs(rows[:, value].mean() - truth) < 4.0 * scatter / math.sqrt(len(rows))


def test_impact_of_orders_of_one_share_is_not_told_from_slippage() -> None:
    alike = [OwnFill(1.0, 100.0 + at / 100.0, 100.0, 50.0) for at in range(5)] * 6
    estimate = estimate_costs(alike)
    assert estimate is not None
    assert math.isnan(estimate.impact_bps)
    assert estimate.slippage_bps == pytest.approx(2.0)
    assert estimate.slippage_error_bps == pytest.approx(math.sqrt(60.0 / 29 / 30))
    assert estimate.settings["impact_bps"] == 0.0


def test_fill_better_than_decided_declares_no_negative_cost() -> None:
    estimate = estimate_costs([OwnFill(-1.0, 101.0, 100.0, 50.0)] * FEWEST)
    assert estimate is not None
    assert estimate.slippage_bps == pytest.approx(-100.0)
    assert estimate.settings["slippage_bps"] == 0.0


def test_one_order_too_few_is_no_estimate() -> None:
    enough = fills_at(CostSettings(), FEWEST)
    assert estimate_costs(enough) is not None
    assert estimate_costs(enough[1:]) is None
    assert estimate_costs([*enough[1:], OwnFill(1.0, 100.0, 100.0, 0.0)]) is None


def test_orders_without_a_volume_are_left_out() -> None:
    assert estimate_costs([OwnFill(1.0, 100.0, 100.0, 0.0)]) is None
    assert estimate_costs([]) is None
