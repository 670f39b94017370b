"""Cross margin of several positions at the simulated venue and in both drivers of an account."""

from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult, BookResult
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.portfolio import AllIn
from quant_pipelines.sdk import Array, Float, Strategy
from quant_pipelines.simulator.venue.brackets import BracketRow, brackets_from
from quant_pipelines.simulator.venue.play import play
from quant_pipelines.simulator.venue.records import IncomeRecord
from quant_pipelines.simulator.venue.state import MarketDepth, Quote
from quant_pipelines.trading import Bracket, Execution, Specification, TradingRules
from tests.property.examples import examples
from tests.unit.simulator.venue.conftest import CONTRACTS, Desk, contract

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
FIRST = {"AUSDT": 60_000.0, "BUSDT": 3_000.0, "CUSDT": 150.0}
TABLES = (CONTRACTS["BTCUSDT"].brackets, brackets_from([BracketRow("1e9", "0.05", 20)]))
DIGIT = 5e-7  # the venue rounds each row to 8 decimals; of values up to 1e6 a float keeps 1e-10


class Case(NamedTuple):
    """Leverage of the whole, the symbols' signed parts of it, how far prices move, fee and brackets.

    Moves and fee are in 1e-4.
    """

    leverage: int
    parts: tuple[int, ...]
    moves: tuple[tuple[int, int, int], ...]
    fee: int
    table: int


STEP = st.one_of(st.integers(-900, 900), st.integers(-2_500, 2_500))
CASES = st.builds(
    Case,
    st.sampled_from([3, 8, 12, 15]),
    st.lists(st.sampled_from([-5, -3, -1, 1, 2, 4]), min_size=2, max_size=3).map(tuple),
    st.lists(st.tuples(STEP, STEP, STEP), min_size=1, max_size=4).map(tuple),
    st.sampled_from([0, 10, 125]),
    st.integers(0, 1),
)


class Hold(Strategy):
    """Enters once."""

    part = Float(0.0, low=-1.0, high=1.0)

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) == 0, self.part, np.nan)


class Outcome(NamedTuple):
    """What is left, what was realized, and what closing cost net of what the insurance fund paid, quote."""

    equity: float
    realized: float
    net_fees: float
    held: dict[str, float]


def prices_of(case: Case) -> list[dict[str, float]]:
    """Prices of the decision, of the entry and of each step after it, on ticks."""
    rows = [dict(FIRST), dict(FIRST)]
    for moves in case.moves:
        before = zip(rows[-1].items(), moves, strict=True)
        rows.append({name: round(price * (1.0 + move / 1e4), 2) for (name, price), move in before})
    return rows


def allocations_of(case: Case) -> list[Allocation]:
    """Each symbol's bars stand still at its price of then."""
    rows, total, allocations = prices_of(case), sum(map(abs, case.parts)), []
    for name, part in zip(SYMBOLS, case.parts, strict=False):
        price = np.array([row[name] for row in rows])
        ts = MINUTE_MS * np.arange(price.size)
        bars = Bars(name, "1m", ts, price, price, price, price, np.full(price.size, 1e9))
        allocations.append(Allocation(Hold(part=float(np.sign(part))), bars, abs(part) / total))
    return allocations


def settings_of(case: Case) -> BacktestSettings:
    brackets = tuple(
        Bracket(float(one.floor), float(one.ratio), float(one.amount)) for one in TABLES[case.table]
    )
    rules = TradingRules(
        costs=CostSettings(5.0, 0.0),
        sizing=AllIn(float(case.leverage)),
        execution=Execution(brackets=brackets, liquidation_fee=case.fee / 1e4),
        specification=Specification(0.001, 0.0),
    )
    return BacktestSettings(rules=rules)


def entered(book: BookResult) -> float:
    """Signed base quantity that a book has entered."""
    if book.result.open_position:
        return book.result.open_position.quantity
    (trade,) = book.trades
    return trade.quantity if trade.side == "long" else -trade.quantity


def by_the_account(result: AccountResult) -> Outcome:
    held, realized = {}, 0.0
    for book in result.books:
        position = book.result.open_position
        held[book.symbol] = round(position.quantity, 3) if position else 0.0
        for trade in book.trades:
            side = 1.0 if trade.side == "long" else -1.0
            realized += side * trade.quantity * (trade.exit_price - trade.entry_price)
    return Outcome(result.final_equity, realized, result.fees_paid - result.insurance_paid, held)


class LevelDesk(Desk):
    """A venue whose book stands at the last price."""

    def depth(self, symbol: str, _ts_ms: int) -> MarketDepth:
        level = (self.venue.quotes[symbol].last, self.level)
        return MarketDepth([level], [level])

    def play_all(self, prices: dict[str, float]) -> None:
        self.now_ms += MINUTE_MS
        texts = {name: Decimal(f"{price:.2f}") for name, price in prices.items()}
        quotes = {name: Quote(self.now_ms, price, price) for name, price in texts.items()}
        play(self.venue, self.now_ms, quotes)


def at_the_venue(case: Case, result: AccountResult) -> Outcome:
    rows, fee = prices_of(case), Decimal(case.fee) / 10_000
    with closing(LevelDesk(":memory:")) as desk:
        listed = {name: contract(name, "0.01", "0.001", "5") for name in SYMBOLS}
        desk.venue.contracts = {
            name: replace(one, liquidation_fee=fee, brackets=TABLES[case.table])
            for name, one in listed.items()
        }
        desk.play_all(rows[1])
        for book in result.books:
            quantity = entered(book)
            desk.order("BUY" if quantity > 0.0 else "SELL", f"{abs(quantity):.3f}", symbol=book.symbol)
        for row in rows[2:]:
            desk.play_all(row)
        sums: dict[str, Decimal] = {}
        for income in desk.ledger.store.select(IncomeRecord):
            sums[income.kind] = sums.get(income.kind, Decimal(0)) + income.amount
        positions = {book.symbol: desk.ledger.position(book.symbol) for book in result.books}
        last = {name: Decimal(f"{price:.2f}") for name, price in rows[-1].items()}
        profit = sum(one.profit_at(last[name]) for name, one in positions.items() if one.quantity)
        paid = -sums["COMMISSION"] - sums.get("INSURANCE_CLEAR", Decimal(0))
        held = {name: float(one.quantity) for name, one in positions.items()}
        equity = desk.ledger.account.wallet + profit
        return Outcome(float(equity), float(sums.get("REALIZED_PNL", 0)), float(paid), held)


@given(CASES)
@settings(max_examples=examples(120))
def test_venue_and_account_liquidate_the_same_positions_for_the_same_loss(case: Case) -> None:
    books, chosen = allocations_of(case), settings_of(case)
    for driver in (run_account, run_event_account):
        result = driver(books, settings=chosen)
        ours, theirs = by_the_account(result), at_the_venue(case, result)
        assert ours.held == theirs.held
        assert ours.equity == pytest.approx(theirs.equity, abs=DIGIT)
        assert ours.realized == pytest.approx(theirs.realized, abs=DIGIT)
        assert ours.net_fees == pytest.approx(theirs.net_fees, abs=DIGIT)
        assert min(ours.equity, theirs.equity) >= 0.0
