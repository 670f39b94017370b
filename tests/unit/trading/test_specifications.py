"""Specifications as of a date, and what a backtest makes of them."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.instruments import DatedInstrument, Instrument
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.sdk import Array, Strategy
from quant_pipelines.trading import (
    Bracket,
    DatedSpecification,
    Execution,
    Specification,
    SpecificationHistory,
    TradingRules,
)

RULES = TradingRules(costs=CostSettings(5.0, 0.0, 2.0), execution=Execution(brackets=(Bracket(0.0, 0.01),)))
EARLIER = DatedSpecification(10, Specification(1.0, 5.0), fee_bps=8.0)
LATER = DatedSpecification(20, Specification(0.1, 10.0), brackets=(Bracket(0.0, 0.05),))
HISTORY = SpecificationHistory((EARLIER, LATER))


@pytest.mark.parametrize(("ts", "lot_size"), [(0, 1.0), (10, 1.0), (19, 1.0), (20, 0.1), (99, 0.1)])
def test_rules_are_those_in_force_and_the_first_before_all(ts: int, lot_size: float) -> None:
    assert HISTORY.rules_at(RULES, ts).specification.lot_size == lot_size


def test_what_a_specification_does_not_say_stays_that_of_the_rules() -> None:
    assert HISTORY.rules_at(RULES, 10).costs == CostSettings(8.0, 0.0, 2.0)
    assert HISTORY.rules_at(RULES, 10).execution == RULES.execution
    assert HISTORY.rules_at(RULES, 20).costs == RULES.costs
    assert HISTORY.rules_at(RULES, 20).execution.brackets == LATER.brackets
    assert SpecificationHistory().rules_at(RULES, 20) is RULES


def test_specifications_out_of_order_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="from_ms"):
        SpecificationHistory((LATER, EARLIER))


class Flipping(Strategy):
    """Long and flat by turns."""

    def target(self, bars: Bars) -> Array:
        return np.arange(len(bars)) % 2 == 0


def hours(n: int = 12) -> Bars:
    price = np.full(n, 100.0)
    ts = HOUR_MS * np.arange(n, dtype=np.int64)
    return Bars("X/USDT:USDT", "1h", ts, price, price, price, price, np.full(n, 1e6))


def test_trades_have_the_lots_and_fees_of_their_day() -> None:
    dated = SpecificationHistory(
        (replace(EARLIER, from_ms=0), DatedSpecification(6 * HOUR_MS, Specification(30.0), fee_bps=1.0))
    )
    result = run_backtest(
        Flipping(), hours(), settings=BacktestSettings(capital=5_050.0, rules=RULES, specifications=dated)
    )
    before = [trade for trade in result.trades if trade.exit_time.hour < 6]
    after = [trade for trade in result.trades if trade.entry_time.hour >= 7]
    assert before
    assert after
    assert {trade.quantity for trade in before} == {50.0}
    assert {trade.quantity for trade in after} == {30.0}
    assert {round(trade.fees, 6) for trade in before} == {8.0}  # 2 x 50 x 100 x 8 bps
    assert {round(trade.fees, 6) for trade in after} == {0.6}
    assert "specifications as of a date" not in result.not_modelled


def test_window_that_begins_before_the_first_known_specification_says_so() -> None:
    dated = SpecificationHistory((replace(EARLIER, from_ms=DAY_MS),))
    result = run_backtest(Flipping(), hours(), settings=BacktestSettings(specifications=dated))
    assert "specifications before 1970-01-02" in result.not_modelled


def listed(lot_size: str, taker_fee: str) -> Instrument:
    given = (Decimal(value) for value in ("0.1", lot_size, "5", "0.0002", taker_fee))
    return Instrument("binanceusdm", "X/USDT:USDT", *given, 20, 8)


def test_stored_fee_counts_only_where_it_was_published_differently() -> None:
    history = SpecificationHistory.of_instruments(
        [DatedInstrument(0, listed("1", "0.0004")), DatedInstrument(7, listed("0.1", "0.0005"))]
    )
    assert [one.specification.lot_size for one in history.dated] == [1.0, 0.1]
    assert [one.fee_bps for one in history.dated] == [pytest.approx(4.0), None]
    assert [one.maker_fee_bps for one in history.dated] == [None, None]
    assert SpecificationHistory.of_instruments([]) == SpecificationHistory()
