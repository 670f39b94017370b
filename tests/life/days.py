"""Time of a world: a year of days, each with the moments at which the pipelines run."""

from datetime import date, datetime, timedelta
from typing import Final

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms

NEW_YEAR: Final = date(2026, 1, 1)
_NEW_YEAR_MS: Final = day_start_ms(NEW_YEAR.isoformat())
_CYCLE_MS: Final = 6 * HOUR_MS + 30 * 60_000
"""When the day's cycle runs: behind the night's searches, at the time of the looks."""


def date_of(day: int) -> date:
    """Day of the year, counted from 0; those before it are negative."""
    return NEW_YEAR + timedelta(days=day)


def day_ms(day: int) -> int:
    """Start of a day of the year, milliseconds UTC."""
    return _NEW_YEAR_MS + day * DAY_MS


def ends_at(day: int) -> datetime:
    """Midnight that ends a day."""
    return from_ms(day_ms(day + 1))


class DayClock:
    """Stands at the cycle of one day: what happened on the day before is known."""

    def __init__(self) -> None:
        self.day = 0

    def __call__(self) -> int:
        """Milliseconds UTC."""
        return _NEW_YEAR_MS + self.day * DAY_MS + _CYCLE_MS

    @property
    def now(self) -> datetime:
        """The same as a time."""
        return from_ms(self())
