"""Whether the equity that was stored at bars is what fills and payments add up to."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import accumulate, chain, takewhile
from typing import Final, NamedTuple, TypeAlias

from quant_pipelines.core.timeframes import MINUTE_MS, from_ms
from quant_pipelines.pnl.terms import BookFill, BookPayment, exact

_TOLERANCE: Final = Decimal("1e-8")
_IN_FLIGHT_MS: Final = 2 * MINUTE_MS
"""At a venue a fill may reach the book so much before or after the bar that it belongs to."""
_ZERO: Final = Decimal(0)
_Event: TypeAlias = BookFill | BookPayment


class StoredEquity(NamedTuple):
    """A book as it was stored at a bar's close.

    Parameters
    ----------
    at_ms, booked_ms
        Close of the bar, and when it was booked, milliseconds UTC.
    price, equity
        Close (quote per base), and what the book was worth there (quote).
    """

    at_ms: int
    booked_ms: int
    price: Decimal
    equity: Decimal


class _Worth(NamedTuple):
    cash: Decimal
    quantity: Decimal

    def at(self, price: Decimal) -> Decimal:
        return self.cash + self.quantity * price


def disagreements(
    opening: Decimal,
    fills: Sequence[BookFill],
    payments: Sequence[BookPayment],
    rows: Iterable[StoredEquity],
    *,
    is_paper: bool,
) -> list[str]:
    """Say in a sentence each where the stored equity is another than that of fills and payments.

    On paper a bar is stored with what happened before its close, or at it where the book ended there. At a
    venue fills and payments come when they come: any state that the book had about the close will do.

    Parameters
    ----------
    opening
        Capital at first, quote.
    fills, payments
        All from the beginning on, by time.
    rows
        What was stored.
    is_paper
        Whether nothing can be in flight.

    Examples
    --------
    >>> bought = BookFill(0, Decimal(1), Decimal(100))
    >>> row = StoredEquity(60_000, 60_000, Decimal(110), Decimal(1010))
    >>> disagreements(Decimal(1000), [bought], [], [row], is_paper=True)
    []
    >>> disagreements(Decimal(1000), [bought], [], [row._replace(equity=Decimal(1020))], is_paper=True)
    ['equity stored at 1970-01-01 00:01 is 1020, its fills and payments make 1010; expected the same']
    """
    events: list[_Event] = sorted(chain[_Event](fills, payments), key=lambda one: one.at_ms)
    found, at = list[str](), 0
    worth, scale = _Worth(opening, _ZERO), max(abs(opening), Decimal(1))
    with exact():
        for row in sorted(rows):
            before_ms = row.at_ms if is_paper else row.at_ms - _IN_FLIGHT_MS
            while at < len(events) and events[at].at_ms < before_ms:
                worth, scale = _after(worth, events[at]), max(scale, _size(events[at]))
                at += 1
            later = takewhile(_until(row, is_paper=is_paper), events[at:])
            made = [one.at(row.price) for one in accumulate(later, _after, initial=worth)]
            nearest = min(made, key=lambda one: abs(one - row.equity))
            if abs(nearest - row.equity) > _TOLERANCE * max(scale, abs(row.equity)):
                found.append(
                    f"equity stored at {from_ms(row.at_ms):%Y-%m-%d %H:%M} is {row.equity:f}, its fills and "
                    f"payments make {nearest:f}; expected the same"
                )
    return found


def _until(row: StoredEquity, *, is_paper: bool) -> Callable[[_Event], bool]:
    """Tell what a row may have with it already."""
    last_ms = row.at_ms if is_paper else max(row.at_ms, row.booked_ms)
    return lambda event: event.at_ms <= last_ms


def _after(worth: _Worth, event: _Event) -> _Worth:
    if isinstance(event, BookPayment):
        return _Worth(worth.cash + event.amount, worth.quantity)
    spent = event.quantity * event.price + event.fee
    return _Worth(worth.cash - spent, worth.quantity + event.quantity)


def _size(event: _Event) -> Decimal:
    return abs(event.amount if isinstance(event, BookPayment) else event.quantity * event.price)
