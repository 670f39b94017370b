"""Group ``market``: what the exchange said, rolled up."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.partitions import daily_asset
from assets.progress import Progress, in_portions
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, day_start_ms, from_ms
from quant_pipelines.marketdata.backfill import Backfill, backfill_bars, named_days
from quant_pipelines.marketdata.days import SymbolDays, history_days, window_of
from quant_pipelines.marketdata.ingest import (
    Ingestion,
    ingest_funding,
    ingest_instruments,
    ingest_open_interest,
)
from quant_pipelines.marketdata.ingest_prices import ingest_prices, ingest_samples, priced
from quant_pipelines.marketdata.own_bars import fetch_own_bars
from quant_pipelines.marketdata.quality import check_roll_ups
from quant_pipelines.marketdata.regimes import follow_regimes
from quant_pipelines.marketdata.rollup import ROLLED_TIMEFRAMES, RolledSeries, roll_up_days
from quant_pipelines.store.bar_partitions import ensure_months_ahead
from quant_pipelines.store.bars import count_by_day
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.regimes import regimes_at
from quant_pipelines.store.retention import apply_retention

_MARKET: dict[str, Any] = {"group_name": "market", "owners": ["team:quant"], "kinds": {"python", "postgres"}}
PORTION_DAYS = 62
"""Days of minutes that are held in memory at once."""


class Fetch(dg.Config):
    """How minutes are fetched."""

    refetch: bool = Field(default=False, description="fetch days again that are stored completely")


class SeriesFetch(dg.Config):
    """Which part of a series is fetched."""

    first_day: str = Field(
        default="", description="such as 2024-01-31: fetch everything from there again; empty goes on"
    )

    def window(self, platform: Platform) -> Window:
        """Start and end in milliseconds UTC; history begins where the settings say."""
        now_ms = platform.clock()
        first_day = self.first_day or history_days(now_ms, platform.settings.market.history_days)[0]
        return Window(day_start_ms(first_day), now_ms + MINUTE_MS)


@dg.asset(**_MARKET)
def instruments(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Contract specifications of the universe: steps, fees, funding interval; universe and whitelist."""
    found = platform.with_market(
        lambda market: ingest_instruments(market, platform.settings.market, platform.clock)
    )
    columns = ("symbol", "tick_size", "lot_size", "min_notional", "taker_fee", "funding_interval_hours")
    rows = [{name: getattr(one, name) for name in columns} for one in found]
    return dg.MaterializeResult(metadata={"instruments": len(found), "specifications": table(rows)})


