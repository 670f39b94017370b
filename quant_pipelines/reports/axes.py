"""Axes: from values to places between 0 and 1000, with ticks that a person would choose."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.reports.numbers import plain

SIZE = 1000.0
_STEPS_MS = (
    *(minutes * MINUTE_MS for minutes in (5, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 4, 6, 12)),
    *(days * DAY_MS for days in (1, 2, 4, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60)


class Axis(NamedTuple):
    """Range of values with its ticks (value, text)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_log: bool = False

    def place(self, values: FloatArray) -> FloatArray:
        """Places in [0, 1000], 0 at the low end; shape as given, NaN stays."""
        given = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.is_log:
            given, low, high = np.log(given), math.log(low), math.log(high)
        placed: FloatArray = (given - low) / (high - low) * SIZE
        return placed


def number_axis(
    values: FloatArray, text: Callable[[float], str] = plain, *, count: int = 5, has_zero: bool = False
) -> Axis:
    """Linear axis that holds all finite values, ends at its outermost ticks."""
    low, high = _extent(values)
    if has_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    step = _nice_step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    at = [n * step for n in range(first, last + 1)]
    return Axis(at[0], at[-1], tuple((value, text(value)) for value in at))


def money_axis(values: FloatArray, text: Callable[[float], str] = plain) -> Axis:
    """Axis of an equity: logarithmic where it is positive and spans more than a factor of ten."""
    low, high = _extent(values)
    if low <= 0.0 or high < 10.0 * low:
        return number_axis(values, text)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    at = [factor * 10.0**decade for decade in decades for factor in (1.0, 2.0, 5.0)]
    inside = [value for value in at if low <= value <= high]
    kept = inside[:: max(1, len(inside) // 6)]
    return Axis(low, high, tuple((value, text(value)) for value in kept), is_log=True)


def time_axis(start_ms: int, end_ms: int, count: int = 7) -> Axis:
    """Axis of UTC times with at most about ``count`` ticks at round days, months or years."""
    end_ms = max(end_ms, start_ms + 1)
    wanted = (end_ms - start_ms) / count
    step = next((step for step in _STEPS_MS if step >= wanted), None)
    if step is None:
        return Axis(start_ms, end_ms, _month_ticks(start_ms, end_ms, wanted))
    form = "%m-%d %H:%M" if step < DAY_MS else "%Y-%m-%d"
    first = -(-start_ms // step) * step
    ticks = tuple((float(at), f"{from_ms(at):{form}}") for at in range(first, end_ms + 1, step))
    return Axis(start_ms, end_ms, ticks)


def _month_ticks(start_ms: int, end_ms: int, wanted: float) -> tuple[tuple[float, str], ...]:
    months = next((months for months in _MONTHS if months * 30.5 * DAY_MS >= wanted), _MONTHS[-1])
    start = from_ms(start_ms)
    number = -(-(start.year * 12 + start.month - 1) // months) * months
    ticks: list[tuple[float, str]] = []
    while True:
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=start.tzinfo)
        at = to_ms(moment)
        if at > end_ms:
            return tuple(ticks)
        if at >= start_ms:
            ticks.append((float(at), f"{moment:%Y}" if months >= 12 else f"{moment:%Y-%m}"))
        number += months


def _extent(values: FloatArray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1.0, 2.0, 2.5, 5.0) if factor * power >= rough), 10.0 * power)
