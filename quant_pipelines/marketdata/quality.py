"""Quality checks on bars: pure functions from bars to findings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import BoolArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, from_ms

WARNING, BLOCK = "warning", "block"
GAP_BLOCKS_ABOVE = 0.02
"""Share of a day's bars that may be missing before the day is unfit for research."""
_DISCONTINUITY_FLOOR = 2e-4
_DISCONTINUITY_FACTOR = 10.0
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault in the bars of one UTC day.

    Parameters
    ----------
    check_name
        Check that found it.
    severity
        ``warning``, or ``block`` where research must not use the day.
    count
        Bars at fault.
    detail
        What a person needs to look at it; ``at`` names the first bars.
    """

    check_name: str
    severity: str
    count: int
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Day:
    """Stored bars of one symbol and one UTC day, and what there should be.

    Parameters
    ----------
    bars
        Bars whose open time lies in the day.
    expected
        Open times of the bars that must be there, milliseconds UTC. ndarray of shape (n_expected,), int64.
    now_ms
        Time of the check: a bar that closes later is not closed.
    """

    bars: Bars
    expected: IntArray
    now_ms: int


def find_gaps(day: Day) -> Finding | None:
    """Bars that should be there and are not; few of them warn, many block."""
    missing = np.setdiff1d(day.expected, day.bars.ts)
    if missing.size == 0:
        return None
    share = missing.size / day.expected.size
    severity = BLOCK if share > GAP_BLOCKS_ABOVE else WARNING
    return Finding("gaps", severity, int(missing.size), {"at": _times(missing), "share": round(share, 4)})


def find_duplicates(day: Day) -> Finding | None:
    """Bars whose open time is there twice."""
    return _at_fault("duplicates", BLOCK, day.bars, np.diff(day.bars.ts, prepend=-1) <= 0)


def find_ohlc(day: Day) -> Finding | None:
    """Bars without 0 < low ≤ open, close ≤ high, or with a negative volume."""
    bars = day.bars
    body_low, body_high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    is_sound = (bars.low > 0) & (bars.low <= body_low) & (body_high <= bars.high) & np.isfinite(bars.high)
    return _at_fault("ohlc", BLOCK, bars, ~(is_sound & (bars.volume >= 0)))


def find_half_open(day: Day) -> Finding | None:
    """Bars that are stored although they have not closed."""
    return _at_fault("half_open_bar", BLOCK, day.bars, day.bars.close_ts > day.now_ms)


def find_discontinuity(day: Day) -> Finding | None:
    """Bars whose close is far from the next bar's open, as with a bar that was saved while still open.

    Far is more than 2 bps and more than ten times the day's own 90th percentile, so that venues whose bars
    never join exactly are not blamed. A suspicion, hence a warning.
    """
    bars = day.bars
    if len(bars) < 3:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        jump = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
    jump[np.diff(bars.ts) != bars.step_ms] = 0.0
    limit = max(_DISCONTINUITY_FLOOR, _DISCONTINUITY_FACTOR * float(np.nanpercentile(jump, 90)))
    return _at_fault("suspected_half_open_bar", WARNING, bars, np.append(jump > limit, False))


ROLL_UP_MISMATCH = "roll_up_mismatch"

CHECKS: dict[str, Callable[[Day], Finding | None]] = {
    "gaps": find_gaps,
    "duplicates": find_duplicates,
    "ohlc": find_ohlc,
    "half_open_bar": find_half_open,
    "suspected_half_open_bar": find_discontinuity,
}


SHOWN: dict[str, str] = {name: str(check.__doc__) for name, check in CHECKS.items()} | {
    ROLL_UP_MISMATCH: "Bars of the exchange that differ from the roll-ups of its 1-minute bars.",
}
"""Every kind of finding with its description."""


def check_day(bars: Bars, day_start_ms: int, *, first_ms: int, now_ms: int) -> list[Finding]:
    """Run every check on one UTC day.

    A finished day must be complete. Today must be complete up to its newest bar: bars that are late are the
    concern of the market health, not a gap.

    Parameters
    ----------
    bars
        Bars whose open time lies in the day.
    day_start_ms
        Start of the day, milliseconds UTC.
    first_ms
        Open time of the symbol's first bar ever: nothing is missing before it.
    now_ms
        Time of the check.
    """
    end = day_start_ms + DAY_MS
    if end > now_ms:
        end = int(bars.ts.max()) if len(bars) else day_start_ms
    expected = np.arange(max(day_start_ms, first_ms), end, bars.step_ms, dtype=np.int64)
    day = Day(bars, expected, now_ms)
    return [finding for check in CHECKS.values() if (finding := check(day)) is not None]


def _at_fault(name: str, severity: str, bars: Bars, is_bad: BoolArray) -> Finding | None:
    count = int(np.count_nonzero(is_bad))
    return Finding(name, severity, count, {"at": _times(bars.ts[is_bad])}) if count else None


def _times(ts: IntArray) -> list[str]:
    return [from_ms(int(value)).strftime("%Y-%m-%d %H:%M") for value in ts[:_EXAMPLES]]
