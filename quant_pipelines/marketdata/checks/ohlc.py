"""Bars whose prices contradict each other."""

import numpy as np

from quant_pipelines.marketdata.checks.finding import BLOCK, Day, Finding, at_fault


def find_ohlc(day: Day) -> Finding | None:
    """Bars without 0 < low ≤ open, close ≤ high, or with a negative volume."""
    bars = day.bars
    body_low, body_high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    is_sound = (bars.low > 0) & (bars.low <= body_low) & (body_high <= bars.high) & np.isfinite(bars.high)
    is_sound &= (bars.volume >= 0) & np.isfinite(bars.volume)
    return at_fault("ohlc", BLOCK, bars.ts[~is_sound])