@dg.asset(**_MARKET)
def bar_months(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Keep the months of bars: the next ones are made ahead, those that nobody needs any more are dropped.

    Column files of series that are gone go with them.
    """
    made = ensure_months_ahead(platform.engine, platform.clock)
    dropped = apply_retention(platform.engine, platform.settings, platform.clock)
    stale = [] if platform.columns is None else ColumnCache(platform.engine, platform.columns).remove_stale()
    return dg.MaterializeResult(
        metadata={"made": made, "dropped": dropped, "column_files_removed": len(stale)}
    )


@daily_asset(deps=[instruments], **_MARKET)
def bars_1m(
    context: dg.AssetExecutionContext, config: Fetch, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Ingest the closed 1-minute bars of all symbols, a partition for each UTC day; today's grows.

    A backfill is one run over its days. Launched again after an interruption it goes on: days that were
    fetched after their end, and are stored without a gap, are not fetched again.
    """
    days, symbols = list(context.partition_keys), platform.symbols()
    progress = Progress(context, len(days) * len(symbols), len(days))
    report = platform.with_market(
        lambda market: backfill_bars(
            market,
            SymbolDays(symbols, days),
            clock=platform.clock,
            refetch=config.refetch,
            on_portion=lambda portion: progress.add(portion.days, portion),
        )
    )
    _add_day_counts(context, platform, "1m")
    for symbol, done in report.items():
        if done.empty_days:
            context.log.warning("%s: the exchange has no data of %s", symbol, named_days(done.empty_days))
    return dg.MaterializeResult(metadata=fetch_metadata(report))


@daily_asset(deps=[bars_1m], **_MARKET)
def bars_rollup(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Bars of 5m, 15m, 1h, 4h and 1d, rolled up from complete runs of 1-minute bars.

    For days that are over, the exchange's own 1h, 4h and 1d bars are fetched: they stand in where minutes are
    missing, and where both exist a difference becomes a finding.
    """
    days, symbols = list(context.partition_keys), platform.symbols()
    own = platform.with_market(lambda market: fetch_own_bars(market, symbols, days, platform.clock))
    rolled: list[RolledSeries] = []
    findings = 0
    for portion in in_portions(context, PORTION_DAYS, len(symbols)):
        part = roll_up_days(platform.engine, platform.exchange, SymbolDays(symbols, portion), own=own)
        over = [day for day in own.days if day in set(portion)]
        report = check_roll_ups(platform.engine, platform.exchange, part, over, clock=platform.clock)
        rolled, findings = rolled + part, findings + len(report.findings)
    _add_day_counts(context, platform, "1h")
    written = {
        f"run_{timeframe}": sum(one.written.total for one in rolled if one.timeframe == timeframe)
        for timeframe in ROLLED_TIMEFRAMES
    }
    counts = {"run_from_exchange": sum(one.from_exchange for one in rolled)}
    return dg.MaterializeResult(metadata={**written, **counts, "run_findings": findings})


@dg.asset(deps=[instruments], **_MARKET)
def funding_rates(config: SeriesFetch, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Funding paid by every perpetual that is followed, from the start of history or from what is stored."""
    window = config.window(platform)
    report = platform.with_market(
        lambda market: ingest_funding(market, platform.symbols(), window, goes_on=not config.first_day)
    )
    return dg.MaterializeResult(metadata={"rows": sum(report.values()), "by_symbol": _by_symbol(report)})


@dg.asset(deps=[instruments], **_MARKET)
def open_interest(config: SeriesFetch, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Open contracts in base units every five minutes, as far back as the exchange keeps them."""
    window = config.window(platform)
    report = platform.with_market(
        lambda market: ingest_open_interest(market, platform.symbols(), window, goes_on=not config.first_day)
    )
    return dg.MaterializeResult(metadata={"rows": sum(report.values()), "by_symbol": _by_symbol(report)})


@dg.asset(deps=[instruments], **_MARKET)
def mark_prices(config: SeriesFetch, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Mark and index prices of every perpetual that is followed, on the grid of the settings.

    With them the last hour's trades, and a book, of the symbols that the settings name; by default none.
    """
    settings, window = platform.settings.market, config.window(platform)

    last_hour = Window(window.end_ms - HOUR_MS, window.end_ms)

    async def ingest(market: Ingestion) -> tuple[dict[str, int], int]:
        report = await ingest_prices(
            priced(market),
            platform.symbols(),
            settings.mark_timeframe,
            window,
            goes_on=not config.first_day,
        )
        return report, await ingest_samples(priced(market), settings, last_hour)

    report, samples = platform.with_market(ingest)
    counts = {"rows": sum(report.values()), "samples": samples}
    return dg.MaterializeResult(metadata={**counts, "by_symbol": _by_symbol(report)})


@dg.asset(deps=[bars_rollup], **_MARKET)
def regimes(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Follow the regime of every symbol by the hour, filtered: how turbulent it is, and whether it trends.

    Strategies read it with `Inputs(regime=True)`. What was told for an hour is never told otherwise.
    """
    now_ms = platform.clock()
    added = follow_regimes(platform.engine, platform.exchange, platform.symbols(), now_ms)
    newest = regimes_at(platform.engine, platform.exchange, from_ms(now_ms))
    rows = [
        {"symbol": symbol, "turbulence": turbulence, "trend": trend}
        for symbol, (turbulence, trend) in newest.items()
    ]
    return dg.MaterializeResult(metadata={"run_added": sum(added.values()), "regimes": table(rows)})


def fetch_metadata(report: Mapping[str, Backfill]) -> dict[str, int]:
    """Sum up what a backfill of minutes has done."""
    done = report.values()
    return {
        "run_inserted": sum(one.written.inserted for one in done),
        "run_revised": sum(one.written.updated for one in done),
        "run_fetched_days": sum(one.fetched_days for one in done),
        "run_skipped_days": sum(one.skipped_days for one in done),
        "run_empty_days": sum(len(one.empty_days) for one in done),
    }


def _by_symbol(report: dict[str, int]) -> dg.MarkdownMetadataValue:
    return table({"symbol": symbol, "rows": rows} for symbol, rows in report.items())


def _add_day_counts(context: dg.AssetExecutionContext, platform: Platform, timeframe: str) -> None:
    """Attach the number of stored bars to each day's partition, so that the UI plots the coverage."""
    days = sorted(context.partition_keys)
    stored = count_by_day(platform.engine, platform.exchange, timeframe, window_of(days[0], days[-1]))
    for day in days:
        context.add_asset_metadata({"bars": stored.get(day, 0)}, partition_key=day)
