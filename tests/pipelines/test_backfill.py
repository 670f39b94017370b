"""A backfill as the UI launches it: one run over a range of days, killed half way and launched again."""

from collections import Counter
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import func, select

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from assets.resources import Platform
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import ConfigurationError, ExchangeError
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_of, day_start_ms, from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.exchange import FundingRate
from quant_pipelines.marketdata.days import days_between
from quant_pipelines.store.fetched import settled_days
from quant_pipelines.store.market import seed_symbols
from quant_pipelines.store.tables import bars
from tests.pipelines.conftest import SYMBOLS, ComputedMarket

FIRST, LAST = "2024-01-05", "2024-02-04"
DAYS = days_between(day_start_ms(FIRST), day_start_ms(LAST))


class FailingMarket(ComputedMarket):
    """Market whose connection dies on the minutes after ``dies_at_ms``; it counts what it is asked for."""

    def __init__(self, dies_at_ms: int | None = None, minutes_from_ms: int = 0) -> None:
        super().__init__(minutes_from_ms)
        self.dies_at_ms = dies_at_ms
        self.asked: Counter[str] = Counter()
        self.funding_since: set[str] = set()

    async def bars(self, symbol: str, timeframe: str, window: Window) -> BarRows:
        if timeframe == "1m":
            if self.dies_at_ms is not None and window.end_ms > self.dies_at_ms:
                raise ExchangeError("connection reset")
            self.asked.update((window.end_ms - window.start_ms) // DAY_MS * [symbol])
        return await super().bars(symbol, timeframe, window)

    async def funding_rates(self, symbol: str, window: Window) -> list[FundingRate]:
        self.funding_since.add(day_of(window.start_ms))
        return await super().funding_rates(symbol, window)


def backfill(
    platform: Platform, instance: dg.DagsterInstance, source: FailingMarket, **config: Any
) -> dg.ExecuteInProcessResult:
    """One run over the range, of the job that the UI's backfills use."""
    around = Platform(platform.settings, clock=platform.clock, open_source=lambda _: source)
    seed_symbols(around.engine, around.exchange, SYMBOLS, SYMBOLS, from_ms(around.clock()))
    job = build_definitions(around).resolve_implicit_global_asset_job_def()
    try:
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(name) for name in ("bars_1m", "bars_rollup", "data_quality")],
            run_config={"ops": {"bars_1m": {"config": config}}} if config else {},
            tags={RANGE_START_TAG: FIRST, RANGE_END_TAG: LAST},
            raise_on_error=False,
        )
    finally:
        around.engine.dispose()


def stored_minutes(platform: Platform) -> int:
    with platform.engine.connect() as connection:
        query = select(func.count()).select_from(bars).where(bars.c.timeframe == "1m")
        return int(connection.execute(query).scalar_one())


def run_metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    event = next(
        one for one in result.get_asset_materialization_events() if one.asset_key == dg.AssetKey("bars_1m")
    )
    found = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in found.items() if name.startswith("run_")}


