"""A search has an end: the asset says what it did not reach, and that comes first the next day."""

from dataclasses import replace

import dagster as dg

from assets.research import nothing_found
from assets.resources import Platform
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.marketdata.days import history_days
from quant_pipelines.research.daily import daily_jobs
from tests.pipelines.conftest import SYMBOLS, ComputedMarket
from tests.pipelines.test_jobs import execute


def test_what_the_time_did_not_reach_is_named_and_comes_first(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    old = platform.settings
    settings = replace(
        old,
        market=replace(old.market, whitelist=SYMBOLS),
        optimization=replace(old.optimization, search_minutes=0.01),  # less than a worker takes to start
    )
    short = Platform(settings, clock=platform.clock, open_source=lambda _: ComputedMarket())
    result = execute(short, instance, "first_start", history_days(short.clock(), 9))
    (event,) = [
        one
        for one in result.get_asset_materialization_events()
        if one.asset_key == dg.AssetKey("walk_forward")
    ]
    told = event.materialization.metadata
    assert (told["optimizations"].value, told["not_reached"].value) == (1, 2)
    assert "ETH/USDT:USDT" in str(told["first_next_time"].value)
    tomorrow = [job.symbol for job in daily_jobs(settings, short.engine, short.clock() + DAY_MS)]
    short.engine.dispose()
    assert tomorrow == ["ETH/USDT:USDT", "SOL/USDT:USDT", "BTC/USDT:USDT"]


def test_a_search_without_a_result_says_why() -> None:
    assert nothing_found(3, 2, 5.0) == "all 3 optimizations failed"
    assert nothing_found(0, 2, 5.0).startswith("none of 2 optimizations was done within 5 minutes")
    assert nothing_found(0, 0, 5.0).startswith("there is nothing to search")
