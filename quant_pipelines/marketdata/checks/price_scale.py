"""Redenominations and splits: the scale of the price jumps between two bars, that of the volume inversely.

A market that crashes does so inside of bars, and its volume rises or stays; where nothing but the unit of the
coin changes, the price jumps from one bar's close to the next one's open by a factor, the volume falls by the
same, and the turnover goes on as before. Between two bars of real history the price never jumped by more than
12 %, across outages either. From a factor of 1.4 on (the smallest usual split is three for two) the volume
decides: on a logarithmic scale it must lie nearer to the inverse of the jump than to where it was.
"""

from datetime import date

import numpy as np

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.price_factors import PRICE_SCALE
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.marketdata.checks.finding import BLOCK, Finding, by_day

_LEAST_JUMP = np.log(1.4)
_LEVEL_MS, _LEVEL_BARS = 7 * DAY_MS, 24  # a week levels days out that are busier than others
_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0)


def check_price_scale(bars: Bars) -> dict[date, Finding]:
    """Find changes of the price's scale that no recorded factor explains; a blocking one for each UTC day.

    Parameters
    ----------
    bars
        In order of time, adjusted by the factors that are recorded.

    Returns
    -------
    dict
        By the day of the first bar of the new scale; the detail has its ``factor``, new price by old.
    """
    found: dict[date, Finding] = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        jump = np.log(bars.open[1:] / bars.close[:-1])
    span = max(_LEVEL_MS // bars.step_ms, _LEVEL_BARS)
    jumps = np.flatnonzero(np.abs(jump) > _LEAST_JUMP) + 1
    edges = [0, *jumps.tolist(), len(bars)]
    for first, at, end in zip(edges, edges[1:-1], edges[2:], strict=False):
        size = float(jump[at - 1])
        # Up to the neighboring jumps: beyond them the volume may have another scale.
        before = _level(bars, max(first, at - span), at)
        after = _level(bars, at, min(end, at + span))
        if abs(after - before + size) < abs(size) / 2:  # False for NaN: without volume nothing is known
            factor = nearest_round(float(np.exp(size)))
            why = "the price's scale jumps while volume moves inversely; record it with quant data factor"
            detail = {"factor": factor, "why": why}
            found |= by_day(PRICE_SCALE, BLOCK, bars.ts[at : at + 1], detail)
    return found


def nearest_round(ratio: float) -> float:
    """Round number, or one divided by it, nearest to a ratio on a logarithmic scale.

    Examples
    --------
    >>> nearest_round(998.1), nearest_round(0.2013)
    (1000.0, 0.2)
    """
    size = max(ratio, 1 / ratio)
    powers = 10.0 ** np.arange(13)
    candidates = np.outer(powers, _ROUND).ravel()
    nearest = float(candidates[np.argmin(np.abs(np.log(candidates / size)))])
    return nearest if ratio >= 1 else 1 / nearest


def _level(bars: Bars, first: int, end: int) -> float:
    """Logarithm of the usual volume; NaN without any."""
    volume = bars.volume[first:end]
    traded = volume[volume > 0]
    return float(np.median(np.log(traded))) if traded.size else float("nan")
