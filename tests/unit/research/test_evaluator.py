"""What happens after a window never reaches into it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms
from quant_pipelines.indicators import ema
from quant_pipelines.optimize.evaluation import Edges
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Array, Int, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from quant_pipelines.trading import Specification

START = day_start_ms("2025-01-01")
FOLD = Fold(0, START, START + 19 * DAY_MS, START + 20 * DAY_MS, START + 25 * DAY_MS)

WHOLE = Edges(FOLD.test_start_ms)


class Above(Strategy):
    """Long above its average, else short."""

    window = Int(24, low=2, high=200)

    def target(self, bars: StrategyBars) -> Array:
        return np.where(bars.close > ema(bars.close, self.window), 1.0, -1.0)


def bars(days: int = 30, *, changed_from: int | None = None) -> Bars:
    n = 24 * days
    close = 100 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.01, n)))
    if changed_from is not None:
        close[(changed_from - START) // HOUR_MS :] *= 3
    opened = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    ts = START + HOUR_MS * np.arange(n, dtype=np.int64)
    return Bars("BTC/USDT:USDT", "1h", ts, opened, high, low, close, np.ones(n))


def evaluator(series: Bars) -> BacktestEvaluator:
    history = SymbolHistory(series, series, no_funding(), Specification(), ())
    return BacktestEvaluator(Above, History((history,)), BacktestSettings())


def test_train_window_does_not_see_what_follows() -> None:
    sets: list[Parameters] = [{"window": 10}, {"window": 50}]
    before = evaluator(bars()).search(FOLD.train_start_ms, FOLD.train_end_ms, sets)
    after = evaluator(bars(changed_from=FOLD.train_end_ms)).search(
        FOLD.train_start_ms, FOLD.train_end_ms, sets
    )
    assert before.shape == (19, 2)
    assert np.array_equal(before, after)


def test_test_window_does_not_see_what_follows() -> None:
    before = evaluator(bars()).test(FOLD, {"window": 20}, WHOLE)
    after = evaluator(bars(changed_from=FOLD.test_end_ms)).test(FOLD, {"window": 20}, WHOLE)
    assert np.array_equal(before.returns, after.returns)
    assert before.trades == after.trades


def test_window_before_one_that_begins_flat_trades_inside_itself_and_ends_flat() -> None:
    result = evaluator(bars()).test(FOLD, {"window": 20}, WHOLE._replace(closes=True))
    assert list(result.days) == [FOLD.test_start_ms + day * DAY_MS for day in range(5)]
    assert all(FOLD.test_start_ms <= trade["entry_time"] < FOLD.test_end_ms for trade in result.trades)
    assert result.trades[-1]["exit_time"] == FOLD.test_end_ms
    assert result.trades[-1]["exit_reason"] == "end"
    profit = sum(trade["pnl"] for trade in result.trades)
    assert np.prod(1 + result.returns) - 1 == pytest.approx(profit / BacktestSettings().capital)


def test_days_of_an_open_fold_stay_to_the_bit_when_days_follow() -> None:
    series = bars()
    nights = [
        replace(FOLD, test_end_ms=FOLD.test_start_ms + days * DAY_MS, is_open=days < 5)
        for days in range(1, 6)
    ]
    results = [evaluator(series).test(fold, {"window": 20}, WHOLE) for fold in nights]
    for tonight, later in itertools.pairwise(results):
        assert np.array_equal(later.returns[: tonight.returns.size], tonight.returns)
        assert later.trades[: len(tonight.trades)] == tonight.trades


def test_mornings_are_what_the_account_was_at_08() -> None:
    """A run that ends at 08:00 of a day leaves the account as it stood there."""
    result = evaluator(bars()).test(FOLD, {"window": 20}, WHOLE)
    for number, day in enumerate(result.days):
        cut = evaluator(bars().between(START, int(day) + 8 * HOUR_MS))
        fold = replace(FOLD, test_end_ms=int(day) + DAY_MS, is_open=True)
        until_then = cut.test(fold, {"window": 20}, WHOLE).returns[number]
        assert result.until_0800[number] == pytest.approx(until_then, abs=1e-12)


def test_indicators_are_warm_at_the_first_bar_of_the_test_window() -> None:
    untrained = replace(FOLD, train_start_ms=FOLD.test_start_ms)
    cold = evaluator(bars().between(FOLD.test_start_ms, FOLD.test_end_ms))
    warm = evaluator(bars()).test(FOLD, {"window": 200}, WHOLE._replace(closes=True))
    assert not np.array_equal(warm.returns, cold.test(untrained, {"window": 200}, WHOLE).returns)
    assert warm.trades[0]["entry_time"] == FOLD.test_start_ms + HOUR_MS
