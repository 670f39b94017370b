"""What stands behind a book on cross margin while orders rest: the account beside plain arithmetic."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quant_pipelines.accounting.margin import Backing
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.fund import first_fund, fund_at_close, fund_at_open
from quant_pipelines.backtest.account.member import Member, known_ahead
from quant_pipelines.backtest.account.plan import Allocation, plan_account
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.backtest.bar.state import StepBar, StepTerms
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.costs import fee_of, taker_price
from quant_pipelines.portfolio import AllIn
from quant_pipelines.sdk import Desk, EventStrategy, Float
from quant_pipelines.trading import Bracket, Execution, TradingRules
from tests.parity.accounts import SEVERAL, Several, marked
from tests.parity.test_events import Busy

CASES = {
    "orders_on_cross_margin": SEVERAL["orders_on_cross_margin"],
    "large_orders_of_several_books": marked(
        {"A": Busy(hard_stop=0.5, spread=0.2), "B": Busy(hard_stop=0.5, spread=0.4, window=4)},
        rules=TradingRules(sizing=AllIn(60.0)),
    ),
}


def balance(cash: float, position: float, fills: Sequence[Any], bar: StepBar, terms: StepTerms) -> float:
    """Cash and profit less maintenance margin at the worse end; ``fills`` are (quantity, price, fee)."""
    held = position + sum(quantity for quantity, _, _ in fills)
    low, high = (bar.mark_low, bar.mark_high) if bar.mark_low > 0.0 else (bar.low, bar.high)
    price = low if held > 0.0 else high
    profit = sum(quantity * (price - paid) - fee for quantity, paid, fee in fills)
    notional, margin = abs(held) * price, 0.0
    for floor, rate, deducted in terms.margin.brackets.tolist():
        if notional >= floor:
            margin = rate * notional - deducted
    return cash + position * price + profit - (margin if abs(held) > 1e-9 else 0.0)


def taken(quantity: float, price: float, bar: StepBar, terms: StepTerms, volume: float) -> Any:
    paid = taker_price(price, quantity, terms.costs, volume, bar.ladder)
    return quantity, paid, fee_of(quantity, paid, terms.costs)


def reached(order: dict[str, Any], bar: StepBar, terms: StepTerms, volume: float) -> Any:
    """Fill of an order that may open in a bar; None where it can't."""
    quantity, price, buys = order["leaves"], order["price"], order["leaves"] > 0.0
    expires = order["expires_ms"]
    if order["reduce_only"] or order["wait_bars"] or (expires is not None and bar.ts >= expires):
        return None
    if order["kind"] == "market":
        return taken(quantity, bar.open, bar, terms, volume)
    if order["kind"] == "stop_market":
        is_triggered = bar.high >= price if buys else bar.low <= price
        at = max(bar.open, price) if buys else min(bar.open, price)
        return taken(quantity, at, bar, terms, volume) if is_triggered else None
    is_beyond = bar.open < price if buys else bar.open > price
    is_gone = is_beyond and order["post_only"] and not order["has_rested"]
    if is_gone or not (bar.low < price if buys else bar.high > price):
        return None
    paid = bar.open if is_beyond else price
    return quantity, paid, fee_of(quantity, paid, terms.costs)


def worst(member: Member, bar: StepBar | None, ts: int, *, with_orders: bool) -> float:
    """Least that a book leaves: as it is, with its market order, and with all orders of either side."""
    state, terms = member.state, member.book.terms_at(ts)
    account, volume = state.account, state.seen.volume
    cash = account.cash - account.position * account.entry_price
    if bar is None:
        bar, terms = StepBar(ts, *[state.close] * 4, 0.0), member.book.terms
        return balance(cash, account.position, [], bar, terms)
    cash -= account.position * bar.funding_per_unit
    pending = state.order.quantity if state.order.wait_bars == 0 else 0.0
    orders = member.book.to_document()["orders"] if with_orders else []
    fills = [fill for order in orders if (fill := reached(order, bar, terms, volume))]
    buys, sells = ([fill for fill in fills if fill[0] * side > 0.0] for side in (1.0, -1.0))
    market = [taken(pending, bar.open, bar, terms, volume)] if pending else []
    return min(
        balance(cash, account.position, [*first, *side], bar, terms)
        for first in ([], market)
        for side in ([], buys, sells)
    )


