"""What an account is worth: the venue's balance where it is known, else the sum of our books."""

import math
from typing import NamedTuple

OLDEST_MS = 60_000
"""How old a balance may be that counts alone."""


class AccountFunds(NamedTuple):
    """What the venue says of an account, in units that deposits and withdrawals do not change.

    Parameters
    ----------
    margin
        Wallet and unrealized profit, quote.
    units
        Deposits buy units, withdrawals sell them.
    day_start_value
        What one was worth at 00:00 UTC, or with the first balance of the day, quote.
    at_ms
        When it was read, milliseconds UTC.
    peak_value
        The most that one was ever worth before, whichever process saw it, quote; 0 where nobody did.
    """

    margin: float
    units: float
    day_start_value: float
    at_ms: int
    peak_value: float = 0.0

    @property
    def value(self) -> float:
        """What a unit is worth, quote; NaN without units."""
        return self.margin / self.units if self.units > 0.0 else math.nan

    def since(self, start_value: float) -> "Nav":
        """Worth now and, of the units of now, when one was worth so much."""
        return Nav(self.margin, self.units * start_value)


class Nav(NamedTuple):
    """Net asset value now and at the start from which losses count, quote; NaN where it is not known."""

    now: float
    start: float

    @property
    def lost_fraction(self) -> float:
        """Loss since the start as a fraction of it."""
        return 1.0 - self.now / self.start if self.start > 0.0 else math.nan


def nav_of(books: Nav, venue: Nav | None, age_ms: float) -> Nav:
    """Return what the rules of an account go by.

    Parameters
    ----------
    books
        Sum of our books.
    venue
        By the venue's balance; None on paper, and before the first one.
    age_ms
        How old that is.

    Returns
    -------
    Nav
        The venue's while it is fresh. Of an older one and the books the lower value, with the larger loss.

    Examples
    --------
    >>> books, venue = Nav(900.0, 1_000.0), Nav(4_900.0, 5_000.0)
    >>> nav_of(books, venue, 1_000.0)
    Nav(now=4900.0, start=5000.0)
    >>> nav_of(books, venue, 61_000.0)
    Nav(now=900.0, start=1000.0)
    >>> nav_of(books, Nav(4_000.0, 5_000.0), 61_000.0)
    Nav(now=900.0, start=1125.0)
    """
    if venue is None or math.isnan(books.now):
        return books
    if age_ms <= OLDEST_MS:
        return venue
    now, lost = min(books.now, venue.now), max(books.lost_fraction, venue.lost_fraction)
    return Nav(now, now / (1.0 - lost) if 1.0 - lost > 0.0 else max(books.start, venue.start))
