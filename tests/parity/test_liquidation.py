"""The rule of liquidation at the simulated venue and in the bar step, equal to the digit that is booked."""

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quant_pipelines.accounting import (
    Account,
    MarginTerms,
    apply_fill,
    apply_funding,
    liquidation_price,
    open_account,
)
from quant_pipelines.backtest.bar.state import StepBar, StepTerms, opening_state
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.costs import cost_terms
from tests.property.examples import examples
from tests.unit.simulator.venue.conftest import CONTRACTS, Desk

SYMBOL, MARK, TICK = "BTCUSDT", 60_000.0, 0.1
CONTRACT = CONTRACTS[SYMBOL]
DIGIT = Decimal("0.00000002")  # the venue rounds to 8 decimals, twice for a part that is closed


class Case(NamedTuple):
    """A position, what it pays and closes, and how far beyond its liquidation the price goes, in quote.

    Rate and fee are in 1e-4; the book that the closing meets is so many ticks away.
    """

    side: int
    thousandths: int
    leverage: int
    rate: int
    closed: int
    beyond: int
    fee: int
    away: int


CASES = st.builds(
    Case,
    st.sampled_from([1, -1]),
    st.integers(10, 3_000),
    st.sampled_from([0, 1, 2, 5, 10, 20]),
    st.integers(-300, 300),
    st.integers(0, 2),
    st.one_of(st.integers(-30, 200), st.integers(-20_000, 40_000)),
    st.sampled_from([0, 10, 125]),
    st.one_of(st.just(1), st.integers(2, 400)),
)


def terms_of(case: Case) -> StepTerms:
    rows = [[float(one.floor), float(one.ratio), float(one.amount)] for one in CONTRACT.brackets]
    margin = MarginTerms(np.array(rows), float(case.leverage), case.fee / 1e4)
    costs = cost_terms(CostSettings(float(CONTRACT.taker_fee) * 1e4, 0.0, 0.0))
    return StepTerms(costs, 0.0, 0.001, MINUTE_MS, margin=margin)


def filled(account: Account, quantity: float, price: float) -> Account:
    return apply_fill(account, quantity, price, abs(quantity) * price * float(CONTRACT.taker_fee))


def at_the_venue(desk: Desk, case: Case) -> None:
    """Enter, pay funding, and close a part; the price has not moved."""
    buy, sell = ("BUY", "SELL") if case.side > 0 else ("SELL", "BUY")
    fee = Decimal(case.fee) / 10_000
    desk.venue.contracts = CONTRACTS | {SYMBOL: replace(CONTRACT, liquidation_fee=fee)}
    desk.price(SYMBOL, f"{MARK:.1f}")
    if case.leverage:
        desk.call("POST", "marginType", symbol=SYMBOL, marginType="ISOLATED")
        desk.call("POST", "leverage", symbol=SYMBOL, leverage=case.leverage)
    desk.order(buy, f"{case.thousandths / 1000:.3f}")
    desk.price(SYMBOL, f"{MARK:.1f}", rate=f"{case.rate / 1e4:.4f}")
    if case.closed:
        desk.order(sell, f"{case.thousandths // (2 * case.closed) / 1000:.3f}")


def by_the_books(case: Case) -> Account:
    side, size = float(case.side), case.thousandths / 1000
    account = filled(open_account(10_000.0), side * size, MARK + side * TICK)
    account = apply_funding(account, account.position * MARK * (case.rate / 1e4))
    if case.closed:
        account = filled(account, -side * (case.thousandths // (2 * case.closed) / 1000), MARK - side * TICK)
    return account


@given(CASES)
@settings(max_examples=examples(150))
def test_venue_and_step_liquidate_at_the_same_moment_for_the_same_loss(case: Case) -> None:
    margin = case.thousandths / 1000 * MARK / (case.leverage or 20)
    assume(margin < 9_000.0 and case.thousandths // (2 * max(case.closed, 1)) * 60 > 120)
    with closing(Desk(":memory:")) as desk:
        at_the_venue(desk, case)
        held, account = desk.ledger.position(SYMBOL).quantity, by_the_books(case)
        assume(held)  # funding alone has not ended it
        assert abs(Decimal(account.cash) - desk.ledger.account.wallet) < DIGIT
        limit = liquidation_price(account, terms_of(case).margin)
        mark = round(max(limit - case.side * case.beyond, 1_000.0), 1)
        desk.away = case.away
        desk.price(SYMBOL, f"{mark:.1f}")
        price = round(mark - case.side * TICK, 1)
        bar = StepBar(0, price, price, price, price, 0.0, 0.0, mark, mark, mark)
        terms = terms_of(case)
        impact = terms.costs._replace(impact_rate=1.0, impact_cap=(case.away - 1) * TICK / price)
        after = step_bar(opening_state(account, 0), bar, terms._replace(costs=impact)).state.account
        assert float(desk.ledger.position(SYMBOL).quantity) == round(after.position, 3)
        assert abs(Decimal(after.cash) - desk.ledger.account.wallet) < DIGIT
        if case.leverage == 0 or not after.position:
            assert after.cash + after.position * (mark - after.entry_price) >= 0.0
