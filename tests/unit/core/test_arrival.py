"""Cost against the arrival price: positive is a cost, on both sides, to the last digit."""

from decimal import Decimal

import pytest

from quant_pipelines.core.arrival import ExecutedPart, arrival_cost
from quant_pipelines.core.orders import Side

D = Decimal


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [("buy", "101", "100"), ("buy", "99.5", "-50"), ("sell", "99", "100"), ("sell", "100.2", "-20")],
)
def test_what_is_worse_than_the_arrival_price_costs(side: Side, price: str, expected: str) -> None:
    cost = arrival_cost(side, D(100), [ExecutedPart(D(3), D(price), D("0.15"))])
    assert cost is not None
    assert (cost.shortfall_bps, cost.fee_bps, cost.fees) == (D(expected), D(5), D("0.15"))


def test_parts_weigh_by_their_quantity() -> None:
    parts = [ExecutedPart(D(1), D(101), D(0)), ExecutedPart(D(3), D(99), D("-0.1"))]
    cost = arrival_cost("buy", D(100), parts)
    assert cost is not None
    assert (cost.shortfall, cost.shortfall_bps, cost.fees) == (D(-2), D(-50), D("-0.1"))


def test_an_order_without_fills_has_no_cost() -> None:
    assert arrival_cost("buy", D(100), []) is None
