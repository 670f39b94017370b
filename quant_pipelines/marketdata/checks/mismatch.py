"""Two sources' bars of the same symbol: our roll-ups and the exchange's own, or two exchanges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import BoolArray, FloatArray
from quant_pipelines.core.bars import COLUMNS, PRICE_COLUMNS, BarRows, Bars
from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.marketdata.checks.finding import BLOCK, WARNING, Finding

ROLL_UP_MISMATCH, SOURCE_MISMATCH = "roll_up_mismatch", "source_mismatch"
_BLOCKS_ABOVE = 0.005


@dataclass(frozen=True, slots=True)
class Agreement:
    """What counts as the same.

    Parameters
    ----------
    check_name
        Name of the finding.
    columns
        What is compared. Quote volume and trades never are: recorded history often lacks them.
    tolerance
        Relative difference up to which values agree.
    blocks_above
        Relative difference of a price above which a day is unfit for research.
    """

    check_name: str
    columns: Sequence[str] = COLUMNS
    tolerance: float = 1e-9  # sums of volumes differ in the last digits
    blocks_above: float = _BLOCKS_ABOVE


ROLL_UPS = Agreement(ROLL_UP_MISMATCH)


def same_venue() -> Agreement:
    """Compare every price and volume of two files of one venue, exactly."""
    return Agreement(SOURCE_MISMATCH)


def other_venue(tolerance: float) -> Agreement:
    """Compare closes of two venues: each has its own prices, so only a distance is a fault, and it warns."""
    return Agreement(SOURCE_MISMATCH, ("close",), tolerance, np.inf)


def find_mismatches(
    ours: BarRows | Bars, theirs: BarRows | Bars, agreement: Agreement = ROLL_UPS
) -> dict[date, Finding]:
    """Compare the bars that both have; a finding for each UTC day with a difference."""
    ts, left, right = np.intersect1d(ours.ts, theirs.ts, return_indices=True)
    distance = np.stack(
        [_distance(getattr(ours, name)[left], getattr(theirs, name)[right]) for name in agreement.columns],
        axis=1,
    )
    differs: BoolArray = ~(distance <= agreement.tolerance)
    at_fault = np.flatnonzero(differs.any(axis=1))
    is_price = np.isin(agreement.columns, PRICE_COLUMNS)
    found: dict[date, Finding] = {}
    for day in np.unique(ts[at_fault] // DAY_MS):
        rows = at_fault[ts[at_fault] // DAY_MS == day]
        first = int(rows[0])
        column = agreement.columns[int(np.argmax(differs[first]))]
        worst = float(np.max(distance[rows][:, is_price]))
        detail: dict[str, Any] = {
            "column": column,
            "ours": float(getattr(ours, column)[left[first]]),
            "theirs": float(getattr(theirs, column)[right[first]]),
            "worst_price_difference": worst if np.isfinite(worst) else None,
        }
        severity = WARNING if worst <= agreement.blocks_above else BLOCK
        times = tuple(ts[rows].tolist())
        found[date.fromisoformat(day_of(int(day) * DAY_MS))] = Finding(
            agreement.check_name, severity, times, detail
        )
    return found


def _distance(left: FloatArray, right: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        relative: FloatArray = np.abs(left - right) / np.abs(right)
    return np.where(left == right, 0.0, relative)
