"""What a check looks at and what it answers; nothing here knows a single check."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np

from quant_pipelines.core.arrays import BoolArray, IntArray
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.timeframes import DAY_MS, day_of, from_ms

FindingSeverity: TypeAlias = Literal["warning", "block"]
WARNING: FindingSeverity = "warning"
BLOCK: FindingSeverity = "block"
"""Research must not use the day."""
_EXAMPLES = 5
_NOTHING: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault in the data of one UTC day.

    Parameters
    ----------
    check_name
        Check that found it.
    severity
        ``warning``, or ``block`` where research must not use the day.
    times
        Bars (or payments, or moments) at fault, milliseconds UTC.
    detail
        What a person needs beside the first times.
    """

    check_name: str
    severity: FindingSeverity
    times: tuple[int, ...]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many bars are at fault."""
        return len(self.times)

    def to_row(self) -> dict[str, Any]:
        """Columns of ``market.data_findings``: the first times stand in the detail."""
        return {
            "check_name": self.check_name,
            "severity": self.severity,
            "count": self.count,
            "detail": {"at": spelled(self.times)} | self.detail,
        }


@dataclass(frozen=True, slots=True)
class Day:
    """Bars of one symbol and one UTC day, and what there should be.

    Parameters
    ----------
    bars
        Bars whose open time lies in the day.
    expected
        Open times of the bars that must be there, milliseconds UTC; without those that the exchange said
        never existed. ndarray of shape (n_expected,), int64.
    now_ms
        Time of the check: a bar that closes later is not closed.
    around
        The day's bars with their neighbors of the days before and after, as far as they are known.
    confirmed
        Open times of odd bars that the exchange, asked again, confirmed. ndarray, int64.
    witness
        Bars of another timeframe that the exchange made on its own; empty without any.
    """

    bars: Bars
    expected: IntArray
    now_ms: int
    around: Bars
    confirmed: IntArray = field(default_factory=lambda: _NOTHING)
    witness: Bars = field(default_factory=lambda: empty_bars("", "1h"))

    def suspected(
        self, name: str, severity: FindingSeverity, is_odd: BoolArray, **detail: Any
    ) -> Finding | None:
        """Report those odd bars of the day that the exchange has not confirmed."""
        return at_fault(name, severity, self.bars.ts[is_odd & ~np.isin(self.bars.ts, self.confirmed)], detail)


def at_fault(
    name: str, severity: FindingSeverity, times: IntArray, detail: dict[str, Any] | None = None
) -> Finding | None:
    """Report these times; None without any."""
    return Finding(name, severity, tuple(times.tolist()), detail or {}) if times.size else None


def by_day(
    name: str, severity: FindingSeverity, times: IntArray, detail: dict[str, Any] | None = None
) -> dict[date, Finding]:
    """Report these times, a finding for each UTC day."""
    days = times // DAY_MS
    return {
        date.fromisoformat(day_of(int(day) * DAY_MS)): Finding(
            name, severity, tuple(times[days == day].tolist()), detail or {}
        )
        for day in np.unique(days)
    }


def spelled(times: tuple[int, ...]) -> list[str]:
    """First few times, for a person."""
    return [f"{from_ms(time):%Y-%m-%d %H:%M}" for time in times[:_EXAMPLES]]


def runs_of(flags: BoolArray, shortest: int) -> BoolArray:
    """Keep the flags that stand in an uninterrupted run of at least ``shortest``; same shape."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    kept = np.zeros(flags.size, dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        kept[start:end] = end - start >= shortest
    return kept
