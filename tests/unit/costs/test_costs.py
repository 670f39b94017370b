"""Lots, fees, slippage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.settings import CostSettings
from quant_pipelines.costs import (
    cost_terms,
    fee_of,
    fill_price,
    floor_to_lot,
    is_below_min_notional,
    whole_lots,
)

LOTS = [0.0, 0.001, 0.01, 0.1, 0.5, 1.0, 10.0, 1e-8]


@pytest.mark.parametrize(
    ("quantity", "lot", "expected"),
    [
        (0.30000000000000004, 0.1, 0.3),
        (0.29999999999999999, 0.1, 0.3),
        (0.39, 0.1, 0.3),
        (-0.39, 0.1, -0.3),
        (0.09, 0.1, 0.0),
        (17.0, 10.0, 10.0),
        (1.23456789, 0.0, 1.23456789),
        (0.123456789, 1e-8, 0.12345678),
    ],
)
def test_quantity_is_rounded_toward_zero(quantity: float, lot: float, expected: float) -> None:
    assert floor_to_lot(quantity, lot) == expected


@given(st.floats(-1e6, 1e6), st.sampled_from(LOTS))
def test_rounding_is_idempotent_odd_and_never_grows(quantity: float, lot: float) -> None:
    rounded = floor_to_lot(quantity, lot)
    assert floor_to_lot(rounded, lot) == rounded
    assert floor_to_lot(-quantity, lot) == -rounded
    assert abs(rounded) <= abs(quantity) * (1 + 1e-12) + 1e-9 * lot


def test_whole_lots_cleans_noise_only() -> None:
    assert whole_lots(0.1 + 0.2, 0.1) == 0.3
    assert whole_lots(0.35, 0.1) == 0.35
    assert whole_lots(-0.35, 0.0) == -0.35


def test_fill_is_worse_than_the_price_and_pays() -> None:
    costs = cost_terms(CostSettings(fee_bps=5.0, slippage_bps=10.0))
    assert fill_price(100.0, 1.0, costs) == pytest.approx(100.1)
    assert fill_price(100.0, -1.0, costs) == pytest.approx(99.9)
    assert fee_of(-2.0, 100.0, costs) == pytest.approx(0.1)


def test_min_notional_is_the_orders_value() -> None:
    assert is_below_min_notional(-0.04, 100.0, 5.0)
    assert not is_below_min_notional(-0.05, 100.0, 5.0)
