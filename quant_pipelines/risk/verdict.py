"""What a rule is asked, and what it answers."""

from dataclasses import dataclass
from typing import NamedTuple

TOLERANCE = 1e-9


class RiskRequest(NamedTuple):
    """Order that would add exposure, and the book that it would change.

    Parameters
    ----------
    position_after
        Base, signed, if the order were filled.
    price
        Quote per base, at the close that was decided on.
    equity
        Quote, at that close.
    day_start_equity
        Quote, at 00:00 UTC of the day.
    data_age_seconds
        Age of the newest market data by the wall clock; 0 in a replay.
    orders_today
        Orders of the book since 00:00 UTC, without this one.
    """

    position_after: float
    price: float
    equity: float
    day_start_equity: float
    data_age_seconds: float
    orders_today: float = 0.0


@dataclass(frozen=True, slots=True)
class Approval:
    """The rule has nothing against the order."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The rule's name, what it saw and what it allows, in the same unit."""

    rule: str
    observed: float
    limit: float

    def __str__(self) -> str:
        return f"{self.rule}: {self.observed:.6g} is beyond {self.limit:.6g}"


def verdict(rule: str, observed: float, limit: float) -> Approval | Denial:
    """Approval up to the limit, with a tolerance for rounding, else the denial."""
    return Denial(rule, observed, limit) if observed > limit + TOLERANCE * abs(limit) else Approval()
