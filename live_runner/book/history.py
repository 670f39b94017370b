"""Strategy bars from the fixed first one up to now: stored ones, completed from the exchange."""

import asyncio
import logging

from live_runner.book.plan import DeploymentPlan
from live_runner.feed.feed import Feed
from live_runner.feed.series import BarSeries
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.gaps import missing_ranges
from quant_pipelines.core.price_factors import adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import floor_ms, from_ms, timeframe_ms, to_ms
from quant_pipelines.sdk.attach import first_higher_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import MarketRows

_log = logging.getLogger(__name__)


def first_open_ms(deployment: Deployment) -> int:
    """Open time of the first bar that a deployment's strategy sees, milliseconds UTC."""
    step_ms = timeframe_ms(deployment.timeframe)
    return -floor_ms(-to_ms(deployment.history_start), step_ms)


async def load_history(market: MarketRows, feed: Feed, deployment: Deployment, now_ms: int) -> BarSeries:
    """All bars that the strategy sees, from ``history_start`` to the last closed one.

    What the database lacks is asked of the exchange once; what neither has stays missing.

    Raises
    ------
    DataError
        If the exchange's bars are malformed, or there are none at all.
    StoreError
        If the database does not answer.
    ExchangeError
        If the exchange does not answer.
    """
    step_ms = timeframe_ms(deployment.timeframe)
    window = Window(first_open_ms(deployment), floor_ms(now_ms, step_ms))
    series, n_stored = await _load(market, feed, deployment, deployment.timeframe, window)
    series.bars.validated()
    if not len(series.bars):
        start = f"{from_ms(window.start_ms):%Y-%m-%d %H:%M}"
        raise DataError(
            f"{deployment.symbol} {deployment.timeframe}: no bars since {start}; "
            "expected the history of a deployed strategy"
        )
    _log.info(
        "history loaded",
        extra={
            "deployment": deployment.id,
            "bars": len(series.bars),
            "stored": n_stored,
            "missing": len(missing_ranges(series.bars, window)),
        },
    )
    return series


async def load_higher(
    market: MarketRows, feed: Feed, plan: DeploymentPlan, first_bar_ms: int, now_ms: int
) -> dict[str, BarSeries]:
    """Load the closed bars of each higher timeframe that the strategy declares, with their history.

    Raises
    ------
    DataError, StoreError, ExchangeError
        As `load_history`; no bars at all are no error.
    """
    found: dict[str, BarSeries] = {}
    for timeframe in plan.strategy.inputs.timeframes:
        start_ms = first_higher_ms(type(plan.strategy), first_bar_ms, timeframe)
        window = Window(max(start_ms, 0), floor_ms(now_ms, timeframe_ms(timeframe)))
        found[timeframe], _ = await _load(market, feed, plan.deployment, timeframe, window)
        found[timeframe].bars.validated()
    return found


async def _load(
    market: MarketRows, feed: Feed, deployment: Deployment, timeframe: str, window: Window
) -> tuple[BarSeries, int]:
    """Load the bars of a window, completed from the exchange, and tell how many were stored."""
    stored = await asyncio.to_thread(
        market.bars, Series(deployment.exchange, deployment.symbol, timeframe), window
    )
    factors = await asyncio.to_thread(market.factors, deployment.exchange, deployment.symbol)
    series = BarSeries(deployment.symbol, timeframe, window.start_ms)
    position_ms = window.start_ms
    for gap in missing_ranges(stored, window):
        series.extend(adjusted(stored.between(position_ms, gap.start_ms), factors))
        series.extend(adjusted(await feed.closed_bars(deployment.symbol, timeframe, gap), factors))
        position_ms = gap.end_ms
    series.extend(adjusted(stored.between(position_ms, window.end_ms), factors))
    return series, len(stored)
