"""What a market order pays for walking a sampled order book."""

import math

import numpy as np
import pytest

from quant_pipelines.core.depth import NO_LADDER
from quant_pipelines.costs import CostTerms, fill_price, taker_price

LADDER = np.array([[[0.001, 2.0], [0.003, 2.0]], [[0.002, 5.0], [0.0, 0.0]]])
DECLARED = CostTerms(0.0005, 0.01, 0.0, 0.02)


@pytest.mark.parametrize(
    ("quantity", "rate"),
    [
        (1.0, 0.001),  # half the spread
        (2.0, 0.001),
        (4.0, (2 * 0.001 + 2 * 0.003) / 4),
        (-5.0, -0.002),
        (-1.0, -0.002),
    ],
)
def test_order_pays_the_average_of_the_levels_that_it_takes(quantity: float, rate: float) -> None:
    assert taker_price(100.0, quantity, DECLARED, 50.0, LADDER) == pytest.approx(100.0 * (1.0 + rate))


def test_what_is_beyond_the_last_level_pays_its_distance_and_the_declared_impact() -> None:
    rest = 0.003 + 0.02 * math.sqrt(6.0 / 50.0)
    expected = 100.0 * (1.0 + (2 * 0.001 + 2 * 0.003 + 6 * rest) / 10.0)
    assert taker_price(100.0, 10.0, DECLARED, 50.0, LADDER) == pytest.approx(expected)


@pytest.mark.parametrize("quantity", [3.0, -3.0])
@pytest.mark.parametrize("ladder", [NO_LADDER, np.zeros((2, 3, 2))])
def test_without_a_sample_the_declared_costs_are_paid(quantity: float, ladder: np.ndarray) -> None:
    declared = fill_price(100.0, quantity, DECLARED, 50.0)
    assert taker_price(100.0, quantity, DECLARED, 50.0, ladder) == declared


@pytest.mark.parametrize("volume", [1.0, 1e-6, 0.0])
def test_impact_of_what_is_beyond_the_last_level_has_a_cap(volume: float) -> None:
    """Twenty units beyond levels at 1 and 2 %: at most the cap of 10 %, and never a price at 0."""
    costs = DECLARED._replace(impact_rate=0.5)
    quantity = -1e6
    paid = taker_price(100.0, quantity, costs, volume, LADDER)
    assert paid == pytest.approx(90.0, abs=0.01)


def test_levels_beyond_the_cap_are_paid_as_they_are() -> None:
    far = np.array([[[0.3, 1.0]], [[0.3, 1.0]]])
    assert taker_price(100.0, -5.0, DECLARED, 0.0, far) == pytest.approx(70.0)
