"""Open times that can't be: twice there, beside the timeframe's grid, or out of order."""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.marketdata.checks.finding import BLOCK, WARNING, Day, Finding, at_fault, by_day

UNORDERED = "unordered"


def find_unordered(ts: IntArray) -> dict[date, Finding]:
    """Rows that come after a later one, by the UTC day of each; for files, before they are sorted."""
    late = ts[1:][np.diff(ts) < 0]
    return by_day(UNORDERED, WARNING, late)


def find_duplicates(day: Day) -> Finding | None:
    """Bars whose open time is there twice."""
    return at_fault("duplicates", BLOCK, day.bars.ts[np.diff(day.bars.ts, prepend=-1) <= 0])


def find_off_grid(day: Day) -> Finding | None:
    """Bars that do not open at a multiple of their timeframe."""
    return at_fault("off_grid", BLOCK, day.bars.ts[day.bars.ts % day.bars.step_ms != 0])
