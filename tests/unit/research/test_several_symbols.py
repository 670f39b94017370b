"""Walk-forwards of several symbols: the windows are kept, and one symbol is what it was alone."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.run import run_account
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.panel import Panel
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, Needed, SymbolHistory, holding_return, load_history
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import Array, Inputs, Int, Strategy
from quant_pipelines.trading import Specification
from tests.unit.research.test_evaluator import FOLD, WHOLE, Above, bars
from tests.unit.research.test_window import END, JOB, Held, hours_of

SETS: list[Parameters] = [{"window": 10}, {"window": 50}]


class Leader(Strategy):
    """Long what rose more over the window, short the other."""

    inputs = Inputs(symbols=2)
    window = Int(24, low=2, high=200)

    def is_valid(self) -> bool:
        return self.window != 13

    def target(self, bars: Panel) -> Array:
        past = np.full(bars.close.shape, np.nan)
        past[self.window :] = bars.close[self.window :] / bars.close[: -self.window]
        return np.sign(past - past.mean(axis=1, keepdims=True))


def member(series: Bars) -> SymbolHistory:
    return SymbolHistory(series, series, no_funding(), Specification(), ())


def two(*, changed_from: int | None = None) -> History:
    one, other = bars(), bars(changed_from=changed_from)
    turned = {name: getattr(other, name) ** 0.5 for name in ("open", "high", "low", "close")}
    return History((member(one), member(replace(other, symbol="ETH/USDT:USDT", **turned))))


def leader(history: History) -> BacktestEvaluator:
    return BacktestEvaluator(Leader, history, BacktestSettings())


def test_train_window_does_not_see_what_follows() -> None:
    before = leader(two()).search(FOLD.train_start_ms, FOLD.train_end_ms, SETS)
    after = leader(two(changed_from=FOLD.train_end_ms)).search(FOLD.train_start_ms, FOLD.train_end_ms, SETS)
    assert before.shape == (19, 2)
    assert np.array_equal(before, after)
    assert before.any(axis=0).all()


def test_window_before_one_that_begins_flat_trades_inside_itself_and_ends_flat() -> None:
    result = leader(two()).test(FOLD, {"window": 20}, WHOLE._replace(closes=True))
    assert list(result.days) == [FOLD.test_start_ms + day * DAY_MS for day in range(5)]
    assert all(FOLD.test_start_ms <= trade["entry_time"] < FOLD.test_end_ms for trade in result.trades)
    assert {trade["symbol"] for trade in result.trades[-2:]} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    assert {trade["exit_reason"] for trade in result.trades[-2:]} == {"end"}
    profit = sum(trade["pnl"] for trade in result.trades)
    assert np.prod(1 + result.returns) - 1 == pytest.approx(profit / BacktestSettings().capital)


def test_a_set_that_the_strategy_refuses_has_no_returns() -> None:
    found = leader(two()).search(FOLD.train_start_ms, FOLD.train_end_ms, [{"window": 13}, {"window": 20}])
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


def test_one_symbol_is_evaluated_as_an_account_of_one_book() -> None:
    window = (FOLD.train_start_ms, FOLD.train_end_ms)
    alone = BacktestEvaluator(Above, History((member(bars()),)), BacktestSettings())
    found = alone.search(*window, SETS)
    for column, values in zip(found.T, SETS, strict=True):
        account = run_account([Allocation(Above(**values), bars().between(*window))])
        assert np.array_equal(column, account.daily_returns)


def test_a_strategy_of_one_symbol_trades_each_with_an_equal_share() -> None:
    result = BacktestEvaluator(Above, two(), BacktestSettings()).test(FOLD, {"window": 20}, WHOLE)
    assert {trade["symbol"] for trade in result.trades} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}


def test_a_set_of_another_size_is_refused() -> None:
    with pytest.raises(StrategyError, match="Leader: got bars of BTC/USDT:USDT; expected 2 symbols"):
        BacktestEvaluator(Leader, History((member(bars()),)), BacktestSettings()).test(
            FOLD, {"window": 20}, WHOLE
        )


def test_history_of_a_set_executes_on_what_all_of_them_have() -> None:
    class OnlyOneHasMinutes(Held):
        def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
            named = super().bars(symbol, timeframe, window)
            return named.rows(0, 0) if timeframe == "1m" and symbol == "B" else named

    start = END - 30 * DAY_MS
    source = OnlyOneHasMinutes({"1h": start, "1m": start})
    days = Window(END - 5 * DAY_MS, END)
    window = ("1h", Needed(days, days))
    assert load_history(source, ["A"], *window).execution_timeframe == "1m"
    assert load_history(source, ["A", "B"], *window).execution_timeframe == "1h"


def test_folds_of_a_set_are_those_of_its_shortest_history() -> None:
    class Later(Held):
        def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
            first = END - 24 * DAY_MS if symbol == "B" else window.start_ms
            return super().bars(symbol, timeframe, Window(max(window.start_ms, first), window.end_ms))

    source = Later({"1h": END - 400 * DAY_MS})
    assert settle_window(replace(JOB, symbol="A"), source).folds == 6
    assert settle_window(replace(JOB, symbol="A+B"), source).folds == 4
    assert settle_window(JOB, hours_of(29)).window_end_ms == END


def test_holding_return_of_a_set_is_the_mean_of_its_symbols() -> None:
    source = Held({"1h": END - 30 * DAY_MS})
    window = Window(END - 5 * DAY_MS, END)
    parts = [source.bars(symbol, "1h", window) for symbol in ("A", "B")]
    expected = np.mean([one.close[-1] / one.open[0] - 1.0 for one in parts])
    assert holding_return(source, ["A", "B"], "1h", window) == pytest.approx(expected)
    assert holding_return(source, ["A"], "1h", Window(END - 31 * DAY_MS, END)) is None
