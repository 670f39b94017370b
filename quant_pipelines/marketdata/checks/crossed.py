"""Order books whose best bid reaches their best ask."""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.marketdata.checks.finding import WARNING, Finding

CROSSED_BOOK = "crossed_book"


def check_tops(ts: IntArray, bid: FloatArray, ask: FloatArray) -> dict[date, Finding]:
    """Find crossed (bid above ask), locked (equal) and impossible tops; a finding for each UTC day.

    Parameters
    ----------
    ts
        Moments, milliseconds UTC. ndarray of shape (n_tops,), int64.
    bid, ask
        Best prices, quote per base. ndarray of shape (n_tops,), float64.
    """
    is_bad = ~((bid > 0) & (bid < ask) & np.isfinite(ask))
    found = {}
    for day in np.unique(ts[is_bad] // DAY_MS):
        here = is_bad & (ts // DAY_MS == day)
        detail = {
            "crossed": int((bid[here] > ask[here]).sum()),
            "locked": int((bid[here] == ask[here]).sum()),
        }
        times = tuple(ts[here].tolist())
        found[date.fromisoformat(day_of(int(day) * DAY_MS))] = Finding(CROSSED_BOOK, WARNING, times, detail)
    return found
