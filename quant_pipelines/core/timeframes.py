"""Timeframes and the UTC millisecond arithmetic of bars.

A bar is labelled by its open time; ``close_ms`` is the open time of the next bar.
"""

from datetime import UTC, datetime

from quant_pipelines.core.errors import ConfigurationError, unknown_name

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_DAYS = 365
EXECUTION_TIMEFRAME = "1m"
"""Bars on which fills and stops are decided wherever they are stored."""

TIMEFRAMES: dict[str, int] = {
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}


def timeframe_ms(timeframe: str) -> int:
    """Length of a timeframe in milliseconds.

    Raises
    ------
    ConfigurationError
        If the timeframe is not one of 1m, 5m, 15m, 1h, 4h, 1d.
    """
    if timeframe not in TIMEFRAMES:
        raise ConfigurationError(unknown_name("timeframe", timeframe, TIMEFRAMES))
    return TIMEFRAMES[timeframe]


def floor_ms(ts_ms: int, step_ms: int) -> int:
    """Largest multiple of ``step_ms`` that is not after ``ts_ms``."""
    return ts_ms - ts_ms % step_ms


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime.

    Raises
    ------
    ConfigurationError
        If the datetime has no timezone.
    """
    if moment.tzinfo is None:
        raise ConfigurationError(f"time {moment.isoformat()!r} has no timezone; expected UTC")
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * DAY_MS + delta.seconds * 1000 + delta.microseconds // 1000


def from_ms(ts_ms: int) -> datetime:
    """Aware UTC datetime of milliseconds since the epoch."""
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC)


def day_of(ts_ms: int) -> str:
    """UTC day of a timestamp as ``YYYY-MM-DD``, the key of a daily partition."""
    return from_ms(ts_ms).strftime("%Y-%m-%d")


def day_start_ms(day: str) -> int:
    """First millisecond of a UTC day given as ``YYYY-MM-DD``.

    Raises
    ------
    ConfigurationError
        If the text is not a date.
    """
    try:
        return to_ms(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError as error:
        raise ConfigurationError(f"day {day!r} is not a date; expected YYYY-MM-DD") from error


def warm_from_ms(at_ms: int, history_bars: int, step_ms: int) -> int:
    """Open time from which bars are read so that a decision at a time no longer depends on where they begin.

    Parameters
    ----------
    at_ms
        First decision, milliseconds UTC.
    history_bars
        Bars after which the strategy has forgotten the first one.
    step_ms
        Length of a bar.
    """
    return at_ms - (history_bars + 1) * step_ms
