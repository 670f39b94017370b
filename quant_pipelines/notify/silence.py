"""Who has been silent for too long; pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from quant_pipelines.core.severities import Severity
from quant_pipelines.store.heartbeats import Alert

SILENCE = "silence"
"""Scope of these alerts; a source names who is silent behind a colon."""


class Watched(NamedTuple):
    """Something that must be heard of.

    Parameters
    ----------
    name
        As sources call it.
    sentence
        Begin of the sentence, up to since when.
    seconds
        How long it may be silent; 0 does not watch it.
    heard_at
        Its last sign of life.
    severity
        Of its alerts.
    """

    name: str
    sentence: str
    seconds: float
    heard_at: datetime
    severity: Severity = "critical"

    @property
    def source(self) -> str:
        """Source of its alerts."""
        return f"{SILENCE}:{self.name}"

    def lives(self, now: datetime) -> bool:
        """Whether it was heard of in time."""
        return now - self.heard_at <= timedelta(seconds=self.seconds)

    def alarm(self, began_at: datetime, now: datetime) -> Alert | None:
        """Alert that it is silent for too long.

        What was silent before the watch began is given its whole time first, so that a start is no alarm.

        Examples
        --------
        >>> from datetime import UTC
        >>> noon, hour = datetime(2025, 1, 1, 12, tzinfo=UTC), timedelta(hours=1)
        >>> runner = Watched("runner", "the runner has given no sign of life", 30.0, noon)
        >>> runner.alarm(noon - hour, noon + timedelta(seconds=30)) is None
        True
        >>> runner.alarm(noon - hour, noon + timedelta(seconds=31)).message
        'the runner has given no sign of life since 2025-01-01 12:00:00 UTC'
        """
        since = max(self.heard_at, began_at)
        if not self.seconds or now - since <= timedelta(seconds=self.seconds):
            return None
        message = f"{self.sentence} since {self.heard_at:%Y-%m-%d %H:%M:%S} UTC"
        return Alert(self.severity, self.source, message, now, {"since": self.heard_at.isoformat()})
