"""Hours of the day in which only what matters is told."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from quant_pipelines.core.errors import ConfigurationError

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """From one time of the day (UTC) to another; the same time twice is no time at all."""

    begin: time
    end: time

    def end_of(self, at: datetime) -> datetime:
        """When it is no longer quiet: the time itself, or the end of the quiet hours that it falls into.

        Examples
        --------
        >>> night = quiet_hours_of("22:00-07:00")
        >>> night.end_of(datetime(2025, 1, 1, 23, 30, tzinfo=UTC)).isoformat()
        '2025-01-02T07:00:00+00:00'
        >>> night.end_of(datetime(2025, 1, 1, 7, 0, tzinfo=UTC)).isoformat()
        '2025-01-01T07:00:00+00:00'
        """
        now = at.astimezone(UTC)
        moment = now.time()
        wraps = self.end < self.begin
        is_quiet = (moment >= self.begin or moment < self.end) if wraps else self.begin <= moment < self.end
        if not is_quiet:
            return at
        end = now.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return end if end > now else end + timedelta(days=1)


ALWAYS_LOUD = QuietHours(time(), time())


def quiet_hours_of(text: str) -> QuietHours:
    """Read the setting; an empty one has no quiet hours.

    Raises
    ------
    ConfigurationError
        If it is not two times of the day.
    """
    if not text.strip():
        return ALWAYS_LOUD
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"quiet hours are {text!r}; expected two times (UTC) such as 22:00-07:00")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    return QuietHours(time(hour, minute), time(end_hour, end_minute))
