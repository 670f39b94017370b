"""From a verdict and its folds to what its page shows: holding and the incumbent on the same days."""

import logging
from collections.abc import Mapping

import numpy as np

from quant_pipelines.backtest.batch.result import daily_returns_of
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.reports.stitched import Curve
from quant_pipelines.reports.walk_forward import INCUMBENT, JudgedWalk
from quant_pipelines.research.history import HistorySource

_log = logging.getLogger(__name__)


def walk_of(
    record: VerdictRecord,
    folds: Mapping[int, FoldResult],
    source: HistorySource,
    incumbent: Mapping[int, float],
) -> JudgedWalk:
    """Put together what a page shows.

    Parameters
    ----------
    record
        The verdict.
    folds
        Its folds by index.
    source
        Where its bars come from.
    incumbent
        Daily returns by start of day, milliseconds, of what is traded now; none where nothing is.
    """
    walk = JudgedWalk(record, tuple(folds[index] for index in sorted(folds)))
    days = walk.own.days
    if not days.size:
        return walk
    others = [_holding(record, source, days), _incumbent(incumbent, days)]
    return JudgedWalk(record, walk.folds, tuple(curve for curve in others if curve is not None))


def _holding(record: VerdictRecord, source: HistorySource, days: IntArray) -> Curve | None:
    """Buy at the first open and keep, without costs; a day without bars keeps the close before it.

    Of several symbols equal parts are held. None where the bars are gone or have no one price: the page then
    says nothing about holding.
    """
    try:
        parts = [_held(record, symbol, source, days) for symbol in symbols_of(record.symbol)]
    except DataError as error:
        _log.warning("page of %s %s without holding: %s", record.strategy, record.symbol, error)
        return None
    if not all(part.size for part in parts):
        return None
    return Curve("buy and hold", days, daily_returns_of(np.mean(parts, axis=0), 1.0))


def _held(record: VerdictRecord, symbol: str, source: HistorySource, days: IntArray) -> FloatArray:
    """Value of a symbol at each day's end in units of its first open; none without bars."""
    bars = source.bars(symbol, record.timeframe, Window(int(days[0]), int(days[-1]) + DAY_MS))
    if not len(bars):
        return np.empty(0)
    last = np.searchsorted(bars.ts, days + DAY_MS) - 1
    closes: FloatArray = np.where(last >= 0, bars.close[np.maximum(last, 0)], bars.open[0])
    relative: FloatArray = closes / bars.open[0]
    return relative


def _incumbent(stored: Mapping[int, float], days: IntArray) -> Curve | None:
    common = [int(day) for day in days if int(day) in stored]
    if not common:
        return None
    returns = np.array([stored[day] for day in common], dtype=np.float64)
    return Curve(INCUMBENT, np.array(common, dtype=np.int64), returns)
