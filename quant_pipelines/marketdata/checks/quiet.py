"""Bars in which nothing happens for suspiciously long: no volume, or no movement of the price."""

import numpy as np

from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.marketdata.checks.finding import WARNING, Day, Finding, runs_of

_SHORTEST_MS = 30 * MINUTE_MS
_FEWEST_BARS = 6


def find_zero_volume(day: Day) -> Finding | None:
    """Half an hour, and six bars, or more without any volume."""
    return day.suspected("zero_volume", WARNING, runs_of(day.bars.volume == 0, _shortest(day)))


def find_frozen_price(day: Day) -> Finding | None:
    """Half an hour, and six bars, or more with volume but with one and the same price."""
    bars = day.bars
    stands = (bars.high == bars.low) & (bars.volume > 0)
    stands[1:] &= bars.close[1:] == bars.close[:-1]
    return day.suspected("frozen_price", WARNING, runs_of(stands, _shortest(day)))


def _shortest(day: Day) -> int:
    return max(_FEWEST_BARS, int(np.ceil(_SHORTEST_MS / day.bars.step_ms)))
