"""What a book is paid when its capital changes: deposits whole, withdrawals as far as equity is free."""

from decimal import Decimal

import pytest

from quant_pipelines.trading.capital import due_flow, free_equity


@pytest.mark.parametrize(
    ("name", "wanted", "paid_in", "free", "flow"),
    [
        ("a deposit comes whole", "1500", "1000", "0", "500"),
        ("nothing changes", "1000", "1000", "1000", "0"),
        ("a withdrawal of what is free", "400", "1000", "700", "-600"),
        ("a part, a hundredth of what is free stays", "100", "1000", "500", "-495.00"),
        ("all of it is never taken", "0", "1000", "1000", "-990.00"),
        ("less than a tenth waits", "0", "1000", "100", "0"),
        ("nothing is free", "900", "1000", "0", "0"),
    ],
)
def test_due_flow(name: str, wanted: str, paid_in: str, free: str, flow: str) -> None:
    assert due_flow(Decimal(wanted), Decimal(paid_in), Decimal(free)) == Decimal(flow), name


@pytest.mark.parametrize(
    ("equity", "notional", "leverage", "free"),
    [
        (1000.0, 0.0, 0.0, "1000"),
        (1000.0, 1000.0, 0.0, "800"),
        (1000.0, 1000.0, 2.0, "500"),
        (-5.0, 0.0, 0.0, "0"),
    ],
)
def test_free_equity(equity: float, notional: float, leverage: float, free: str) -> None:
    assert free_equity(equity, notional, leverage) == Decimal(free)
