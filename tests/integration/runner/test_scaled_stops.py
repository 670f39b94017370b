"""Paper trades with stops that follow the market and with a quota, across a restart, as the backtest does."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestSettings, run_event_backtest
from quant_pipelines.backtest.bar.stops import NO_SCALES
from quant_pipelines.backtest.market.stop_rules import inputs_from_document
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.trading import Specification
from tests.integration.runner.conftest import RULES
from tests.integration.runner.replay import ReplaySource, ReplayTime
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    SYMBOL,
    World,
    execute,
    recording,
    rows,
    world,
)

pytestmark = pytest.mark.postgres

SCALED = '''
import numpy as np
from quant_pipelines.indicators import atr, ema
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Switch(Strategy):
    """Long above a short average, short below it; wider stops where bars are wide."""

    window = Int(12, low=2, high=100)
    stops = Stops(
        hard_stop=Float(0.006, low=0.001, high=0.5),
        chandelier_stop=Float(1.5, low=0.5, high=9.0),
        take_profit=Float(0.008, low=0.001, high=0.5),
        slope_tightening=Float(0.5, low=0.1, high=1.0),
        equity_slope_days=1,
    )

    def target(self, bars: Bars) -> Array:
        distance = bars.close / ema(bars.close, self.window) - 1.0
        return np.where(np.abs(distance) < 0.0004, 0.0, np.sign(distance))

    def stop_scales(self, bars: Bars) -> dict[str, Array]:
        width = atr(bars.high, bars.low, bars.close, 3) / atr(bars.high, bars.low, bars.close, 30)
        return {"hard_stop": width, "chandelier_stop": width**2, "take_profit": np.sqrt(width)}
'''
QUOTA = 12
HALF = HISTORY_START + timedelta(minutes=250, seconds=30)


def restarted(engine: Engine, database_url: str) -> None:
    """Play the recording to its half, and then with another runner to its end."""
    first = ReplayTime(to_ms(DEPLOYED), to_ms(HALF))
    asyncio.run(World(engine, database_url, ReplaySource(recording(), first), first).play())
    asyncio.run(world(engine, database_url, start=HALF + timedelta(seconds=1)).play())


def test_paper_with_scaled_stops_and_a_quota_equals_the_backtest_across_a_restart(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SCALED, history_start=HISTORY_START, created_at=DEPLOYED)
    execute(
        engine,
        "insert into trading.strategy_quotas (strategy, name, value, updated_at, updated_by) "
        "values ('strategy_0', 'max_orders_per_day', :quota, now(), 'test')",
        quota=QUOTA,
    )
    restarted(engine, database_url)
    market, limits = recording(), replace(RULES.limits, max_orders_per_day=float(QUOTA))
    expected = run_event_backtest(
        compile_strategy("switch", SCALED).strategy_class(),
        market.bars[SYMBOL],
        settings=BacktestSettings(
            rules=replace(RULES, limits=limits, specification=Specification(0.001, 5.0)),
            trade_from_ms=to_ms(DEPLOYED),
        ),
        funding=market.funding[SYMBOL],
    )
    assert rows(engine, "select equity from trading.equity order by ts") == [
        (value,) for value in expected.bar_equity.tolist()
    ]
    reasons = {row[0] for row in rows(engine, "select distinct reason from trading.fills")}
    assert reasons == {"target", "hard_stop", "chandelier_stop", "take_profit"}
    tightening = "select state #>> '{state,seen,tightening}' from trading.checkpoints"
    assert rows(engine, tightening) == [("0.5",)]
    denied = "select count(*) from trading.signals where decision ->> 'denied_by' = 'order_quota'"
    assert rows(engine, denied)[0][0] > 0


def test_journal_tells_the_values_of_the_stops_of_every_entry(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SCALED, history_start=HISTORY_START, created_at=DEPLOYED)
    asyncio.run(world(engine, database_url, n_bars=200).play())
    entries = rows(
        engine,
        "select decision from trading.signals join trading.intents using (deployment_id, bar_close) "
        "where (decision ->> 'desired_quantity')::float8 <> 0",
    )
    assert entries
    for (decision,) in entries:
        scales = inputs_from_document(decision["stop_inputs"]).scales
        assert scales != NO_SCALES
        assert decision["stop_values"]["hard_stop"] == pytest.approx(0.006 * scales.hard)
        assert decision["stop_values"]["take_profit"] == pytest.approx(0.008 * scales.target)
