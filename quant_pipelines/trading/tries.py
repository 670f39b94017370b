"""How often something is tried that may come to nothing, and what became of the last try.

Seconds are those of the monotonic clock.
"""

from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.trading.levels import WantedLevel

READ_BACK_SECONDS = 2.0
"""How long a level may take until the venue shows it: longer is uncovered."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_UNCOVERED_PAUSE = 0.4
_VERDICT_SECONDS = 2.0

Outcome: TypeAlias = Literal["done", "failed", "passed"]
"""It stands (or is gone), it does not, or its price was there already."""


class Pace(NamedTuple):
    """At once, then ever later, until it has come to its end.

    Examples
    --------
    >>> tried = Pace().tried(100.0)
    >>> tried.is_due(101.9), tried.is_due(102.0), tried.tried(102.0).next_try
    (False, True, 106.0)
    """

    next_try: float = 0.0
    pause: float = _SHORTEST_PAUSE
    n_tries: int = 0

    def is_due(self, now: float) -> bool:
        """Whether it is time for another try."""
        return now >= self.next_try

    def tried(self, now: float) -> "Pace":
        """Return the pace after a try that began at ``now``."""
        return Pace(now + self.pause, min(2 * self.pause, _LONGEST_PAUSE), self.n_tries + 1)


class LevelTries(NamedTuple):
    """Tries to bring one level to the venue.

    Parameters
    ----------
    wanted
        What was tried last.
    pace
        When that may be tried again.
    until
        Deadline of the try that goes on; None without one.
    verdict, judged_at
        How the last try ended, and when; ``done`` while none has come to nothing.
    """

    wanted: WantedLevel | None = None
    pace: Pace = Pace()
    until: float | None = None
    verdict: Outcome = "done"
    judged_at: float = 0.0

    def goes_on(self, wanted: WantedLevel | None, now: float) -> bool:
        """Whether a try for that level has begun and is within its deadline."""
        return self.until is not None and self.wanted == wanted and now < self.until

    def may_step(self, wanted: WantedLevel | None, now: float, *, has_news: bool) -> bool:
        """Whether a step toward a level may be taken while the position is protected: one try in a look.

        None begins while something has come that is not booked yet: the level may be another one then.
        """
        if self.until is not None and self.wanted == wanted:
            return now < self.until
        return self.verdict == "done" and not has_news and (self.wanted != wanted or self.pace.is_due(now))

    def may_place(self, now: float) -> bool:
        """Whether a level may be tried while the position is not protected."""
        return self.verdict == "done" or now >= self.judged_at + _UNCOVERED_PAUSE

    def has_failed(self, now: float) -> bool:
        """Whether the last try came to nothing just now, or its deadline has passed."""
        is_late = self.until is not None and now >= self.until
        return is_late or (self.verdict != "done" and now < self.judged_at + _VERDICT_SECONDS)

    def is_passed(self, wanted: WantedLevel | None, now: float) -> bool:
        """Whether the price was at that level already, just now."""
        return self.verdict == "passed" and self.wanted == wanted and self.has_failed(now)

    def stepped(self, wanted: WantedLevel | None, *, began: float, until: float) -> "LevelTries":
        """Return the tries with a step that was done; the first one of a try sets its pace."""
        known = self if self.wanted == wanted else LevelTries(wanted)
        pace = known.pace if known.until is not None else known.pace.tried(began)
        return LevelTries(wanted, pace, until)

    def judged(self, verdict: Outcome, now: float) -> "LevelTries":
        """Return the tries with the last one ended."""
        return self._replace(until=None, verdict=verdict, judged_at=now)


class Tries(NamedTuple):
    """Everything that is tried for one position.

    Parameters
    ----------
    exit
        When it may be closed again.
    stop, take_profit
        Its levels.
    has_looked
        Whether the venue was read once more since a stop came to nothing.
    read_back_seconds
        Time that a level may take.
    """

    exit: Pace = Pace()
    stop: LevelTries = LevelTries()
    take_profit: LevelTries = LevelTries()
    has_looked: bool = False
    read_back_seconds: float = READ_BACK_SECONDS

    def deadline(self, level: LevelTries, wanted: WantedLevel | None, now: float) -> float:
        """Until when a step of a level may take."""
        if level.until is not None and level.goes_on(wanted, now):
            return level.until
        return now + self.read_back_seconds
