"""Which channels an alert goes to, and when; pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from quant_pipelines.core.severities import Severity, rank_of
from quant_pipelines.notify.channels import Channel
from quant_pipelines.notify.quiet_hours import QuietHours

CHANNEL_SCOPE = "channel"
"""Scope of alerts about channels that fail; a source names the channel behind a colon."""
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
MOST_TRIES = 30
"""About a day; what nobody could be told by then is given up, and stays in the list."""


class Hush(NamedTuple):
    """Quiet hours, and the severity from which on they do not count."""

    hours: QuietHours
    below: Severity

    def due(self, severity: Severity, at: datetime) -> datetime:
        """When an alert may be told that is due at a time."""
        return self.hours.end_of(at) if rank_of(severity) < rank_of(self.below) else at


class Leg(NamedTuple):
    """One alert on its way through one channel.

    Parameters
    ----------
    channel
        Name.
    wait_minutes
        Above 0: it is left out once a person acknowledged the alert, or it is over.
    due_at
        When it may be sent.
    """

    channel: str
    wait_minutes: int
    due_at: datetime


def legs(
    severity: Severity, source: str, channels: Iterable[Channel], hush: Hush, now: datetime
) -> list[Leg]:
    """Legs of an alert: every channel that takes its severity, but none by which it is about itself."""
    about = source.removeprefix(f"{CHANNEL_SCOPE}:") if source.startswith(f"{CHANNEL_SCOPE}:") else ""
    return [
        Leg(one.name, one.wait_minutes, hush.due(severity, now + timedelta(minutes=one.wait_minutes)))
        for one in channels
        if one.takes(severity) and one.name != about
    ]


def pause_after(tries: int) -> timedelta:
    """Wait after so many tries that failed: 30 seconds, doubled up to an hour.

    Examples
    --------
    >>> [int(pause_after(tries).total_seconds()) for tries in (1, 2, 3, 20)]
    [30, 60, 120, 3600]
    """
    return min(_FIRST_PAUSE * (1 << min(tries - 1, 10)), _LONGEST_PAUSE)
