"""A fold's strategy is warm at its first out-of-sample bar, in every driver, or counts as cold."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.indicators import ema
from quant_pipelines.optimize.evaluation import Edges
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import Needed, load_history
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.run import optimize_one
from quant_pipelines.sdk import Array, Desk, EventStrategy, Int, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from tests.unit.research.test_evaluator import START, Above, bars
from tests.unit.research.test_window import Held

SHORT = Fold(0, START + 40 * DAY_MS, START + 42 * DAY_MS, START + 42 * DAY_MS, START + 45 * DAY_MS)
LONG = replace(SHORT, train_start_ms=START)
WINDOW = 50  # forgotten after 250 hours; the short fold trains on 48


class Walk(Held):
    """Sixty days of hourly bars from a day on; those of some times have a fault that blocks."""

    def __init__(self, first_day: int, faulty: tuple[int, int] = (0, 0)) -> None:
        super().__init__({})
        self._first_ms = START + first_day * DAY_MS
        self._faulty = faulty

    def last_midnight(self, symbol: str, timeframe: str) -> int:
        return START + 60 * DAY_MS

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        found = replace(bars(60), symbol=symbol).between(max(window.start_ms, self._first_ms), window.end_ms)
        return found if timeframe == "1h" else replace(found, timeframe=timeframe).rows(0, 0)

    def findings(self, bars: Bars, window: Window) -> tuple[str, ...]:
        first, last = self._faulty
        return ("a fault",) if window.start_ms < last and window.end_ms > first else ()


class Placed(EventStrategy):
    """Buys above its average and sells below it, by orders."""

    window = Int(24, low=2, high=200)

    def features(self, bars: StrategyBars) -> dict[str, Array]:
        return {"average": ema(bars.close, self.window)}

    def on_bar(self, desk: Desk, bars: StrategyBars) -> None:
        wanted = 1.0 if bars.close[-1] > desk.features["average"] else 0.0
        if wanted > desk.position:
            desk.market(1.0)
        elif desk.position > wanted:
            desk.market(-1.0, reduce_only=True)


def outcome(strategy: type[Strategy], source: Walk, fold: Fold, symbols: int) -> list[object]:
    names = ["BTC/USDT:USDT", "ETH/USDT:USDT"][:symbols]
    window = Window(fold.train_start_ms, fold.test_end_ms)
    history = load_history(source, names, "1h", Needed(window, window), strategy_class=strategy)
    result = BacktestEvaluator(strategy, history, BacktestSettings()).test(
        fold, {"window": WINDOW}, Edges(fold.test_start_ms)
    )
    is_warm = history.is_warm(strategy(window=WINDOW), fold.test_start_ms)
    return [result.returns.tolist(), len(result.trades), is_warm]


@pytest.mark.parametrize(("strategy", "symbols"), [(Above, 1), (Above, 2), (Placed, 1), (Placed, 2)])
def test_short_train_window_is_warmed_from_bars_before_it(strategy: type[Strategy], symbols: int) -> None:
    warm = outcome(strategy, Walk(0), SHORT, symbols)
    forgotten = outcome(strategy, Walk(42 - 11), SHORT, symbols)  # 264 hours
    long = outcome(strategy, Walk(0), LONG, symbols)
    assert warm[1:] == forgotten[1:] == long[1:]
    assert warm[2]
    assert np.allclose(warm[0], long[0], rtol=0, atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [Walk(40), Walk(39), Walk(0, (START + 38 * DAY_MS, START + 39 * DAY_MS))])
def test_fold_without_enough_sound_bars_before_it_is_cold(source: Walk) -> None:
    assert not outcome(Above, source, SHORT, 1)[2]


@pytest.mark.parametrize(("first_day", "cold"), [(0, 0), (34, 2), (35, 2)])
def test_verdict_says_how_many_folds_were_cold(first_day: int, cold: int) -> None:
    windows = WindowSettings(train_days=12, test_days=3, folds=4, min_folds=1, purge_hours=0)
    job = OptimizationJob(
        "ema_cross", "BTC/USDT:USDT", "1h", windows=windows, trials=2, overfit_points=4, searcher="grid"
    )
    job = replace(job, window_end_ms=START + 59 * DAY_MS)  # an edge of the calendar
    evidence = optimize_one(None, job, source=Walk(first_day)).out_of_sample
    assert (evidence["folds"], evidence["cold_folds"]) == (4, cold)
