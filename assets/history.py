"""Group ``market``, a partition for each symbol of the whitelist: its whole history at once."""

import dagster as dg
from pydantic import Field

from assets.market import instruments
from assets.partitions import symbol_asset
from assets.progress import Progress
from assets.rendering import table
from assets.resources import Platform
from quant_pipelines.core.setting_bounds import bounds_of
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.marketdata.days import days_between, history_days
from quant_pipelines.store.market import read_instruments


class HistoryFetch(dg.Config):
    """How much of it, and how."""

    days: int = Field(default=0, description="full days before today; 0 takes market.history_days")
    refetch: bool = Field(default=False, description="fetch days again that are stored completely")

    def days_or(self, usual: int) -> int:
        """Days to bring, ``usual`` where none are given; what the setting can't be fails the run."""
        wanted = self.days or usual
        fault = bounds_of("market.history_days").fault("days", wanted)
        if fault:
            raise dg.Failure(fault, allow_retries=False)
        return wanted


@symbol_asset(deps=[instruments], group_name="market", owners=["team:quant"], kinds={"python", "postgres"})
def symbol_history(
    context: dg.AssetExecutionContext, config: HistoryFetch, platform: dg.ResourceParam[Platform]
) -> None:
    """Bring a symbol's whole history: minutes, longer bars, funding, open interest, marks, checks.

    Runs by itself when a coin is approved, before its first search. Launched again it goes on where it
    stopped. A symbol that the exchange does not list is left out.
    """
    listed = {one.symbol for one in read_instruments(platform.engine, platform.exchange)}
    for symbol in context.partition_keys:
        summary = (
            _bring(context, config, platform, symbol) if symbol in listed else {"left_out": "not listed"}
        )
        context.add_asset_metadata(summary, partition_key=symbol)
        context.log.info("%s: %s bars", symbol, summary.get("bars", "not listed, no"))


def _bring(
    context: dg.AssetExecutionContext, config: HistoryFetch, platform: Platform, symbol: str
) -> dict[str, object]:
    from quant_pipelines.operations.history import (  # noqa: PLC0415 - keeps the code server light
        HistoryPlan,
        complete_history,
        fetch_history,
    )

    first, last = history_days(platform.clock(), config.days_or(platform.settings.market.history_days))
    days = days_between(day_start_ms(first), day_start_ms(last))
    progress = Progress(context, len(days), len(days))
    plan = HistoryPlan(
        symbol,
        days,
        platform.clock,
        platform.settings.market.mark_timeframe,
        refetch=config.refetch,
        on_portion=lambda portion: progress.add(portion.days, portion),
    )
    fetched = platform.with_market(lambda market: fetch_history(market, plan))
    summary = complete_history(platform.engine, platform.exchange, plan, fetched)
    return summary | {"coverage": table(summary["coverage"])}
