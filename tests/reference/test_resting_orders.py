"""Published cases of entries and exits, played by an event strategy with market and limit orders."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Desk, EventStrategy, Float, Stops
from tests.reference.test_fill_model import FREE, REASONS, SAME, case_of, facts_of

NEVER_REACHED = ("tc39", "tc50", "tc51")


class Played(EventStrategy):
    """Acts on the signal columns of a case."""

    case: ClassVar[dict[str, Any]]
    stops = Stops(hard_stop=Float(0.1, low=0.0, high=1.0), take_profit=Float(0.0, low=0.0, high=9.0))

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        enters_long, exits_long, enters_short, exits_short = self.case["candles"][len(bars) - 1][6:10]
        if desk.position != 0.0:
            if self.case["use_exit_signal"] and (exits_long or exits_short):
                exit_price = self.case["custom_exit_price"]
                if exit_price:
                    desk.limit(1.0, float(exit_price), reduce_only=True)
                else:
                    desk.market(1.0, reduce_only=True)
        elif enters_long != enters_short:
            side = 1.0 if enters_long else -1.0
            entry_price = self.case["custom_entry_price"]
            if entry_price:
                desk.limit(side, float(entry_price))
            else:
                desk.market(side)


def played(reference: Path, name: str) -> BacktestResult:
    found = case_of(reference, name)

    class Case(Played):
        case = found

    columns = np.array([[float(value) for value in row[1:6]] for row in found["candles"]]).T
    ts = HOUR_MS * np.arange(columns.shape[1], dtype=np.int64)
    bars = Bars("X/USDT:USDT", "1h", ts, *(column.copy() for column in columns))
    goal = found["roi"].get("0", 1.0)
    strategy = Case(hard_stop=-found["stop_loss"], take_profit=goal if goal < 0.9 else 0.0)
    return run_backtest(strategy, bars, settings=BacktestSettings(rules=FREE))


@pytest.mark.parametrize("name", SAME)
def test_trades_of_market_orders_equal_those_of_the_published_case(name: str, reference: Path) -> None:
    case, trades = case_of(reference, name), played(reference, name).trades
    expected = [
        (row["open_tick"], row["close_tick"], REASONS[row["exit_reason"]]) for row in case["expected_trades"]
    ]
    assert [facts_of(trade) for trade in trades] == expected
    gained = sum(trade.exit_price / trade.entry_price - 1.0 for trade in trades)
    assert gained == pytest.approx(case["expected_profit_sum"], abs=6e-4)


@pytest.mark.parametrize("name", NEVER_REACHED)
def test_limit_below_all_candles_trades_nothing_as_published(name: str, reference: Path) -> None:
    result = played(reference, name)
    assert case_of(reference, name)["expected_trades"] == []
    assert result.trades == ()
    assert result.open_position is None


def test_target_of_a_limit_entry_waits_for_the_next_candle_as_published(reference: Path) -> None:
    (trade,) = played(reference, "tc42").trades
    (expected,) = case_of(reference, "tc42")["expected_trades"]
    assert facts_of(trade) == (expected["open_tick"], expected["close_tick"], "take_profit")
    assert (trade.entry_price, trade.exit_price) == (4952.0, pytest.approx(4952.0 * 1.01))


def test_target_waits_though_the_close_is_beyond_it_unlike_in_the_published_case(reference: Path) -> None:
    """Our rule: what is favorable in the bar of a limit entry never counts; theirs lets the close decide."""
    (expected,) = case_of(reference, "tc43")["expected_trades"]
    (trade,) = played(reference, "tc43").trades
    assert (expected["open_tick"], expected["close_tick"]) == (1, 1)
    assert facts_of(trade) == (1, 2, "take_profit")


def test_limit_above_the_market_takes_at_the_open_unlike_in_the_published_case(reference: Path) -> None:
    """Our rule: a limit that crosses is taken at the open; theirs fills at the candle's high."""
    (expected,) = case_of(reference, "tc40")["expected_trades"]
    (trade,) = played(reference, "tc40").trades
    assert (expected["open_tick"], expected["close_tick"]) == (1, 1)
    assert facts_of(trade) == (1, 2, "hard_stop")
    assert (trade.entry_price, trade.exit_price) == (5000.0, 4900.0)


def test_exit_limit_above_all_candles_stays_open_and_so_does_the_position(reference: Path) -> None:
    """As published until the last candle, where theirs is forced out and ours is only marked."""
    (expected,) = case_of(reference, "tc45")["expected_trades"]
    result = played(reference, "tc45")
    assert expected["exit_reason"] == "force_exit"
    assert result.trades == ()
    assert result.open_position is not None
