"""Stop, target, liquidation and funding cases of public sources, against the step of every driver."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from quant_pipelines.accounting import Account, MarginTerms, liquidation_price
from quant_pipelines.backtest import (
    BacktestSettings,
    Book,
    BookedFill,
    BookSettings,
    ExecutionBar,
    Trade,
    run_backtest,
)
from quant_pipelines.backtest.bar.stops import StopInputs, StopTerms
from quant_pipelines.backtest.book.book import OpenPrices
from quant_pipelines.backtest.book.values import FundingSlot, funding_per_unit
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.sdk import Array, Float, Stops, Strategy
from quant_pipelines.trading import TradingRules

FREE = TradingRules(costs=CostSettings(0.0, 0.0, 0.0))
REASONS = {"exit_signal": "target", "stop_loss": "hard_stop", "roi": "take_profit"}
SAME = ("tc0", "tc1", "tc2", "tc4", "tc5", "tc6", "tc7", "tc13", "tc14", "tc47")
ENTERED_ONCE = ("tc3", "tc15")


class Exit(NamedTuple):
    bar: int
    price: float
    reason: str


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


def played(case: dict[str, Any], terms: StopTerms, distance_of: Callable[[float], float]) -> list[Exit]:
    """Play a case on a book whose stop trails the best price by a fraction of it that depends on the gain."""
    settings = BookSettings(10_000.0, FREE, -case["stop_loss"], "1h", terms)
    book, exits, best = Book(settings), list[Exit](), 0.0
    for number, *prices in (row[:6] for row in case["candles"]):
        events = book.step(ExecutionBar(number * HOUR_MS, *map(float, prices)))
        fills = [event for event in events if isinstance(event, BookedFill)]
        exits += [Exit(number, fill.price, fill.reason) for fill in fills if fill.quantity < 0.0]
        entry = book.account.entry_price
        best = max(best, prices[1]) if entry else 0.0
        trail = distance_of(best / entry - 1.0) * best if entry else math.nan
        order = 1.0 if number == 0 else 0.0
        book.submit(order, inputs=StopInputs(trail, math.nan))
    return exits


def trail_of(case: dict[str, Any]) -> Callable[[float], float]:
    """Distance of the published trailing stop by the best gain so far; infinite before it begins."""

    def distance(gain: float) -> float:
        if case["trailing_stop_positive"] and gain > case["trailing_stop_positive_offset"]:
            return float(case["trailing_stop_positive"])
        return math.inf if case["trailing_only_offset_is_reached"] else -float(case["stop_loss"])

    return distance


@pytest.mark.parametrize(("name", "price"), [("tc8", 5_250.0 * 0.9), ("tc10", 4_500.0)])
def test_trailing_stop_ends_where_the_published_case_does(name: str, price: float, reference: Path) -> None:
    case = case_of(reference, name)
    (exit_,) = played(case, StopTerms(chandelier=1.0), trail_of(case))
    assert exit_.bar == case["expected_trades"][0]["close_tick"]
    assert exit_.price == pytest.approx(price)
    assert exit_.price / 5_000.0 - 1.0 == pytest.approx(case["expected_profit_sum"], abs=6e-4)


@pytest.mark.parametrize(
    ("name", "bar", "price"),
    [
        # Our rule: a level moves when a bar closes, and is tested from the next one on; theirs moves with the
        # high of the bar in which it is tested, as if the high had come first.
        ("tc9", 4, 5_200.0 * 0.9),
        ("tc12", 3, 4_850.0),
        # Our rule: an open beyond the stop is where it fills; theirs is the stop if the bar reaches it.
        ("tc11", 3, 5_000.0),
    ],
)
def test_trailing_stop_differs_on_purpose_from_the_published_case(
    name: str, bar: int, price: float, reference: Path
) -> None:
    case = case_of(reference, name)
    (exit_,) = played(case, StopTerms(chandelier=1.0), trail_of(case))
    assert (exit_.bar, exit_.reason) == (bar, "chandelier_stop")
    assert exit_.price == pytest.approx(price)
    (theirs,) = case["expected_trades"]
    is_same_bar = theirs["close_tick"] == bar
    is_same_price = case["expected_profit_sum"] == pytest.approx(price / 5_000.0 - 1.0, abs=6e-4)
    assert not (is_same_bar and is_same_price)


def no_trail(gain: float) -> float:
    return math.inf


def test_time_stop_ends_where_the_published_case_gives_up_its_target(reference: Path) -> None:
    """There a target of -100 % from a whole number of bars on sells at the open, whatever the profit."""
    case = case_of(reference, "tc17")
    (exit_,) = played(case, StopTerms(time_ms=120.0 * MINUTE_MS), no_trail)
    assert exit_ == Exit(case["expected_trades"][0]["close_tick"], 4_980.0, "time_stop")
    assert exit_.price / 5_000.0 - 1.0 == pytest.approx(case["expected_profit_sum"], abs=6e-4)


def test_time_stop_within_a_bar_fills_at_the_next_open_unlike_in_the_published_case(reference: Path) -> None:
    """Our rule: it fires at a close and fills at the open after it; theirs at the low of that bar."""
    case = case_of(reference, "tc16")
    (exit_,) = played(case, StopTerms(time_ms=65.0 * MINUTE_MS), no_trail)
    assert exit_ == Exit(case["expected_trades"][0]["close_tick"], 4_975.0, "time_stop")
    assert case["expected_profit_sum"] == pytest.approx(4_940.0 / 5_000.0 - 1.0, abs=6e-4)


@pytest.mark.parametrize("name", ["tc18", "tc19"])
def test_take_profit_keeps_its_level_unlike_in_the_published_case(name: str, reference: Path) -> None:
    """Our rule: a target stands where the entry put it; theirs comes down to 1 % after two hours."""
    case = case_of(reference, name)
    assert case["roi"] == {"0": 0.1, "120": 0.01}
    assert played(case, StopTerms(target=0.1), no_trail) == []


def liquidation_cases(reference: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((reference / "reference.json").read_text())["liquidation"]
    return document


AMPLE = 1e9
"""Cash that an isolated margin does not look at; it could only be less."""


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
        account = held(-1 if case["short"] else 1, case["qty"], case["entry"], AMPLE)
        assert liquidation_price(account, terms) == pytest.approx(case["expected"], rel=1e-9)


def test_liquidation_price_takes_the_bracket_that_holds_there(reference: Path) -> None:
    cases = liquidation_cases(reference)
    for case in cases["worked_with_brackets"]:
        rows = [[row["floor"], row["mmr"], row["cum"]] for row in cases["brackets"][case["symbol"]]]
        terms = MarginTerms(np.array(rows), 0.0, 0.0)
        account = held(case["side"], case["qty"], case["entry"], case["isolated_wallet"])
        expected = max(case["liq_price"], 0.0)
        assert liquidation_price(account, terms) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_liquidation_price_with_the_fee_in_the_rate_equals_that_of_gate_and_okx(reference: Path) -> None:
    for short, leverage, entry, quantity, expected in other_cases(reference, "gate_okx_cases"):
        terms = MarginTerms(np.array([[0.0, 0.01 + 0.0006, 0.0]]), float(leverage), 0.0)
        account = held(-1 if short else 1, quantity, entry, AMPLE)
        assert liquidation_price(account, terms) == pytest.approx(expected, rel=1e-9)


def test_liquidation_price_with_the_margin_of_the_entry_equals_that_of_bybit(reference: Path) -> None:
    """Our rule asks for the maintenance margin of the notional at that price, theirs of that at the entry."""
    for short, leverage, entry, quantity, expected in other_cases(reference, "bybit_cases"):
        account = held(-1 if short else 1, quantity, entry, AMPLE)
        theirs = MarginTerms(np.array([[0.0, 0.0, -0.01 * quantity * entry]]), float(leverage), 0.0)
        assert liquidation_price(account, theirs) == pytest.approx(expected, rel=1e-6)
        ours = liquidation_price(account, MarginTerms(np.array([[0.0, 0.01, 0.0]]), float(leverage), 0.0))
        assert ours < expected or leverage == 1


def test_position_whose_equity_is_the_published_maintenance_margin_is_at_its_liquidation(
    reference: Path,
) -> None:
    document = json.loads((reference / "reference.json").read_text())
    brackets = document["liquidation"]["brackets"]["BTCUSDT"]
    terms = MarginTerms(np.array([[row["floor"], row["mmr"], row["cum"]] for row in brackets]), 0.0, 0.0)
    price, entry = 50_000.0, 55_000.0
    for notional, _, _, margin in document["maintenance_lookup"]["bracket_boundaries_BTC"][1:]:
        quantity = notional / price
        account = held(1, quantity, entry, margin + quantity * (entry - price))
        assert liquidation_price(account, terms) == pytest.approx(price, rel=1e-9)


def other_cases(reference: Path, name: str) -> list[Any]:
    cases: list[Any] = liquidation_cases(reference)["other_exchanges"][name]
    return cases


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


EVENTS = "eight_hourly_events"
CASES = (
    "short_cases(open,close,qty,expected; interval ends inclusive, "
    "opening second(s) rounded down to the minute/hour as in freqtrade)"
)
OPENED_BEFORE_A_SLOT, OPENED_AT_A_SLOT = (0, 2, 6, 7), (1, 3, 4, 5, 8)


def funding_document(reference: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((reference / "reference.json").read_text())["funding"]
    return document


def received_by_a_short(document: dict[str, Any], case: list[Any]) -> float:
    """Play a published case to the second: 30 units, opened and closed at these times."""
    opened, closed = (to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in case[:2])
    events = {to_ms(datetime.fromisoformat(text)): value for text, value in document[EVENTS].items()}
    book = Book(BookSettings(1_000.0, FREE))
    times = sorted({opened - 60_000, opened, closed, closed + 60_000, *events})
    for ts in (ts for ts in times if ts >= opened - 60_000):
        slots = tuple(FundingSlot(ts, rate, mark) for at, (mark, rate) in events.items() if at == ts)
        book.step(ExecutionBar(ts, 2.7, 2.7, 2.7, 2.7, funding=slots))
        later = [other for other in times if other > ts]
        if later and later[0] in (opened, closed):
            book.submit(-case[2] if later[0] == opened else case[2])
    assert book.account.position == 0.0
    return book.account.cash - 1_000.0


@pytest.mark.parametrize("number", OPENED_BEFORE_A_SLOT)
def test_funding_between_two_moments_equals_the_published_one(number: int, reference: Path) -> None:
    document = funding_document(reference)
    case = document[CASES][number]
    assert received_by_a_short(document, case) == pytest.approx(case[3], abs=1e-10)


@pytest.mark.parametrize("number", OPENED_AT_A_SLOT)
def test_position_opened_at_a_slot_does_not_pay_it_unlike_in_the_published_case(
    number: int, reference: Path
) -> None:
    """Our rule: funding is paid on what is held before the fills of that moment; theirs by who opens then."""
    document = funding_document(reference)
    case = document[CASES][number]
    mark, rate = document[EVENTS]["2021-09-01T00:00Z"]
    assert received_by_a_short(document, case) == pytest.approx(case[3] - case[2] * mark * rate, abs=1e-10)


def test_funding_of_one_slot_equals_the_published_one_where_the_mark_is_known(reference: Path) -> None:
    """Our rule: the last close stands in for an unknown mark; theirs books nothing."""
    for case in funding_document(reference)["simple"]:
        slot = FundingSlot(0, case["rate"], case["mark"])
        expected = case["short_fee"] if case["mark"] is not None else 10 * case["rate"] * 2.7
        assert case["qty"] * funding_per_unit((slot,), OpenPrices(0, 2.7, 9.9)) == pytest.approx(
            expected, rel=1e-12
        )
