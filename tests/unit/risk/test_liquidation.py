"""A stop comes before the liquidation by the buffer, or it is told where it must be moved to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.risk.liquidation import stop_fault


@pytest.mark.parametrize(
    ("position", "stop_price", "liquidation_price", "moved_to"),
    [
        (0.0, math.nan, 90.0, None),
        (1.0, 50.0, None, None),
        (1.0, 91.8, 90.0, None),
        (1.0, 91.7, 90.0, 92.7),
        (1.0, 80.0, 90.0, 92.7),
        (-1.0, 107.8, 110.0, None),
        (-1.0, 107.9, 110.0, 106.7),
        (-1.0, 130.0, 110.0, 106.7),
        (1.0, math.nan, 90.0, 92.7),
    ],
)
def test_a_stop_that_comes_too_late_is_moved_nearer(
    position: float, stop_price: float, liquidation_price: float | None, moved_to: float | None
) -> None:
    fault = stop_fault(position, stop_price, liquidation_price=liquidation_price, buffer=0.02)
    assert (fault and fault.stop_price) == (moved_to and pytest.approx(moved_to))


def test_the_sentence_names_both_prices() -> None:
    fault = stop_fault(1.0, 80.0, liquidation_price=90.0, buffer=0.02)
    unknown = stop_fault(1.0, math.nan, liquidation_price=90.0, buffer=0.02)
    assert fault is not None
    assert unknown is not None
    assert fault.sentence == "the stop at 80 is -11.1 % before the liquidation at 90; expected 2 %"
    assert unknown.sentence == "no known stop is before the liquidation at 90; expected 2 %"


@given(st.sampled_from([1.0, -1.0]), st.floats(1, 1e5), st.floats(0.001, 0.2), st.floats(0.0, 0.3))
def test_where_it_is_moved_to_it_stays_while_the_liquidation_comes_nearer_by_a_third_of_the_buffer(
    side: float, liquidation_price: float, buffer: float, share: float
) -> None:
    late = stop_fault(side, liquidation_price, liquidation_price=liquidation_price, buffer=buffer)
    assert late is not None
    nearer = liquidation_price * (1.0 + side * share * buffer)
    assert stop_fault(side, late.stop_price, liquidation_price=nearer, buffer=buffer) is None
