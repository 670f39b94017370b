"""Who gets the free paper places, pure: first what nobody trades yet, and nothing twice under two names.

Paper measures; a second copy of one bet measures nothing, and its mirror only pays the costs of both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

LARGEST_LIKENESS = 0.9
"""Correlation, with either sign, above which two are one bet: a near-twin, or its mirror."""
FEWEST_SHARED_DAYS = 20
"""Of fewer common days the correlation of two that have nothing in common may be large, too."""

Days = Mapping[int, float]
"""Daily out-of-sample returns by the start of their UTC day, milliseconds."""


@dataclass(frozen=True, slots=True)
class Bet:
    """What has a place, or asks for one.

    Parameters
    ----------
    name
        As people are told of it, such as ``deployment:7``.
    strategy, exchange, symbol
        Its family, and where it trades; the timeframe makes it no other bet.
    days
        What it earned out of sample; may be empty.
    """

    name: str
    strategy: str
    exchange: str
    symbol: str
    days: Days = field(default_factory=dict)


class Likeness(NamedTuple):
    """Correlation of two bets over the days that they share."""

    other: Bet
    correlation: float
    n_days: int

    @property
    def reason(self) -> str:
        """One sentence."""
        kind = "mirrors" if self.correlation < 0.0 else "is a near-twin of"
        return (
            f"{kind} {self.other.name} ({self.other.strategy} on {self.other.symbol}): correlation "
            f"{self.correlation:.2f} over {self.n_days} shared days, "
            f"at most {LARGEST_LIKENESS:g} of either sign"
        )


class FilledPlaces(NamedTuple):
    """Positions in what asked: who got a place, who waits for one, and why others get none."""

    seated: tuple[int, ...]
    waiting: tuple[int, ...]
    alike: dict[int, Likeness]


def seat(wanting: Sequence[Bet], held: Iterable[Bet], places: int) -> FilledPlaces:
    """Fill the free places.

    Parameters
    ----------
    wanting
        Who asks, the best first.
    held
        Who has a place.
    places
        How many are free.

    Returns
    -------
    FilledPlaces
        In the order in which they were taken: a strategy on a symbol that nobody trades so comes before one
        whose strategy and symbol have a place already, then the strategy with the fewest places, then the
        symbol with the fewest; among equals the better one.

    Examples
    --------
    >>> from quant_pipelines.lifecycle.places import Bet, seat
    >>> wanting = [Bet(n, family, "x", coin) for n, family, coin in (("1", "a", "B"), ("2", "c", "B"))]
    >>> seat(wanting, [Bet("deployment:7", "a", "x", "B")], 1).seated
    (1,)
    """
    if not wanting:
        return FilledPlaces((), (), {})
    taken, left = list(held), list(range(len(wanting)))
    seated, waiting, alike = list[int](), list[int](), dict[int, Likeness]()
    while left:
        chosen = min(left, key=lambda at: (*_crowd(wanting[at], taken), at))
        left.remove(chosen)
        closest = closest_to(wanting[chosen], taken)
        if closest is not None and abs(closest.correlation) > LARGEST_LIKENESS:
            alike[chosen] = closest
        elif len(seated) < places:
            seated.append(chosen)
            taken.append(wanting[chosen])
        else:
            waiting.append(chosen)
    return FilledPlaces(tuple(seated), tuple(waiting), alike)


def closest_to(bet: Bet, others: Iterable[Bet]) -> Likeness | None:
    """Likeness to the bet that is most like it, or most unlike; None where no days can be compared."""
    known = [found for other in others if (found := _likeness(bet, other)) is not None]
    return max(known, key=lambda one: abs(one.correlation), default=None)


def _crowd(bet: Bet, taken: Sequence[Bet]) -> tuple[int, int, int]:
    """Places of its strategy on its symbol, of its strategy, and of its symbol."""
    family = [one for one in taken if one.strategy == bet.strategy]
    of_symbol = sum(_market(one) == _market(bet) for one in taken)
    return sum(_market(one) == _market(bet) for one in family), len(family), of_symbol


def _market(bet: Bet) -> tuple[str, str]:
    return bet.exchange, bet.symbol


def _likeness(bet: Bet, other: Bet) -> Likeness | None:
    shared = sorted(bet.days.keys() & other.days.keys())
    if len(shared) < FEWEST_SHARED_DAYS:
        return None
    both = np.array([[one.days[day] for day in shared] for one in (bet, other)])
    if not np.all(both.std(axis=1) > 0.0):
        return None
    return Likeness(other, float(np.corrcoef(both)[0, 1]), len(shared))