def progress_lines(result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> list[str]:
    return [
        record.user_message
        for record in instance.all_logs(result.run_id)
        if "symbol days" in record.user_message
    ]


def partitions_of(result: dg.ExecuteInProcessResult, asset: str) -> list[str | None]:
    events = result.get_asset_materialization_events()
    return [event.partition for event in events if event.asset_key == dg.AssetKey(asset)]


def test_backfill_that_died_half_way_goes_on_behind_what_is_stored(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    died = backfill(platform, instance, FailingMarket(dies_at_ms=day_start_ms("2024-01-20")))
    assert not died.success
    series = {symbol: Series(platform.exchange, symbol, "1m") for symbol in SYMBOLS}
    settled = {symbol: len(settled_days(platform.engine, one, DAYS)) for symbol, one in series.items()}
    # The symbol that met the fault had its first two portions; the others were stopped where they were.
    assert max(settled.values()) == 14

    source = FailingMarket()
    again = backfill(platform, instance, source)
    assert again.success
    assert source.asked == Counter({symbol: len(DAYS) - days for symbol, days in settled.items()})
    assert stored_minutes(platform) == len(SYMBOLS) * len(DAYS) * 1440
    for asset in ("bars_1m", "bars_rollup", "data_quality"):
        assert partitions_of(again, asset) == DAYS


def test_complete_backfill_launched_again_asks_for_no_minute(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    backfill(platform, instance, FailingMarket())
    source = FailingMarket()
    again = backfill(platform, instance, source)
    assert again.success
    assert source.asked == Counter()
    assert run_metadata(again) == {
        "run_inserted": 0,
        "run_revised": 0,
        "run_fetched_days": 0,
        "run_skipped_days": len(SYMBOLS) * len(DAYS),
        "run_empty_days": 0,
    }


def test_backfill_that_is_asked_to_fetch_again_does(platform: Platform, instance: dg.DagsterInstance) -> None:
    backfill(platform, instance, FailingMarket())
    source = FailingMarket()
    backfill(platform, instance, source, refetch=True)
    assert source.asked == Counter({symbol: len(DAYS) for symbol in SYMBOLS})


def test_day_that_lost_a_bar_is_fetched_again(platform: Platform, instance: dg.DagsterInstance) -> None:
    backfill(platform, instance, FailingMarket())
    lost = bars.delete().where(bars.c.timeframe == "1m", bars.c.ts == from_ms(day_start_ms("2024-01-09")))
    with platform.engine.begin() as connection:
        connection.execute(lost)
    source = FailingMarket()
    backfill(platform, instance, source)
    assert source.asked == Counter(SYMBOLS)
    assert stored_minutes(platform) == len(SYMBOLS) * len(DAYS) * 1440


def test_backfill_tells_its_progress_in_a_few_lines(platform: Platform, instance: dg.DagsterInstance) -> None:
    result = backfill(platform, instance, FailingMarket())
    lines = progress_lines(result, instance)
    assert any(line.startswith("100% of 93 symbol days") for line in lines)
    assert 3 <= len(lines) <= 60


def fetch_funding(platform: Platform, instance: dg.DagsterInstance, **config: str) -> FailingMarket:
    """Source after the asset was materialized with a config, as the Launchpad does."""
    source = FailingMarket()
    around = Platform(platform.settings, clock=platform.clock, open_source=lambda _: source)
    seed_symbols(around.engine, around.exchange, SYMBOLS, SYMBOLS, from_ms(around.clock()))
    try:
        build_definitions(around).resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey("funding_rates")],
            run_config={"ops": {"funding_rates": {"config": config}}},
        )
    finally:
        around.engine.dispose()
    return source


def test_funding_goes_on_behind_what_is_stored(platform: Platform, instance: dg.DagsterInstance) -> None:
    assert fetch_funding(platform, instance).funding_since == {"2024-03-06"}
    assert fetch_funding(platform, instance).funding_since == {"2024-03-14"}


def test_funding_is_fetched_again_from_a_day_that_is_named(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    fetch_funding(platform, instance)
    assert fetch_funding(platform, instance, first_day="2024-02-01").funding_since == {"2024-02-01"}


def test_day_that_is_none_is_refused_in_one_sentence(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    with pytest.raises(ConfigurationError, match="day 'yesterday' is not a date; expected YYYY-MM-DD"):
        fetch_funding(platform, instance, first_day="yesterday")


def test_day_with_a_gap_of_the_exchange_is_asked_for_again(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    begins = day_start_ms("2024-02-03") + HOUR_MS
    backfill(platform, instance, FailingMarket(minutes_from_ms=begins))
    source = FailingMarket(minutes_from_ms=begins)
    backfill(platform, instance, source)
    assert source.asked == Counter({symbol: len(DAYS) - 1 for symbol in SYMBOLS})
