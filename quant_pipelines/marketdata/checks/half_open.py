"""Bars that were stored before they closed: for certain by the clock, or suspected by what follows them."""

import numpy as np

from quant_pipelines.marketdata.checks.finding import BLOCK, WARNING, Day, Finding, at_fault

_FLOOR = 3e-4
_FACTOR = 20.0
_LEAST_BARS = 3


def find_half_open(day: Day) -> Finding | None:
    """Bars that are stored although they have not closed."""
    return at_fault("half_open_bar", BLOCK, day.bars.ts[day.bars.close_ts > day.now_ms])


def find_suspected_half_open(day: Day) -> Finding | None:
    """Bars whose close is far from the next bar's open, as with a bar that was saved while still open.

    Far is more than 3 bps and more than twenty times the upper quartile of the days around, so that venues
    whose bars never join exactly are not blamed, and a few faults don't hide each other. A suspicion, hence a
    warning: comparing with another source proves.
    """
    around = day.around
    if len(around) < _LEAST_BARS:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        jump = np.abs(np.log(around.open[1:] / around.close[:-1]))
    jump[np.diff(around.ts) != around.step_ms] = 0.0
    limit = max(_FLOOR, _FACTOR * float(np.nanpercentile(jump, 75)))
    odd = around.ts[:-1][jump > limit]
    return day.suspected("suspected_half_open_bar", WARNING, np.isin(day.bars.ts, odd))
