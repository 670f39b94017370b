"""Funding payments beside their slots, or missing.

An exchange may change a symbol's interval at any payment: that is no fault.
"""

from datetime import date

import numpy as np

from quant_pipelines.core.arrays import BoolArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_of
from quant_pipelines.marketdata.checks.finding import WARNING, Finding, at_fault

OFF_SLOT_FUNDING, MISSING_FUNDING = "off_slot_funding", "missing_funding"
_INTERVALS = np.array([1, 2, 4, 8], dtype=np.int64)
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


def funding_intervals(slots: IntArray) -> IntArray:
    """Hours that each payment stands for: the shorter distance to a neighbor, rounded up to 1, 2, 4 or 8.

    Parameters
    ----------
    slots
        Payments in hours since the epoch, increasing. ndarray of shape (n_payments,), int64.

    Returns
    -------
    IntArray
        Shape (n_payments,); 8 for a payment without neighbors.
    """
    steps = np.diff(slots)
    longest = int(_INTERVALS[-1])
    before = np.concatenate([[longest], steps])
    after = np.concatenate([steps, [longest]])
    nearest = np.clip(np.minimum(before, after), 1, longest)
    intervals: IntArray = _INTERVALS[np.searchsorted(_INTERVALS, nearest)]
    return intervals


def _is_off_slot(stamps: IntArray) -> BoolArray:
    slots = stamps // HOUR_MS
    is_twice = np.diff(slots, prepend=-1) == 0
    off_grid = slots % funding_intervals(slots) != 0
    is_off: BoolArray = is_twice | off_grid | (stamps - slots * HOUR_MS > _TOLERANCE_MS)
    return is_off


def _missing(slots: IntArray) -> IntArray:
    """Slots (hours) in steps that are longer than both neighbors, or than any interval there is."""
    steps = np.diff(slots)
    if not steps.size:
        return np.empty(0, dtype=np.int64)
    longest = int(_INTERVALS[-1])
    neighbors = np.maximum(np.concatenate([[longest], steps[:-1]]), np.concatenate([steps[1:], [longest]]))
    known = np.clip(neighbors, 1, longest)
    holes = np.flatnonzero(steps > known)
    missing = [np.arange(slots[at] + known[at], slots[at + 1], known[at]) for at in holes]
    return np.concatenate(missing).astype(np.int64) if missing else np.empty(0, dtype=np.int64)
