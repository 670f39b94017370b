"""Fills by hand, and the Decimal twin."""

from decimal import Decimal

import pytest

from quant_pipelines.accounting import (
    LedgerFill,
    apply_fill,
    apply_funding,
    booked_cash,
    booked_position,
    booked_realized,
    equity,
    open_account,
)


def test_adding_averages_the_entry() -> None:
    account = apply_fill(apply_fill(open_account(1_000), 1.0, 100.0, 0.0), 3.0, 120.0, 0.0)
    assert (account.position, account.entry_price, account.cash) == (4.0, 115.0, 1_000.0)
    assert equity(account, 125.0) == 1_040.0


def test_reducing_keeps_the_entry_and_realizes() -> None:
    account = apply_fill(apply_fill(open_account(1_000), -2.0, 100.0, 1.0), 0.5, 90.0, 0.5)
    assert (account.position, account.entry_price) == (-1.5, 100.0)
    assert (account.realized_pnl, account.fees, account.cash) == (5.0, 1.5, 1_003.5)


def test_reversing_opens_at_the_fill() -> None:
    account = apply_fill(apply_fill(open_account(1_000), 1.0, 100.0, 0.0), -3.0, 110.0, 0.0)
    assert (account.position, account.entry_price, account.realized_pnl) == (-2.0, 110.0, 10.0)


def test_dust_is_flat() -> None:
    account = apply_fill(open_account(1_000), 0.1, 100.0, 0.0)
    account = apply_fill(apply_fill(account, 0.2, 100.0, 0.0), -0.3, 100.0, 0.0)
    assert (account.position, account.entry_price) == (0.0, 0.0)


def test_funding_paid_leaves_the_wallet() -> None:
    account = apply_funding(open_account(1_000), 2.5)
    assert (account.cash, account.funding) == (997.5, 2.5)


def test_ledger_sums_fills() -> None:
    fills = [
        LedgerFill(Decimal("0.1"), Decimal(100), Decimal("0.01")),
        LedgerFill(Decimal("0.2"), Decimal(130), Decimal("0.02")),
        LedgerFill(Decimal("-0.5"), Decimal(150), Decimal("0.03")),
    ]
    assert booked_position(fills) == Decimal("-0.2")
    assert booked_realized(fills) == pytest.approx(Decimal(9))
    assert booked_cash(Decimal(1_000), fills, [Decimal(-1)]) == pytest.approx(Decimal("1007.94"))
