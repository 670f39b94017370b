"""How what is decided comes out in parts: all at once, in equal slices over time, or with one slice showing.

A slice is a whole number of lots and the same for all, and the last one takes the rest exactly. What this
says of a moment sums over all children; `trading.chase` asks it what may be sent next. Times are milliseconds
UTC, quantities base, unsigned.
"""

import math
from decimal import Decimal
from typing import NamedTuple

_LEAST_ORDERS = 2
"""A slice is worth this many of the venue's smallest orders: a part of one that is left can be sent, too."""


class SliceTerms(NamedTuple):
    """What a slice may be: whole lots in base, and at least the venue's smallest order value in quote."""

    lot_size: Decimal
    min_notional: Decimal


class Slicing(NamedTuple):
    """How what is decided comes out.

    Parameters
    ----------
    size
        Of a slice; the last one may be smaller.
    begun_ms, interval_ms
        When the first slice is due, and each other after the one before it. An interval of 0 has no times:
        all may be sent at once, with one slice showing.
    at_market
        Whether a slice goes at market when it is due; else it rests until the next one is.
    """

    size: Decimal
    begun_ms: int = 0
    interval_ms: int = 0
    at_market: bool = False

    def due(self, quantity: Decimal, now_ms: int) -> Decimal:
        """How much of a quantity may have been sent by now.

        Examples
        --------
        >>> timed = Slicing(Decimal(2), begun_ms=1_000, interval_ms=500)
        >>> [int(timed.due(Decimal(5), ms)) for ms in (999, 1_000, 1_499, 1_500, 9_000)]
        [0, 2, 2, 4, 5]
        """
        if not self.interval_ms:
            return quantity
        n_slices = max(0, 1 + (now_ms - self.begun_ms) // self.interval_ms)
        return min(quantity, n_slices * self.size)

    def late(self, quantity: Decimal, now_ms: int) -> Decimal:
        """How much of a quantity should be filled by now: slices whose time is over."""
        if self.at_market:
            return self.due(quantity, now_ms)
        return self.due(quantity, now_ms - self.interval_ms) if self.interval_ms else Decimal(0)

    def next_ms(self, now_ms: int) -> int:
        """When the next slice is due."""
        return now_ms + self.interval_ms - (now_ms - self.begun_ms) % max(self.interval_ms, 1)

    @property
    def shows(self) -> Decimal:
        """Most that one child may be; infinite where slices have their times."""
        return Decimal("inf") if self.interval_ms else self.size


def slice_size(quantity: Decimal, n_slices: int, price: float, terms: SliceTerms) -> Decimal:
    """Size of equal slices: so many, or fewer where one would be too small for the venue.

    Parameters
    ----------
    quantity
        What is decided.
    n_slices
        How many are wanted.
    price
        Quote per base, at the decision.
    terms
        What a slice may be.

    Examples
    --------
    >>> terms = SliceTerms(Decimal("0.1"), Decimal(5))
    >>> [str(slice_size(Decimal(q), 4, 100.0, terms)) for q in ("1.0", "0.2", "0.1")]
    ['0.3', '0.1', '0.1']
    >>> str(slice_size(Decimal("0.5"), 5, 40.0, terms))  # of 0.3 and 0.2 the last is worth 8
    '0.5'
    """
    lots, least = quantity / terms.lot_size, _LEAST_ORDERS * terms.min_notional
    if quantity % terms.lot_size or not price > 0.0:
        return quantity  # nobody could tell its parts
    worth = terms.lot_size * Decimal(repr(float(price)))
    for n in range(min(n_slices, int(lots)), 1, -1):
        size = math.ceil(lots / n)
        last = lots - (math.ceil(lots / size) - 1) * size
        if last * worth >= least:
            return size * terms.lot_size
    return quantity
