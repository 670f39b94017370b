"""What stops entries and ends by itself, as a table: one pure rule for each event that is looked at.

Whoever decides, sends or shows a state asks it anew, so nothing stands longer than its cause.
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.trading.breaker import Event, Trip

LARGEST_CLOCK_ERROR_MS: Final = 1_000
"""A clock that is farther off stamps orders that the venue refuses, or takes too late."""


class Signs(NamedTuple):
    """What is known of one deployment's surroundings now.

    Parameters
    ----------
    data_age_seconds
        Since the stream last spoke of its symbol; infinite before it ever did.
    clock_error_ms
        How far our idea of the exchange's time was off when it was last asked; positive: we are behind.
    venue_away_since_ms
        Since when the talk about its orders is broken, milliseconds UTC; None while it goes on, or is none.
    database_error
        Why the database is lost; empty while it is not.
    barred
        Why nothing may be opened although all goes well, in one sentence; empty while something may.
    """

    data_age_seconds: float = 0.0
    clock_error_ms: int = 0
    venue_away_since_ms: int | None = None
    database_error: str = ""
    barred: str = ""


class Looked(NamedTuple):
    """Signs, the age of data beyond which nothing is added (seconds), and what is held beyond a limit."""

    signs: Signs
    max_data_age_seconds: float
    breach: str = ""


def _data_age(looked: Looked) -> str:
    age, limit = looked.signs.data_age_seconds, looked.max_data_age_seconds
    if age <= limit:
        return ""
    return f"the data are {age:.0f} s old, more than {limit:g} s" if age < math.inf else "no data yet"


def clock_fault(error_ms: int) -> str:
    """Why a clock can't be traded by, as one clause; empty if it can."""
    if abs(error_ms) <= LARGEST_CLOCK_ERROR_MS:
        return ""
    side = "behind" if error_ms > 0 else "ahead of"
    return f"our clock was {abs(error_ms) / 1000:.1f} s {side} the exchange's, more than 1 s"


def _venue_away(looked: Looked) -> str:
    since_ms = looked.signs.venue_away_since_ms
    return "" if since_ms is None else f"the venue is away since {from_ms(since_ms):%Y-%m-%d %H:%M:%S} UTC"


def _database_away(looked: Looked) -> str:
    error = looked.signs.database_error
    return f"the database is away: {error}" if error else ""


CONDITIONS: Final[dict[Event, Callable[[Looked], str]]] = {
    "data_age": _data_age,
    "clock": lambda looked: clock_fault(looked.signs.clock_error_ms),
    "venue_away": _venue_away,
    "database_away": _database_away,
    "barred": lambda looked: looked.signs.barred,
    "passive_breach": lambda looked: looked.breach,
}
"""Why an event stands, as one clause; empty while it does not."""


def found(looked: Looked) -> tuple[Trip, ...]:
    """Every event that stands now.

    Examples
    --------
    >>> [trip] = found(Looked(Signs(data_age_seconds=120.0), max_data_age_seconds=90.0))
    >>> trip.event, trip.reason
    ('data_age', 'the data are 120 s old, more than 90 s')
    >>> found(Looked(Signs(), max_data_age_seconds=90.0))
    ()
    """
    reasons = ((event, reason_of(looked)) for event, reason_of in CONDITIONS.items())
    return tuple(Trip(event, reason) for event, reason in reasons if reason)
