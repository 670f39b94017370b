"""A day again, of a book that is put together by hand."""

from quant_pipelines.backtest import BookSettings, ExecutionBar
from quant_pipelines.backtest.market.readings import NOTHING_YET
from quant_pipelines.parity import ReadAhead, ReplayPlan, replay
from quant_pipelines.parity.replay import InForce
from quant_pipelines.sdk import Bars, Strategy
from quant_pipelines.trading import TradingRules
from tests.unit.parity.days import MINUTE

RULES = TradingRules()
PLAN = ReplayPlan(
    Strategy(), BookSettings(1000.0, RULES), MINUTE, MINUTE, lambda close_ms: InForce(RULES.terms)
)
BARS = [ExecutionBar(row * MINUTE, 100.0, 101.0, 99.0, 100.0, 10.0) for row in range(4)]


def said(*targets: float) -> ReadAhead:
    rows = {(row + 1) * MINUTE: row for row in range(len(targets))}
    return ReadAhead(rows, targets, lambda row: NOTHING_YET, Bars.of_closes([100.0] * len(targets)))


def test_capital_is_paid_after_the_decision_of_its_close() -> None:
    again = replay(PLAN, None, BARS, said(0.0, 0.0, 0.0, 0.0), transfers={2 * MINUTE: 500.0})
    assert [one.equity for one in again.made] == [1000.0, 1000.0, 1500.0, 1500.0]
    assert again.equity == (1000.0, 1000.0, 1500.0, 1500.0)


def test_an_order_is_filled_at_the_next_open_and_known_by_its_close() -> None:
    again = replay(PLAN, None, BARS, said(0.0, 1.0, 1.0, 1.0), transfers={})
    [fill] = again.trades
    assert (fill.ts_ms, fill.decided_ms, fill.kind) == (2 * MINUTE, 2 * MINUTE, "target")
    assert [one.order_quantity > 0.0 for one in again.made] == [False, True, False, False]


def test_a_bar_of_which_the_strategy_has_none_is_not_decided_on() -> None:
    again = replay(PLAN, None, BARS, said(1.0), transfers={})
    assert [one.close_ms for one in again.made] == [MINUTE]
