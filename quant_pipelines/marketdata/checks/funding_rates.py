"""Funding rates that are no fractions: quote per contract, or percent.

Above `LARGEST_RATE` nothing is paid anywhere. Rates in percent are a hundred times too large and mostly below
that, but stay large for days: the median of a week never reached 0.3 % in real history, not at squeezes, so
half a percent is refused. The rate that quiet markets rest at, 0.0001, stands there as 0.01 again and again.
"""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray, IntArray
from quant_pipelines.core.funding import LARGEST_RATE
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.marketdata.checks.finding import BLOCK, Finding, by_day

FUNDING_RATE = "funding_rate"
_LARGEST_MEDIAN = 0.005
_WEEK_MS = 7 * DAY_MS
_PAYMENTS_OF_A_WEEK, _FEWEST_AT_REST = 21, 6
_REST_IN_PERCENT = 0.01


def check_funding_rates(ts: IntArray, rate: FloatArray) -> dict[date, Finding]:
    """Find rates that no exchange pays; a blocking finding for each UTC day.

    Parameters
    ----------
    ts
        Payments, milliseconds UTC, increasing. ndarray of shape (n_payments,), int64.
    rate
        Fraction of the position's value. ndarray of shape (n_payments,), float64.
    """
    beyond = ~(np.abs(rate) <= LARGEST_RATE)
    percent = _in_percent(ts, np.abs(rate)) & ~beyond
    largest = float(np.abs(rate).max()) if rate.size else 0.0
    why = f"a rate of {largest:.4g} is beyond what any exchange pays; is it quote per contract?"
    asks = "rates stay where only percent are; is 0.01 meant as 0.01 %?"
    return by_day(FUNDING_RATE, BLOCK, ts[percent], {"why": asks}) | by_day(
        FUNDING_RATE, BLOCK, ts[beyond], {"why": why}
    )


def _in_percent(ts: IntArray, size: FloatArray) -> BoolArray:
    """Payments of weeks, each from one of them on, in which the rates are too large together."""
    odd = np.zeros(ts.size, dtype=bool)
    first = 0
    while first < ts.size:
        end = int(np.searchsorted(ts, ts[first] + _WEEK_MS))
        week = size[first:end]
        at_rest = np.isclose(week, _REST_IN_PERCENT, rtol=1e-6).mean() > 0.5
        enough = _FEWEST_AT_REST if at_rest else _PAYMENTS_OF_A_WEEK
        odd[first:end] = week.size >= enough and float(np.median(week)) > _LARGEST_MEDIAN
        first = end
    return odd
