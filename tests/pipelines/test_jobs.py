"""Jobs executed on a real database, over the computed market."""

from typing import Any

import dagster as dg
from sqlalchemy import Engine, func, select

from assets.partitions import days_request
from assets.resources import Platform
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.marketdata.days import SymbolDays, history_days
from quant_pipelines.marketdata.quality import check_days
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import bars, data_findings, hotlist, verdicts, whitelist
from quant_pipelines.store.verdict_rows import read_verdicts
from tests.pipelines.conftest import ComputedMarket

DAYS = 10
MINUTES_TODAY = 602


def execute(
    platform: Platform, instance: dg.DagsterInstance, job: str, days: tuple[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """Run a job as its schedule or sensor requests it: one run for all days."""
    request = days_request(*days) if days else dg.RunRequest()
    resolved = build_definitions(platform).resolve_job_def(job)
    return resolved.execute_in_process(
        instance=instance, tags=request.tags, partition_key=request.partition_key
    )


def count(engine: Engine, table: Any, *where: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def materialized(result: dg.ExecuteInProcessResult, asset: str) -> list[str | None]:
    """Partitions of the asset that the run materialized; None for one without partitions."""
    events = result.get_asset_materialization_events()
    return [event.partition for event in events if event.asset_key == dg.AssetKey(asset)]


def test_first_start_fills_the_graph_in_one_run(platform: Platform, instance: dg.DagsterInstance) -> None:
    history = history_days(platform.clock(), DAYS - 1)
    result = execute(platform, instance, "first_start", history)
    engine, symbols = platform.engine, platform.symbols()

    assert result.success
    assert len(materialized(result, "bars_1m")) == DAYS
    assert materialized(result, "walk_forward") == [None]
    expected = len(symbols) * ((DAYS - 1) * 1440 + MINUTES_TODAY)
    assert count(engine, bars, bars.c.timeframe == "1m") == expected
    assert count(engine, bars, bars.c.timeframe == "1h") == len(symbols) * ((DAYS - 1) * 24 + 10)
    assert count(engine, data_findings) == 0
    assert count(engine, hotlist) == len(symbols)
    assert count(engine, verdicts) == 1
    assert count(engine, verdicts, verdicts.c.decided_at.is_(None)) == 0
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_hours_are_judged_where_minutes_reach_less_far(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    now_ms = platform.clock()
    first_minute = now_ms - 3 * DAY_MS - 30 * MINUTE_MS
    short = Platform(
        platform.settings, clock=platform.clock, open_source=lambda _: ComputedMarket(first_minute)
    )
    result = execute(short, instance, "first_start", history_days(now_ms, DAYS - 1))
    short.engine.dispose()
    engine, symbols = platform.engine, platform.symbols()

    assert result.success
    assert count(engine, bars, bars.c.timeframe == "1m") == len(symbols) * (3 * 1440 + 30)
    assert count(engine, bars, bars.c.timeframe == "1h") == len(symbols) * ((DAYS - 1) * 24 + 10)
    assert count(engine, data_findings) == 0
    with transaction(engine) as connection:
        (verdict,) = read_verdicts(connection)
    evidence = verdict.out_of_sample
    assert (evidence["folds"], evidence["configured_folds"]) == (2, 2)
    assert evidence["execution_timeframe"] == "1h"


def test_scoring_again_changes_nothing(platform: Platform, instance: dg.DagsterInstance) -> None:
    today = history_days(platform.clock(), 0)
    seed(platform, instance)
    first = execute(platform, instance, "strategy_scoring", today)
    again = execute(platform, instance, "strategy_scoring", today)
    assert written(first) == 3 * MINUTES_TODAY
    assert written(again) == 0


def test_scoring_leaves_fewer_than_thirty_events_besides_dagsters_own(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    seed(platform, instance)
    result = execute(platform, instance, "strategy_scoring", history_days(platform.clock(), 0))
    assert len(instance.all_logs(result.run_id)) < 30


def test_scan_leaves_fewer_than_thirty_events_with_dagsters_own(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    seed(platform, instance)
    result = execute(platform, instance, "hot_coin_scan")
    # Enqueued, starting, process started, process exited: four rows that a run in this process does not have.
    assert len(instance.all_logs(result.run_id)) + 4 < 30


def test_scan_scores_the_universe_without_partitions(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    seed(platform, instance)
    execute(platform, instance, "market_refresh", history_days(platform.clock(), 9))
    assert execute(platform, instance, "hot_coin_scan").success
    assert count(platform.engine, hotlist, hotlist.c.flags == []) == 3


def lose_an_hour(platform: Platform, instance: dg.DagsterInstance) -> None:
    """Yesterday's data, less an hour of one symbol's minutes, which the checks have found."""
    seed(platform, instance)
    yesterday, today = history_days(platform.clock(), 1)
    execute(platform, instance, "market_refresh", (yesterday, today))
    hole = day_start_ms(yesterday) + 3 * HOUR_MS
    lost = bars.delete().where(bars.c.timeframe == "1m", bars.c.symbol == "ETH/USDT:USDT")
    with platform.engine.begin() as connection:
        connection.execute(lost.where(bars.c.ts >= from_ms(hole), bars.c.ts < from_ms(hole + HOUR_MS)))
    check_days(
        platform.engine, platform.exchange, SymbolDays(platform.symbols(), [yesterday]), clock=platform.clock
    )
    assert count(platform.engine, data_findings, data_findings.c.resolved_at.is_(None)) == 1


def test_refresh_repairs_what_was_lost_on_any_day(platform: Platform, instance: dg.DagsterInstance) -> None:
    lose_an_hour(platform, instance)
    result = execute(platform, instance, "market_refresh", history_days(platform.clock(), 0))
    assert materialized(result, "data_repair") == [None]
    assert count(platform.engine, data_findings, data_findings.c.resolved_at.is_(None)) == 0
    assert all(check.passed for check in result.get_asset_check_evaluations())


def test_finding_that_stands_is_shown_by_symbol_and_day(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    lose_an_hour(platform, instance)
    today = history_days(platform.clock(), 0)
    forgetful = Platform(
        platform.settings,
        clock=platform.clock,
        open_source=lambda _: ComputedMarket(day_start_ms(today[0])),
    )
    result = execute(forgetful, instance, "market_refresh", today)
    forgetful.engine.dispose()
    (failed,) = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert (failed.check_name, failed.severity) == ("gaps", dg.AssetCheckSeverity.ERROR)
    assert (failed.metadata["findings"].value, failed.metadata["bars"].value) == (1, 60)
    assert "| ETH/USDT:USDT | 1m | 2024-03-14 | block | 60 |" in str(failed.metadata["newest"].value)


def seed(platform: Platform, instance: dg.DagsterInstance) -> None:
    """Instruments, universe and whitelist, as after the first asset."""
    instruments = build_definitions(platform).resolve_job_def("first_start")
    result = instruments.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey("instruments")],
        tags=days_request(*history_days(platform.clock(), 1)).tags,
    )
    assert result.success
    assert count(platform.engine, whitelist) == 1


def written(result: dg.ExecuteInProcessResult) -> int:
    """Bars that the run added or changed."""
    (event,) = [
        one for one in result.get_asset_materialization_events() if one.asset_key == dg.AssetKey("bars_1m")
    ]
    metadata = event.step_materialization_data.materialization.metadata
    return int(metadata["run_inserted"].value) + int(metadata["run_revised"].value)  # type: ignore[arg-type]
