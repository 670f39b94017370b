"""Funding payments beside their slots, or missing.

An exchange may change a symbol's interval at any payment: that is no fault.
"""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import BoolArray, IntArray
from quant_pipelines.core.known_funding import funding_intervals, holes
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_of
from quant_pipelines.marketdata.checks.finding import WARNING, Finding, at_fault

OFF_SLOT_FUNDING, MISSING_FUNDING = "off_slot_funding", "missing_funding"
_TOLERANCE_MS = MINUTE_MS


def check_funding(stamps: IntArray) -> dict[date, list[Finding]]:
    """Check the stamps of one symbol's payments; findings by UTC day.

    Parameters
    ----------
    stamps
        The exchange's stamps or the slots that they were floored to, milliseconds UTC, increasing.
        ndarray of shape (n_payments,), int64.
    """
    if not stamps.size:
        return {}
    slots = stamps // HOUR_MS
    faults = {OFF_SLOT_FUNDING: stamps[_is_off_slot(stamps)], MISSING_FUNDING: _missing(slots) * HOUR_MS}
    found: dict[date, list[Finding]] = {}
    for name, times in faults.items():
        for day in np.unique(times // DAY_MS):
            finding = at_fault(name, WARNING, times[times // DAY_MS == day])
            if finding:
                found.setdefault(date.fromisoformat(day_of(int(day) * DAY_MS)), []).append(finding)
    return found


def _is_off_slot(stamps: IntArray) -> BoolArray:
    slots = stamps // HOUR_MS
    is_twice = np.diff(slots, prepend=-1) == 0
    off_grid = slots % funding_intervals(slots) != 0
    is_off: BoolArray = is_twice | off_grid | (stamps - slots * HOUR_MS > _TOLERANCE_MS)
    return is_off


def _missing(slots: IntArray) -> IntArray:
    """Slots (hours) in the holes between payments."""
    missing = [np.arange(before + interval, after, interval) for before, after, interval in holes(slots)]
    return np.concatenate([np.empty(0, dtype=np.int64), *missing])
