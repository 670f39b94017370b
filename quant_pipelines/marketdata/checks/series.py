"""Runs every check that looks at bars over a series, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.marketdata.checks import CHECKS, Day, Finding

_NOTHING: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a series beside its bars.

    Parameters
    ----------
    first_ms
        Open time of the symbol's first bar ever, milliseconds UTC: nothing is missing before it.
    missing
        Open times of bars that the exchange said never existed. ndarray, int64.
    confirmed
        Open times of odd bars that it confirmed. ndarray, int64.
    witness
        Bars of another timeframe that it made on its own; empty without any.
    """

    first_ms: int = 0
    missing: IntArray = field(default_factory=lambda: _NOTHING)
    confirmed: IntArray = field(default_factory=lambda: _NOTHING)
    witness: Bars = field(default_factory=lambda: empty_bars("", "1h"))


def check_series(
    bars: Bars, window: Window, *, now_ms: int, known: Known | None = None
) -> Iterator[tuple[date, Finding]]:
    """Check the UTC days that begin in a window.

    A finished day must be complete. Today must be complete up to its newest bar: bars that are late are a
    stale feed, not a gap.

    Parameters
    ----------
    bars
        Bars in order of time; those of the days before and after are looked at as neighbors.
    window
        From midnight to midnight.
    now_ms
        Time of the check.
    known
        What is known beside the bars.
    """
    facts = known or Known()
    for midnight in range(window.start_ms, window.end_ms, DAY_MS):
        day = _day(bars, midnight, now_ms, facts)
        for check in CHECKS.values():
            finding = check.find(day) if check.find else None
            if finding is not None:
                yield date.fromisoformat(day_of(midnight)), finding


def _day(bars: Bars, midnight: int, now_ms: int, known: Known) -> Day:
    inside = bars.between(midnight, midnight + DAY_MS)
    end = midnight + DAY_MS
    if end > now_ms:
        end = int(inside.ts.max()) if len(inside) else midnight
    first = max(midnight, -(-known.first_ms // bars.step_ms) * bars.step_ms)
    expected = np.arange(first, end, bars.step_ms, dtype=np.int64)
    return Day(
        bars=inside,
        expected=expected[~np.isin(expected, known.missing)],
        now_ms=now_ms,
        around=bars.between(midnight - DAY_MS, midnight + 2 * DAY_MS),
        confirmed=known.confirmed,
        witness=known.witness.between(midnight - DAY_MS, midnight + 2 * DAY_MS),
    )
