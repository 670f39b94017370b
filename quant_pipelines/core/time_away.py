"""Time in which what a runner needs was away: it proves nothing of whoever traded by it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

Needed: TypeAlias = Literal["venue", "data", "clock", "database"]
"""What a runner needs, and an outage is of."""


class TimeAway(NamedTuple):
    """One outage: its source, such as ``outage:venue``, its begin, and its end; None while it stands."""

    source: str
    at: datetime
    until: datetime | None


def days_present(since: datetime, now: datetime, outages: Iterable[TimeAway]) -> int:
    """Count the whole days from one time to another, without those of outages; what overlaps counts once.

    Examples
    --------
    >>> day = timedelta(days=1)
    >>> first = datetime(2026, 1, 1)
    >>> away = [TimeAway("outage:venue", first + day, first + 4 * day)]
    >>> away.append(TimeAway("outage:data", first + 3 * day, None))
    >>> days_present(first, first + 10 * day, []), days_present(first, first + 10 * day, away)
    (10, 1)
    """
    left, reached = now - since, since
    for one in sorted(outages, key=lambda one: one.at):
        begin, end = max(one.at, reached), min(one.until or now, now)
        if end > begin:
            left, reached = left - (end - begin), end
    return left // timedelta(days=1)


def stands(outages: Iterable[TimeAway]) -> str:
    """Say what is away now; empty where nothing is."""
    found = next((one for one in outages if one.until is None), None)
    return f"{found.source} since {found.at:%Y-%m-%d %H:%M} UTC" if found else ""
