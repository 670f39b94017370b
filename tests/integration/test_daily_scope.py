"""Part of the day's work: what is named is searched, also what the settings do not name."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.search_settings import OptimizationSettings
from quant_pipelines.core.settings import MarketSettings, Settings
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.research.daily import Scope, daily_jobs

pytestmark = pytest.mark.postgres
SETTINGS = Settings(
    market=MarketSettings(whitelist=("BTC/USDT:USDT", "ETH/USDT:USDT")),
    optimization=OptimizationSettings(strategies=("ema_cross", "other"), timeframes=("1m", "1h"), trials=10),
)


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (Scope(), 8),
        (Scope(symbols=("SOL/USDT:USDT",)), 4),
        (Scope(strategies=("ema_cross",), symbols=("SOL/USDT:USDT",), timeframes=("4h",)), 1),
    ],
)
def test_scope_narrows_the_days_work(engine: Engine, scope: Scope, count: int) -> None:
    jobs = daily_jobs(SETTINGS, engine, day_start_ms("2025-06-10") + 1, scope=scope)
    assert len(jobs) == count
    assert {job.symbol for job in jobs} >= set(scope.symbols)


def test_deeper_search_tries_more_and_is_other_work(engine: Engine) -> None:
    def first(factor: int) -> Any:
        return daily_jobs(SETTINGS, engine, day_start_ms("2025-06-10"), scope=Scope(trials_factor=factor))[0]

    assert (first(1).trials, first(4).trials) == (10, 40)


def test_instrument_sets_are_searched_by_their_own_strategies(engine: Engine) -> None:
    search = replace(
        SETTINGS.optimization,
        instrument_sets=("BTC/USDT:USDT + ETH/USDT:USDT",),
        set_strategies=("zscore_spread",),
        timeframes=("1h",),
    )
    settings, now = replace(SETTINGS, optimization=search), day_start_ms("2025-06-10")
    jobs = daily_jobs(settings, engine, now)
    together = [(job.strategy, job.symbol) for job in jobs if "+" in job.symbol]
    assert together == [("zscore_spread", "BTC/USDT:USDT+ETH/USDT:USDT")]
    assert len(jobs) == 5
    assert len(daily_jobs(settings, engine, now, scope=Scope(strategies=("ema_cross",)))) == 2
    assert len(daily_jobs(settings, engine, now, scope=Scope(symbols=("BTC/USDT:USDT",)))) == 2
