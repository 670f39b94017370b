"""Stop, target, liquidation and funding cases of public sources, against the step of every driver."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.accounting import Account, MarginTerms, liquidation_price
from quant_pipelines.backtest import BacktestSettings, Book, BookSettings, ExecutionBar, Trade, run_backtest
from quant_pipelines.backtest.book import FundingSlot
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Array, Float, Stops, Strategy
from quant_pipelines.trading import TradingRules

FREE = TradingRules(costs=CostSettings(0.0, 0.0, 0.0))
REASONS = {"exit_signal": "target", "stop_loss": "hard_stop", "roi": "take_profit"}
SAME = ("tc0", "tc1", "tc2", "tc4", "tc5", "tc6", "tc7", "tc13", "tc14", "tc47")
ENTERED_ONCE = ("tc3", "tc15")


class Script(Strategy):
    """Targets from a list."""

    script: Array = np.zeros(0)
    stops = Stops(hard_stop=Float(0.1, low=0.0, high=1.0), take_profit=Float(0.0, low=0.0, high=9.0))

    def target(self, bars: Bars) -> Array:
        return self.script[: len(bars)]


def case_of(reference: Path, name: str) -> dict[str, Any]:
    cases = json.loads((reference / "ref" / "freqtrade_backtest_cases.json").read_text())["cases"]
    return next(case for case in cases if case["id"] == name)


def target_of(case: dict[str, Any]) -> Array:
    """Targets of the signal columns; contradicting entries are no opinion, as there."""
    wanted = []
    for row in case["candles"]:
        enters_long, exits_long, enters_short, exits_short = row[6:10]
        value = 0.0 if case["use_exit_signal"] and (exits_long or exits_short) else np.nan
        if enters_long or enters_short:
            value = 1.0 if enters_long else -1.0
        wanted.append(np.nan if enters_long and enters_short else value)
    return np.array(wanted)


def trades_of(case: dict[str, Any]) -> tuple[Trade, ...]:
    class Scripted(Script):
        script = target_of(case)

    columns = np.array([[float(value) for value in row[1:6]] for row in case["candles"]]).T
    ts = HOUR_MS * np.arange(columns.shape[1], dtype=np.int64)
    bars = Bars("X/USDT:USDT", "1h", ts, *(column.copy() for column in columns))
    goal = case["roi"]["0"] if case["roi"]["0"] < 0.9 else 0.0
    strategy = Scripted(hard_stop=-case["stop_loss"], take_profit=goal)
    return run_backtest(strategy, bars, settings=BacktestSettings(rules=FREE)).trades


def facts_of(trade: Trade) -> tuple[int, int, str]:
    return trade.entry_time.hour, trade.exit_time.hour, trade.exit_reason


@pytest.mark.parametrize("name", SAME)
def test_trades_equal_those_of_the_published_case(name: str, reference: Path) -> None:
    case = case_of(reference, name)
    trades = trades_of(case)
    expected = [
        (row["open_tick"], row["close_tick"], REASONS[row["exit_reason"]]) for row in case["expected_trades"]
    ]
    assert [facts_of(trade) for trade in trades] == expected
    gained = sum(trade.exit_price / trade.entry_price - 1.0 for trade in trades)
    assert gained == pytest.approx(case["expected_profit_sum"], abs=6e-4)


@pytest.mark.parametrize("name", ENTERED_ONCE)
def test_side_that_a_stop_closed_is_not_entered_again_unlike_in_the_published_case(
    name: str, reference: Path
) -> None:
    """Our rule: a side is entered anew only after the target has left it; theirs enters at each signal."""
    case = case_of(reference, name)
    first, *later = case["expected_trades"]
    expected = (first["open_tick"], first["close_tick"], REASONS[first["exit_reason"]])
    assert len(later) == 1
    assert [facts_of(trade) for trade in trades_of(case)] == [expected]


def liquidation_cases(reference: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((reference / "reference.json").read_text())["liquidation"]
    return document


def held(side: int, quantity: float, entry: float, wallet: float) -> Account:
    return Account(wallet, side * quantity, entry, 0.0, 0.0, 0.0)


def test_liquidation_price_equals_binance_examples(reference: Path) -> None:
    """The wallet of the other position counts as the example has it: margin and profit are part of it."""
    for case in liquidation_cases(reference)["binance_published_examples"]:
        terms = MarginTerms(np.array([[0.0, case["mmr"], case["cum"]]]), 0.0, 0.0)
        wallet = case["wb"] - case["tmm"] + case["upnl"]
        account = held(case["side"], case["qty"], case["entry"], wallet)
        assert liquidation_price(account, terms) == pytest.approx(case["computed"], rel=1e-12)
        assert liquidation_price(account, terms) == pytest.approx(case["expected"], abs=0.006)


def test_liquidation_price_of_an_isolated_margin_equals_the_published_cases(reference: Path) -> None:
    for case in liquidation_cases(reference)["freqtrade_unit_cases"]:
        terms = MarginTerms(np.array([[0.0, case["mmr"], case["cum"]]]), float(case["leverage"]), 0.0)
        account = held(-1 if case["short"] else 1, case["qty"], case["entry"], 0.0)
        assert liquidation_price(account, terms) == pytest.approx(case["expected"], rel=1e-9)


def test_liquidation_price_takes_the_bracket_that_holds_there(reference: Path) -> None:
    cases = liquidation_cases(reference)
    for case in cases["worked_with_brackets"]:
        rows = [[row["floor"], row["mmr"], row["cum"]] for row in cases["brackets"][case["symbol"]]]
        terms = MarginTerms(np.array(rows), 0.0, 0.0)
        account = held(case["side"], case["qty"], case["entry"], case["isolated_wallet"])
        expected = max(case["liq_price"], 0.0)
        assert liquidation_price(account, terms) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_funding_of_each_hour_equals_the_published_one(reference: Path) -> None:
    """A short receives where the rate is positive."""
    rows = json.loads((reference / "reference.json").read_text())["funding"]["hourly"]
    for quantity in (30, 50):
        book = Book(BookSettings(1_000.0, FREE, timeframe="1h"))
        book.step(ExecutionBar(0, 2.7, 2.7, 2.7, 2.7))
        book.submit(-float(quantity))
        book.step(ExecutionBar(HOUR_MS, 2.7, 2.7, 2.7, 2.7))
        for hour, row in enumerate(rows, start=2):
            slot = FundingSlot(hour * HOUR_MS, row["rate"], row["mark"])
            before = book.account.cash
            book.step(ExecutionBar(hour * HOUR_MS, 2.7, 2.7, 2.7, 2.7, funding=(slot,)))
            received = book.account.cash - before
            assert received == pytest.approx(row[f"short_qty{quantity}"], abs=1e-12)
