"""What a day's position was, and what holding one unit would have earned."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries, no_funding
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
from quant_pipelines.optimize.evaluation import Edges
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.exposure import daily_exposure, daily_holding, until_0800
from quant_pipelines.research.history import History, SymbolHistory
from quant_pipelines.sdk import Array, Strategy
from quant_pipelines.sdk import Bars as StrategyBars
from quant_pipelines.trading import Specification

DAYS = DAY_MS * np.arange(20, 23)


def bars(days: int = 30) -> Bars:
    return Bars.of_closes(100.0 * np.exp(0.001 * np.arange(24 * days)), timeframe="1h")


def test_holding_is_the_days_return_less_its_funding_on_the_mark() -> None:
    of_days = bars().between(int(DAYS[0]), int(DAYS[-1]) + DAY_MS)
    slots = DAYS[0] + 8 * HOUR_MS * np.arange(9)
    mark = np.full(9, np.nan)
    mark[4] = 2.0 * of_days.close[23]
    paid = daily_holding(of_days, DAYS, FundingSeries(slots, np.full(9, 0.001), mark))
    closes = of_days.close.reshape(3, 24)[:, -1]
    gross = closes / np.concatenate([of_days.open[:1], closes[:-1]]) - 1.0
    assert paid == pytest.approx(gross - [0.003, 0.004, 0.003], abs=1e-15)


def test_a_day_without_bars_is_flat_and_earns_nothing() -> None:
    whole = bars().between(int(DAYS[0]), int(DAYS[-1]) + DAY_MS)
    kept = np.r_[0:24, 48:72]
    parts = (whole.ts, whole.open, whole.high, whole.low, whole.close, whole.volume)
    gapped = Bars(whole.symbol, whole.timeframe, *(part[kept] for part in parts))
    exposure = daily_exposure(gapped, DAYS, position=np.ones(48), equity=gapped.close)
    assert exposure.tolist() == [1.0, 0.0, 1.0]
    assert daily_holding(gapped, DAYS, no_funding())[1] == 0.0


def test_what_a_morning_earned_is_measured_from_where_its_day_began() -> None:
    of_days = bars().between(int(DAYS[0]), int(DAYS[-1]) + DAY_MS)
    hours = np.arange(1, 73)
    equity = 100.0 + hours + 10.0 * np.sin(hours)
    ends = equity[23::24]
    returns = ends / np.concatenate([[100.0], ends[:-1]]) - 1.0
    found = until_0800(of_days.ts + HOUR_MS, equity, DAYS, returns)
    assert found == pytest.approx(equity[7::24] / np.concatenate([[100.0], ends[:-1]]) - 1.0)


def test_a_morning_without_bars_has_earned_nothing_and_a_lost_account_says_nothing() -> None:
    of_days = bars().between(int(DAYS[0]), int(DAYS[-1]) + DAY_MS)
    is_late = np.setdiff1d(np.arange(72), np.arange(24, 32))
    equity = np.where(is_late < 48, 100.0, 0.0)
    found = until_0800(of_days.ts[is_late] + HOUR_MS, equity, DAYS, np.array([0.25, 0.0, -1.0]))
    assert found[:2] == pytest.approx([0.25, 0.0])
    assert np.isnan(found[2])


class Half(Strategy):
    """Half long from the first day on."""

    def target(self, bars: StrategyBars) -> Array:
        return np.full(len(bars), 0.5)


def test_a_test_window_tells_the_exposure_that_its_returns_came_from() -> None:
    series = bars()
    history = SymbolHistory(series, series, no_funding(), Specification(), ())
    fold = Fold(0, 0, 19 * DAY_MS, 20 * DAY_MS, 23 * DAY_MS, is_open=True)
    edges = Edges(fold.test_start_ms)
    test = BacktestEvaluator(Half, History((history,)), BacktestSettings()).test(fold, {}, edges)
    assert test.exposure == pytest.approx([0.5] * 3, abs=0.03)
    assert test.exposure[0] < 0.5 - 0.5 / 48  # nothing is held at the first close: the order fills after it
    assert test.returns[1:] == pytest.approx(test.exposure[1:] * test.holding[1:], abs=1e-4)


def test_a_day_is_the_same_whether_it_is_computed_alone_or_with_others() -> None:
    series = bars()
    history = SymbolHistory(series, series, no_funding(), Specification(), ())
    evaluator = BacktestEvaluator(Half, History((history,)), BacktestSettings())
    fold = Fold(0, 0, 19 * DAY_MS, 20 * DAY_MS, 23 * DAY_MS, is_open=True)
    whole = evaluator.test(fold, {}, Edges(fold.test_start_ms))
    carried, nights = None, []
    for day in DAYS.tolist():
        night = evaluator.test(replace(fold, test_end_ms=day + DAY_MS), {}, Edges(day, carried))
        carried = night.carried
        nights.append((night.returns[0], night.exposure[0], night.holding[0]))
    assert nights == list(zip(whole.returns, whole.exposure, whole.holding, strict=True))
