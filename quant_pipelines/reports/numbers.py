"""How numbers, times and measures are written for a person."""

import math
from typing import Any

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, from_ms
from quant_pipelines.metrics.measures import DAYS, FRACTION, HOURS, NUMBER, QUOTE

NOTHING = "–"  # noqa: RUF001 - a dash is what a table shows for nothing


def percent(value: float | None, digits: int = 2) -> str:
    """Fraction as per cent with its sign: ``-3.20 %``."""
    return NOTHING if _is_unknown(value) else f"{100.0 * float(value or 0.0):,.{digits}f} %"


def money(value: float | None) -> str:
    """Amount of quote currency, two decimals."""
    return NOTHING if _is_unknown(value) else f"{value:,.2f}"


def plain(value: float | None, digits: int = 6) -> str:
    """Write a number of so many significant digits, with thousands separated and no exponent."""
    if value is None or _is_unknown(value):
        return NOTHING
    if value == 0.0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(decimals, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def value_text(known: Any, digits: int = 6) -> str:
    """Write a number as ``plain`` does; a name, or a yes or no, as it is."""
    is_number = isinstance(known, int | float) and not isinstance(known, bool)
    return plain(known, digits) if is_number else str(known)


def duration(ms: float) -> str:
    """Length of time in its two largest units: ``3 d 4 h``."""
    if ms < HOUR_MS:
        return f"{ms / MINUTE_MS:.0f} min"
    if ms < DAY_MS:
        hours, rest = divmod(round(ms / MINUTE_MS), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(ms / HOUR_MS), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def day(ms: float) -> str:
    """UTC day of a time."""
    return f"{from_ms(int(ms)):%Y-%m-%d}"


def minute(ms: float) -> str:
    """UTC day and minute of a time."""
    return f"{from_ms(int(ms)):%Y-%m-%d %H:%M}"


def measure(value: float | None, unit: str) -> str:
    """Value of a measure in its unit; a dash where it isn't defined."""
    if value is None or _is_unknown(value):
        return NOTHING
    if unit == FRACTION:
        return percent(value)
    if unit == HOURS:
        return duration(value * HOUR_MS)
    return {QUOTE: money(value), NUMBER: f"{value:,.0f}", DAYS: f"{value:,.0f} d"}.get(unit, f"{value:,.2f}")


def words(name: str) -> str:
    """Name of ours as words: ``hard_stop`` becomes ``hard stop``."""
    return name.replace("_", " ")


def _is_unknown(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
