"""A feed that has stopped without an error."""

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, floor_ms
from quant_pipelines.marketdata.checks.finding import WARNING, Day, Finding, at_fault

_PATIENCE_MS = 10 * MINUTE_MS


def find_stale(day: Day) -> Finding | None:
    """Today's newest bars are missing for ten minutes, and two bars, or more."""
    bars = day.bars
    if not len(bars) or floor_ms(day.now_ms, DAY_MS) != floor_ms(int(bars.ts[0]), DAY_MS):
        return None
    late_ms = day.now_ms - int(bars.close_ts[-1])
    if late_ms <= max(_PATIENCE_MS, 2 * bars.step_ms):
        return None
    missing = np.arange(int(bars.close_ts[-1]), day.now_ms - bars.step_ms + 1, bars.step_ms, dtype=np.int64)
    return at_fault("stale_feed", WARNING, missing, {"late_minutes": late_ms // MINUTE_MS})