def step_all(
    members: list[Member], bars: list[StepBar | None], ts: int, left: list[float], reserve: float
) -> None:
    """Step all books; those that maintain most come first, until what is left covers the others.

    What closes is paid for by what the others leave, its fee also by the margin that they maintain.
    """
    numbers = range(len(members))
    needed = [member.maintained(bar, ts) for member, bar in zip(members, bars, strict=True)]
    liquidated = False
    for at in sorted(numbers, key=lambda at: (-needed[at], -at)):
        bar = bars[at]
        if bar is None:
            continue
        support = beside = math.inf
        if reserve + sum(left) <= 0.0:
            support = reserve + sum(left[other] for other in numbers if other != at)
            beside = support + sum(needed[other] for other in numbers if other != at)
        if members[at].step(bar, Backing(support, math.inf, beside)):
            left[at], needed[at], liquidated = members[at].state.curve.equity, 0.0, True
    if liquidated:
        for member in members:
            member.liquidate_orders()


def values_of(case: Several, *, with_orders: bool = True) -> list[float]:
    """Account's value at each row, with what stands behind each book computed here."""
    settings = replace(case.settings, rules=case.rules)
    plan = plan_account(case.allocations(), case.feeds(), settings)
    first = int(plan.schedule.grid[0])
    fund = first_fund(plan.reserve, plan.first_value, float(plan.settings.capital), first)
    members = [Member(*pair, first) for pair in zip(plan.books, known_ahead(plan), strict=True)]
    values = []
    for ts in plan.schedule.grid.tolist():
        fund = fund_at_open(fund, ts)
        bars = [member.due(ts) for member in members]
        left = [worst(one, bar, ts, with_orders=with_orders) for one, bar in zip(members, bars, strict=True)]
        step_all(members, bars, ts, left, fund.reserve)
        equity = fund.reserve + sum(member.state.curve.equity for member in members)
        if equity <= 0.0:  # the account ends; what lies below nothing, the insurance fund pays
            return values + [0.0] * (plan.schedule.grid.size - len(values))
        gross = sum(abs(member.state.account.position) * member.state.close for member in members)
        fund = fund_at_close(fund, equity, gross, 0.0, ts + plan.books[0].market.execution.step_ms)
        for member, bar in zip(members, bars, strict=True):
            if bar is not None:
                member.act(Part(member.share * fund.value, member.share * fund.day_start))
        values.append(fund.value)
    return values


@pytest.mark.parametrize("name", CASES)
def test_support_under_orders_is_what_arithmetic_says(name: str) -> None:
    case = CASES[name]
    settings = replace(case.settings, rules=case.rules)
    result = run_account(case.allocations(), feeds=case.feeds(), settings=settings)
    np.testing.assert_allclose(values_of(case), result.bar_equity, rtol=1e-9, atol=1e-9)


def test_arithmetic_without_orders_is_another_account() -> None:
    case = CASES["large_orders_of_several_books"]
    result = run_account(case.allocations(), feeds=case.feeds(), settings=BacktestSettings(rules=case.rules))
    assert sum(trade.exit_reason == "liquidation" for trade in result.trades) > 0
    assert not np.allclose(values_of(case), values_of(case, with_orders=False), rtol=1e-9)


class Ladder(EventStrategy):
    """One large bid below the market, placed at the third close."""

    size = Float(0.0, low=0.0, high=1.0)

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Place it once."""
        if len(bars) == 3 and self.size > 0.0:
            desk.limit(self.size, 95.0)


class Holder(EventStrategy):
    """Long from the second bar on."""

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Buy once."""
        if len(bars) == 2:
            desk.market(1.0)


def path(symbol: str, close: list[float]) -> Bars:
    values = np.array(close)
    opened = np.concatenate([values[:1], values[:-1]])
    columns = {
        "ts": HOUR_MS * np.arange(values.size),
        "open": opened,
        "high": np.maximum(opened, values),
        "low": np.minimum(opened, values),
        "close": values,
        "volume": np.ones(values.size),
    }
    return bars_from_columns(symbol, "1h", columns)


@pytest.mark.parametrize(("size", "reason"), [(0.0, []), (1.0, ["liquidation"])])
def test_a_bid_that_fills_on_the_way_down_takes_the_margin_of_the_other_book(
    size: float, reason: list[str]
) -> None:
    rules = TradingRules(
        costs=CostSettings(fee_bps=0.0, maker_fee_bps=0.0, slippage_bps=0.0),
        sizing=AllIn(10.0),
        execution=Execution(brackets=(Bracket(0.0, 0.01),)),
    )
    down = [
        100.0,
        100.0,
        100.0,
        85.0,
        85.0,
    ]  # 500 units lose 7,500 of the 10,000, and as many of the bid 5,000
    books = [
        Allocation(Holder(), path("HELD", down), 0.5),
        Allocation(Ladder(size=size), path("BID", down), 0.5),
    ]
    for driver in (run_account, run_event_account):
        result = driver(books, settings=BacktestSettings(rules=rules))
        assert [trade.exit_reason for trade in result.books[0].result.trades] == reason
