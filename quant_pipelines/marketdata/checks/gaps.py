"""Bars that should be there and are not."""

import numpy as np

from quant_pipelines.marketdata.checks.finding import BLOCK, WARNING, Day, Finding, at_fault

BLOCKS_ABOVE = 0.02
"""Share of a day's bars that may be missing before the day is unfit for research."""


def find_gaps(day: Day) -> Finding | None:
    """Bars that should be there and are not; few of them warn, many block."""
    missing = np.setdiff1d(day.expected, day.bars.ts)
    if missing.size == 0:
        return None
    share = missing.size / day.expected.size
    severity = BLOCK if share > BLOCKS_ABOVE else WARNING
    return at_fault("gaps", severity, missing, {"share": round(share, 4)})
