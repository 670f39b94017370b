"""Results of the batch backtest and of sweeps."""

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest, sweep
from quant_pipelines.backtest.batch.run_pass import FIRST_CAPACITY
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError, StrategyError
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.sdk import Array, Int, Strategy
from quant_pipelines.trading import TradingRules

FREE = TradingRules(costs=CostSettings(0.0, 0.0))


class Alternate(Strategy):
    """Long and short in turns of some bars."""

    turn = Int(1, low=1, high=100)

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) // self.turn % 2 == 0, 1.0, -1.0)


class Rude(Strategy):
    """Targets that no one can use."""

    fault = Int(0, low=0, high=2)

    def target(self, bars: Bars) -> Array:
        if self.fault == 0:
            raise ValueError("out of ideas")
        return np.full(len(bars), 1.5) if self.fault == 1 else np.zeros(len(bars) + 1)


def bars_of(n: int, step_ms: int = HOUR_MS) -> Bars:
    close = 100.0 + np.sin(np.arange(n) / 5.0) * 3.0
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    ts = step_ms * np.arange(n, dtype=np.int64)
    return Bars("X/USDT:USDT", "1h" if step_ms == HOUR_MS else "1m", ts, open_, high, low, close, np.ones(n))


def test_decision_fills_at_the_next_open() -> None:
    bars = bars_of(10)
    trade = run_backtest(Alternate(turn=3), bars, settings=BacktestSettings(rules=FREE)).trades[0]
    assert (trade.entry_price, trade.exit_price) == (bars.open[1], bars.open[4])
    assert trade.entry_time.hour == 1
    assert (trade.side, trade.exit_reason) == ("long", "target")


def test_position_of_the_last_bar_stays_open_and_is_marked() -> None:
    bars = bars_of(10)
    result = run_backtest(Alternate(turn=100), bars, settings=BacktestSettings(rules=FREE))
    assert result.trades == ()
    assert result.open_position is not None
    assert result.open_position.entry_price == bars.open[1]
    gained = result.open_position.quantity * (bars.close[-1] - bars.open[1])
    assert result.final_equity == pytest.approx(10_000.0 + gained)


def test_more_trades_than_the_first_capacity_are_all_kept() -> None:
    n = 2 * FIRST_CAPACITY
    result = run_backtest(Alternate(), bars_of(n, MINUTE_MS), settings=BacktestSettings(rules=FREE))
    assert len(result.trades) == n - 2
    assert all(np.diff(result.trade_rows[:, 0]) > 0)


def test_bars_before_the_test_only_warm_up() -> None:
    settings = BacktestSettings(rules=FREE, trade_from_ms=50 * HOUR_MS)
    result = run_backtest(Alternate(turn=7), bars_of(100), settings=settings)
    assert result.bars == 50
    assert result.days[0] == "1970-01-03"
    assert min(trade.entry_time.timestamp() for trade in result.trades) == 51 * 3600


def test_result_names_what_it_does_not_model() -> None:
    result = run_backtest(Alternate(), bars_of(10))
    assert "funding" in result.not_modelled
    assert "stale_data rule (wall clock)" in result.not_modelled


def test_undefined_metrics_are_none() -> None:
    result = run_backtest(Alternate(turn=100), bars_of(1))
    assert result.metrics["sharpe"] is None
    assert result.metrics["win_rate"] is None
    assert result.metrics["n_trades"] == 0


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (0, "Rude: target raised ValueError: out of ideas"),
        (1, "Rude: target is 1.5 at bar 0; expected -1 to 1 or NaN"),
        (2, r"Rude: target has shape \(11,\); expected \(10,\)"),
    ],
)
def test_unusable_target_is_a_strategy_error(fault: int, sentence: str) -> None:
    with pytest.raises(StrategyError, match=sentence):
        run_backtest(Rude(fault=fault), bars_of(10))


def test_capital_that_is_not_positive_is_refused() -> None:
    with pytest.raises(BacktestError, match=r"capital is 0\.0; expected a positive amount"):
        BacktestSettings(capital=0.0)


def test_sweep_equals_single_backtests() -> None:
    bars, settings = bars_of(400), BacktestSettings()
    sets = [{"turn": turn} for turn in (1, 3, 10, 99)]
    swept = sweep(Alternate, sets, bars, settings)
    singles = [run_backtest(Alternate(**values), bars, settings=settings) for values in sets]
    for index, single in enumerate(singles):
        assert swept.daily_returns[index].tobytes() == single.daily_returns.tobytes()
        assert swept.final_equity[index] == single.final_equity
        for name, value in single.metrics.items():
            assert swept.metrics[name][index] == pytest.approx(
                value if value is not None else np.nan, nan_ok=True
            )
    assert swept.days == singles[0].days


def test_refused_sets_are_nan_rows() -> None:
    swept = sweep(Alternate, [{"turn": 3}, {"turn": 1000}], bars_of(50), BacktestSettings())
    assert np.isfinite(swept.final_equity[0])
    assert np.isnan(swept.final_equity[1])
    assert np.isnan(swept.daily_returns[1]).all()
    assert np.isnan(swept.metrics["n_trades"][1])
