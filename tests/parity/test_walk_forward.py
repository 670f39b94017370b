"""A whole walk-forward with many sets abreast, and one with each set alone: equal to the bit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import no_funding
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, warm_from_ms
from quant_pipelines.optimize.evaluation import Edges, OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.space import Parameters, space_of
from quant_pipelines.optimize.walk_forward import FoldResult, Plan, walk_forward
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Strategy, load_strategy, strategies_folder
from quant_pipelines.trading import Specification

DAYS = 60
START_MS = day_start_ms("2025-01-01")
SETTINGS = BacktestSettings(has_bar_equity=False)
NAMES = (
    *("adx_trend", "bollinger_breakout", "bollinger_reversion", "donchian_turtle", "ema_cross"),
    *("ichimoku_cloud", "keltner_breakout", "macd_cross", "regime_switch", "rsi_momentum", "rsi_reversion"),
    *("sma_cross", "supertrend_follow", "volatility_breakout", "volume_spike", "vwap_reversion"),
)


def hours() -> Bars:
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.standard_t(3, 24 * DAYS) * 0.006))
    opened = np.concatenate([[100.0], close[:-1]])
    away = np.abs(rng.normal(0.0, 0.3, (2, close.size)))
    high, low = np.maximum(opened, close) + away[0], np.minimum(opened, close) - away[1]
    ts = START_MS + HOUR_MS * np.arange(close.size, dtype=np.int64)
    return Bars("X/USDT:USDT", "1h", ts, opened, high, low, close, rng.lognormal(3.0, 1.5, close.size))


class OneByOne:
    """Evaluator that has nothing prepared and remembers nothing: every set is a backtest of its own."""

    def __init__(self, kind: type[Strategy], bars: Bars, whole: BacktestEvaluator) -> None:
        self._kind, self._bars, self._whole = kind, bars, whole

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        return self._alone(Window(start_ms, end_ms), SETTINGS, parameter_sets)

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        needed = max(self._kind(**one).history_bars for one in parameter_sets)
        window = Window(warm_from_ms(fold.test_start_ms, needed, HOUR_MS), fold.test_end_ms)
        settings = replace(SETTINGS, trade_from_ms=fold.test_start_ms, close_at_end=not fold.is_open)
        return self._alone(window, settings, parameter_sets)

    def test(self, fold: Fold, parameters: Parameters | None, edges: Edges) -> OutOfSample:
        return self._whole.test(fold, parameters, edges)

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        return self._whole.longest_holding_ms(start_ms, end_ms, parameters)

    def _alone(
        self, window: Window, settings: BacktestSettings, parameter_sets: Sequence[Parameters]
    ) -> FloatArray:
        bars = self._bars.between(*window)
        results = [run_backtest(self._kind(**one), bars, settings=settings) for one in parameter_sets]
        return np.stack([one.daily_returns for one in results], axis=1)


def shown(folds: Sequence[FoldResult]) -> list[tuple[object, ...]]:
    """All that a fold says; arrays by their bytes, so that two that are not a number are equal."""
    return [
        (
            *(repr(one.fit.trials), one.fit.parameters, one.fit.returns.tobytes()),
            *(one.cover.tobytes(), one.test.returns.tobytes(), repr(one.test.trades)),
        )
        for one in folds
    ]


@pytest.mark.parametrize("name", NAMES)
def test_sets_abreast_walk_as_each_does_alone(name: str) -> None:
    bars, kind = hours(), load_strategy(name, strategies_folder()).strategy_class
    history = History((SymbolHistory(bars, bars, no_funding(), Specification(), ()),))
    windows = WindowSettings(train_days=25, test_days=10, folds=2, purge_hours=0)
    plan = Plan(space_of(kind), windows, START_MS + DAYS * DAY_MS, trials=40, cover_points=9)
    abreast = BacktestEvaluator(kind, history, SETTINGS)
    swept, alone = (walk_forward(one, plan) for one in (abreast, OneByOne(kind, bars, abreast)))
    assert shown(swept.folds) == shown(alone.folds)
    assert sum(bool(np.any(one.cover)) for one in swept.folds) == 2
