"""Group ``market``: what the exchange said, rolled up."""

from typing import Any

import dagster as dg

from assets.partitions import daily_asset
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.ingest import (
    ingest_bars,
    ingest_funding,
    ingest_instruments,
    ingest_open_interest,
)
from quant_pipelines.marketdata.ingest_prices import ingest_prices, priced
from quant_pipelines.marketdata.own_bars import fetch_own_bars
from quant_pipelines.marketdata.quality import check_roll_ups
from quant_pipelines.marketdata.rollup import ROLLED_TIMEFRAMES, roll_up_days
from quant_pipelines.store.bar_partitions import ensure_months_ahead
from quant_pipelines.store.bars import count_by_day
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.retention import apply_retention

_MARKET: dict[str, Any] = {"group_name": "market", "owners": ["team:quant"], "kinds": {"python", "postgres"}}


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
def bars_1m(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Ingest the closed 1-minute bars of the universe, a partition for each UTC day; today's grows."""
    days, symbols = list(context.partition_keys), platform.symbols()
    report = platform.with_market(lambda market: ingest_bars(market, symbols, days))
    _add_day_counts(context, platform, "1m")
    inserted = sum(one.inserted for one in report.values())
    updated = sum(one.updated for one in report.values())
    return dg.MaterializeResult(metadata={"run_inserted": inserted, "run_revised": updated})


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
    rolled = roll_up_days(platform.engine, platform.exchange, symbols, days, own=own)
    report = check_roll_ups(platform.engine, platform.exchange, rolled, own.days, clock=platform.clock)
    _add_day_counts(context, platform, "1h")
    written = {
        f"run_{timeframe}": sum(one.written.total for one in rolled if one.timeframe == timeframe)
        for timeframe in ROLLED_TIMEFRAMES
    }
    counts = {"run_from_exchange": sum(one.from_exchange for one in rolled)}
    return dg.MaterializeResult(metadata={**written, **counts, "run_findings": len(report.findings)})


@dg.asset(deps=[instruments], **_MARKET)
def funding_rates(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Funding paid by every perpetual of the universe, from the start of history or from what is stored."""
    start_ms, end_ms = _history(platform)
    report = platform.with_market(lambda market: ingest_funding(market, platform.symbols(), start_ms, end_ms))
    return dg.MaterializeResult(metadata={"rows": sum(report.values()), "by_symbol": _by_symbol(report)})


@dg.asset(deps=[instruments], **_MARKET)
def open_interest(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Open contracts in base units every five minutes, as far back as the exchange keeps them."""
    start_ms, end_ms = _history(platform)
    report = platform.with_market(
        lambda market: ingest_open_interest(market, platform.symbols(), start_ms, end_ms)
    )
    return dg.MaterializeResult(metadata={"rows": sum(report.values()), "by_symbol": _by_symbol(report)})


@dg.asset(deps=[instruments], **_MARKET)
def mark_prices(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult:
    """Mark and index prices of every perpetual of the universe, on the grid of the settings."""
    start_ms, end_ms = _history(platform)
    timeframe = platform.settings.market.mark_timeframe
    report = platform.with_market(
        lambda market: ingest_prices(priced(market), platform.symbols(), timeframe, start_ms, end_ms)
    )
    return dg.MaterializeResult(metadata={"rows": sum(report.values()), "by_symbol": _by_symbol(report)})


def _history(platform: Platform) -> tuple[int, int]:
    now_ms = platform.clock()
    return now_ms - now_ms % DAY_MS - platform.settings.market.history_days * DAY_MS, now_ms + MINUTE_MS


def _by_symbol(report: dict[str, int]) -> dg.MarkdownMetadataValue:
    return table({"symbol": symbol, "rows": rows} for symbol, rows in report.items())


def _add_day_counts(context: dg.AssetExecutionContext, platform: Platform, timeframe: str) -> None:
    """Attach the number of stored bars to each day's partition, so that the UI plots the coverage."""
    days = sorted(context.partition_keys)
    window = day_start_ms(days[0]), day_start_ms(days[-1]) + DAY_MS
    stored = count_by_day(platform.engine, platform.exchange, timeframe, *window)
    for day in days:
        context.add_asset_metadata({"bars": stored.get(day, 0)}, partition_key=day)
