"""Conservation of cash, for any fills and for any backtest."""

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.accounting import (
    Account,
    LedgerFill,
    apply_fill,
    apply_funding,
    disagreement,
    equity,
    open_account,
)

CAPITAL = 10_000.0
prices = st.floats(0.01, 100_000.0)
quantities = st.integers(-5_000, 5_000).filter(bool).map(lambda lots: lots / 1000)
fills = st.lists(st.tuples(quantities, prices, st.floats(0.0, 10.0)), min_size=1, max_size=40)
payments = st.lists(st.floats(-50.0, 50.0), max_size=40)


def booked(events: list[tuple[float, float, float]], sign: float = 1.0) -> Account:
    account = open_account(CAPITAL)
    for quantity, price, fee in events:
        account = apply_fill(account, sign * quantity, price, fee)
    return account


def scale(events: list[tuple[float, float, float]]) -> float:
    return CAPITAL + sum(abs(quantity) * price for quantity, price, _ in events)


@given(fills, payments)
def test_cash_changes_by_profit_fees_and_funding_only(
    events: list[tuple[float, float, float]], paid: list[float]
) -> None:
    account = booked(events)
    for amount in paid:
        account = apply_funding(account, amount)
    expected = CAPITAL + account.realized_pnl - account.fees - account.funding
    assert abs(account.cash - expected) <= 1e-9 * scale(events)


@given(fills, prices)
def test_equity_changes_by_price_moves_of_what_is_held(
    events: list[tuple[float, float, float]], last: float
) -> None:
    """Equity equals capital plus every unit's way from its fill to the last price, less fees."""
    gained = sum(quantity * (last - price) for quantity, price, _ in events)
    fees = sum(fee for _, _, fee in events)
    tolerance = 1e-9 * (scale(events) + last * sum(abs(event[0]) for event in events))
    assert abs(equity(booked(events), last) - (CAPITAL + gained - fees)) <= tolerance


@given(fills)
def test_flat_has_no_exposure(events: list[tuple[float, float, float]]) -> None:
    account = booked(events)
    closed = apply_fill(account, -account.position, 123.0, 0.0) if account.position else account
    assert (closed.position, closed.entry_price) == (0.0, 0.0)
    assert equity(closed, 1.0) == equity(closed, 1e6) == closed.cash


@given(fills)
def test_lots_that_add_up_to_nothing_are_flat(events: list[tuple[float, float, float]]) -> None:
    account = booked(events)
    lots = sum(round(quantity * 1000) for quantity, _, _ in events)
    if lots:
        account = apply_fill(account, -lots / 1000, 1.0, 0.0)
    assert account.position == 0.0


@given(fills)
def test_selling_mirrors_buying(events: list[tuple[float, float, float]]) -> None:
    long, short = booked(events), booked(events, sign=-1.0)
    assert short.position == -long.position
    assert short.entry_price == long.entry_price
    assert short.realized_pnl == -long.realized_pnl
    assert short.fees == long.fees


@given(fills, payments)
def test_float_account_agrees_with_the_decimal_ledger(
    events: list[tuple[float, float, float]], paid: list[float]
) -> None:
    account = booked(events)
    for amount in paid:
        account = apply_funding(account, amount)
    ledger = [LedgerFill(*(Decimal(repr(value)) for value in event)) for event in events]
    income = [Decimal(repr(-amount)) for amount in paid]
    assert disagreement(account, Decimal(repr(CAPITAL)), ledger, income) is None


def test_ledger_names_what_disagrees() -> None:
    account = booked([(1.0, 100.0, 0.1)])
    ledger = [LedgerFill(Decimal(1), Decimal(100), Decimal("0.2"))]
    found = disagreement(account, Decimal(10_000), ledger)
    assert found is not None
    assert found.name == "cash"
    assert np.isclose(found.account - float(found.booked), 0.1)


@given(fills, quantities, prices, st.integers(1, 9))
def test_fill_in_parts_equals_the_whole_fill(
    events: list[tuple[float, float, float]], quantity: float, price: float, parts: int
) -> None:
    before = booked(events)
    whole, split = apply_fill(before, quantity, price, 1.0), before
    for _ in range(parts):
        split = apply_fill(split, quantity / parts, price, 1.0 / parts)
    tolerance = 1e-9 * (scale(events) + abs(quantity) * price)
    assert abs(split.cash - whole.cash) <= tolerance
    assert abs(split.position - whole.position) <= 1e-9 * (1.0 + abs(whole.position) + abs(quantity))
    assert abs(equity(split, 2.0 * price) - equity(whole, 2.0 * price)) <= 2.0 * tolerance
