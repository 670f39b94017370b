"""Strategy bars from the fixed first one up to now: stored ones, completed from the exchange."""

import asyncio
import logging

from sqlalchemy import Engine

from live_runner.feed import Feed
from live_runner.series import BarSeries, missing_ranges
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import floor_ms, from_ms, timeframe_ms, to_ms
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.engine import database_errors

_log = logging.getLogger(__name__)


async def load_history(engine: Engine, feed: Feed, deployment: Deployment, now_ms: int) -> BarSeries:
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
    start_ms = -floor_ms(-to_ms(deployment.history_start), step_ms)
    end_ms = floor_ms(now_ms, step_ms)
    stored = await asyncio.to_thread(_read, engine, deployment, start_ms, end_ms)
    series = BarSeries(deployment.symbol, deployment.timeframe, start_ms)
    position_ms = start_ms
    for gap_start_ms, gap_end_ms in missing_ranges(stored, start_ms, end_ms):
        series.extend(stored.between(position_ms, gap_start_ms))
        series.extend(
            await feed.closed_bars(deployment.symbol, deployment.timeframe, gap_start_ms, gap_end_ms)
        )
        position_ms = gap_end_ms
    series.extend(stored.between(position_ms, end_ms))
    series.bars.validated()
    if not len(series.bars):
        raise DataError(
            f"{deployment.symbol} {deployment.timeframe}: no bars since {from_ms(start_ms):%Y-%m-%d %H:%M}; "
            "expected the history of a deployed strategy"
        )
    _log.info(
        "history loaded",
        extra={
            "deployment": deployment.id,
            "bars": len(series.bars),
            "stored": len(stored),
            "missing": len(missing_ranges(series.bars, start_ms, end_ms)),
        },
    )
    return series


def _read(engine: Engine, deployment: Deployment, start_ms: int, end_ms: int) -> Bars:
    with database_errors(engine):
        return read_bars(
            engine, deployment.exchange, deployment.symbol, deployment.timeframe, start_ms, end_ms
        )
