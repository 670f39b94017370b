"""Units, margin and days of an account: deposits are no profit, and no change stays unexplained."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.trading.funds import (
    Balance,
    DayBooked,
    IncomeRow,
    WalletDay,
    margin_shortage,
    unexplained,
    units_after,
    venue_change,
)

money = st.decimals("0.01", "1000000", places=2)


@given(start=money, profits=st.lists(st.tuples(st.decimals("-0.5", "0.5", places=3), money), max_size=8))
def test_a_unit_grows_by_the_returns_whatever_is_deposited_between(
    start: Decimal, profits: list[tuple[Decimal, Decimal]]
) -> None:
    units, value, growth = units_after(Decimal(0), start, Decimal(0)), start, Decimal(1)
    for part, deposit in profits:
        value *= 1 + part
        growth *= 1 + part
        units = units_after(units, value, deposit)
        value += deposit
        assert value / units == pytest.approx(growth, rel=Decimal("1e-20"))


def test_a_withdrawal_of_everything_begins_anew() -> None:
    assert units_after(Decimal(100), Decimal(250), Decimal(-250)) == 0
    assert units_after(Decimal(0), Decimal(0), Decimal(70)) == 70


@pytest.mark.parametrize(
    ("balance", "is_short"),
    [
        (Balance(Decimal(1000), Decimal(0), Decimal(500), Decimal(0)), False),
        (Balance(Decimal(1000), Decimal(0), Decimal("500.01"), Decimal(0)), True),
        (Balance(Decimal(1000), Decimal(-1000), Decimal(1), Decimal(0)), True),
        (Balance(Decimal(0), Decimal(0), Decimal(0), Decimal(0)), False),
    ],
)
def test_margin_is_short_above_half_of_what_the_venue_allows(balance: Balance, *, is_short: bool) -> None:
    assert bool(margin_shortage(balance)) is is_short


def test_a_day_equals_the_wallet_to_the_last_digit_or_its_rest_is_named_by_kind() -> None:
    rows = [
        IncomeRow("1", "REALIZED_PNL", 0, Decimal("12.34567891")),
        IncomeRow("2", "COMMISSION", 0, Decimal("-0.5")),
        IncomeRow("3", "FUNDING_FEE", 0, Decimal("-0.25")),
        IncomeRow("4", "TRANSFER", 0, Decimal(5000)),
    ]
    booked = DayBooked(Decimal("12.34567891"), Decimal("0.5"), Decimal("-0.25"), Decimal(0))
    assert unexplained(booked, venue_change(rows)) == {}
    assert booked.total == sum(venue_change(rows).values())
    paid_in_bnb = IncomeRow("5", "COMMISSION", 0, Decimal("-0.00001"), "BNB")
    more = [*rows, paid_in_bnb, IncomeRow("6", "API_REBATE", 0, Decimal(1))]
    day = WalletDay(date(2026, 1, 31), booked._replace(funding=Decimal("-0.2")), venue_change(more))
    assert day.sentence == (
        "the wallet of 2026-01-31 differs from the books: API_REBATE 1, COMMISSION in BNB -0.00001, "
        "FUNDING_FEE -0.05"
    )
