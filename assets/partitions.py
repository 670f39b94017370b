"""Partitions that assets share."""

import warnings
from typing import Any

import dagster as dg

FIRST_DAY = "2020-01-01"
"""Constant, so that a partition keeps its place for ever; no history before it is asked for."""

DAILY = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)
"""UTC days with today's, which the scoring materializes again and again until it is full."""

SYMBOLS_NAME = "symbols"
SYMBOLS = dg.DynamicPartitionsDefinition(name=SYMBOLS_NAME)
"""Symbols of the whitelist; a sensor adds them, and none is taken away: its history stays what it is."""

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def daily_asset(**options: Any) -> Any:
    """`dagster.asset` over UTC days, all days of a range in one run."""
    return _single_run_asset(DAILY, options)


def symbol_asset(**options: Any) -> Any:
    """`dagster.asset` over the symbols of the whitelist, all that are chosen in one run."""
    return _single_run_asset(SYMBOLS, options)


def _single_run_asset(partitions: dg.PartitionsDefinition, options: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        # Single-run backfills are in beta; a test runs one, so a change of theirs is seen.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.asset(partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run(), **options)


def days_request(first_day: str, last_day: str, run_key: str | None = None) -> dg.RunRequest:
    """Request one run over all days from the first to the last, both included."""
    return range_request(first_day, last_day, run_key)


def range_request(
    first: str, last: str, run_key: str | None = None, job_name: str | None = None
) -> dg.RunRequest:
    """Request one run over all partitions from the first to the last, both included."""
    if first == last:
        return dg.RunRequest(run_key=run_key, job_name=job_name, partition_key=first)
    return dg.RunRequest(
        run_key=run_key, job_name=job_name, tags={RANGE_START_TAG: first, RANGE_END_TAG: last}
    )
