"""What a book is paid when its capital changes: deposits whole, withdrawals as far as equity is free."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.risk import RiskLimits
from quant_pipelines.trading import BookView, Execution
from quant_pipelines.trading.capital import (
    WantedCapital,
    bound_equity,
    due_flow,
    free_equity,
    withheld,
    without,
)


@pytest.mark.parametrize(
    ("name", "wanted", "paid_in", "free", "flow"),
    [
        ("a deposit comes whole", "1500", "1000", "0", "500"),
        ("nothing changes", "1000", "1000", "1000", "0"),
        ("a withdrawal of what is free", "400", "1000", "700", "-600"),
        ("a part, the rest later", "100", "1000", "500", "-500"),
        ("less than a tenth waits", "0", "1000", "99.99", "0"),
        ("nothing is free", "900", "1000", "0", "0"),
    ],
)
def test_due_flow(name: str, wanted: str, paid_in: str, free: str, flow: str) -> None:
    assert due_flow(Decimal(wanted), Decimal(paid_in), Decimal(free)) == Decimal(flow), name


@pytest.mark.parametrize(
    ("name", "equity", "bound", "free"),
    [
        ("a hundredth always stays", 1000.0, 0.0, "990"),
        ("what a position binds stays", 1000.0, 200.0, "800"),
        ("all is bound", 1000.0, 1000.0, "0"),
        ("more than all is bound", 1000.0, 1200.0, "0"),
        ("nothing is left", -5.0, 0.0, "0"),
    ],
)
def test_free_equity(name: str, equity: float, bound: float, free: str) -> None:
    assert free_equity(equity, bound) == Decimal(free), name


@given(
    notional=st.floats(0.0, 1e9),
    leverage=st.sampled_from([0.0, 1.0, 3.0, 20.0]),
    fraction=st.floats(0.01, 100.0),
    gross=st.floats(0.01, 125.0),
)
def test_what_stays_bears_the_position_within_every_limit(
    notional: float, leverage: float, fraction: float, gross: float
) -> None:
    limits = RiskLimits(max_position_fraction=fraction, max_leverage=gross)
    bound = bound_equity(notional, Execution(leverage=leverage), limits)
    assert notional <= bound * min(fraction, gross, 5.0) * (1.0 + 1e-9)
    assert not leverage or notional <= bound * leverage * (1.0 + 1e-9)


@given(equity=st.floats(1.0, 1e7), day_start=st.floats(1.0, 1e7), wanted=st.integers(0, 10**7))
def test_what_is_to_leave_is_no_loss_of_the_day(equity: float, day_start: float, wanted: int) -> None:
    view = BookView(1.0, equity, 100.0, day_start, 1.0)
    due = withheld(WantedCapital(Decimal(wanted), datetime(2026, 1, 1, tzinfo=UTC)), Decimal(10**7), equity)
    seen = without(view, due)
    assert seen.equity >= 0.0099 * equity
    assert seen.equity / seen.day_start_equity == pytest.approx(equity / day_start)
    assert seen._replace(equity=equity, day_start_equity=day_start) == view


@pytest.mark.parametrize(("worth", "left"), [(50.0, 0.5), (600.0, 100.0), (0.0, 0.0)])
def test_a_leg_withholds_no_more_than_its_part_of_a_set_is_worth(worth: float, left: float) -> None:
    view = BookView(0.0, worth, 100.0, 2.0 * worth, 0.0)
    seen = without(view, 500.0)
    assert (seen.equity, seen.day_start_equity) == pytest.approx((left, 2.0 * left))
