"""The profit of a book day by day, and of several books together."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.pnl.holding import HeldDay, held_average, held_whole
from quant_pipelines.pnl.terms import (
    BookFill,
    BookMark,
    BookPayment,
    BookPeriod,
    PeriodPnl,
    exact,
    spent_on,
    split,
    summed,
)

_ZERO: Final = Decimal(0)


class BookHistory(NamedTuple):
    """All that a book did.

    Parameters
    ----------
    capital
        At first, quote.
    fills, payments
        From the beginning on, by time.
    marks
        Newest price at or before a time, by that time (milliseconds UTC).
    first
        Open of its first bar, and when the book began; None before its first bar.
    """

    capital: Decimal
    fills: Sequence[BookFill]
    payments: Sequence[BookPayment]
    marks: Mapping[int, BookMark]
    first: BookMark | None


class PnlDay(NamedTuple):
    """A day, or what there was of it.

    Parameters
    ----------
    day_ms
        Midnight, milliseconds UTC.
    pnl
        Its profit.
    held_whole
        What holding the symbol with the whole capital would have made, quote.
    start, end
        Prices that it is valued at; None for several books together.
    """

    day_ms: int
    pnl: PeriodPnl
    held_whole: Decimal = _ZERO
    start: BookMark | None = None
    end: BookMark | None = None


class PnlDays(NamedTuple):
    """Days in which something was booked, oldest first; what holding their average would have made."""

    days: tuple[PnlDay, ...] = ()
    held_average: Decimal = _ZERO

    @property
    def total(self) -> PeriodPnl:
        """Sum of the days."""
        return summed((one.pnl for one in self.days), self.days[0].day_ms) if self.days else PeriodPnl()

    @property
    def held_whole(self) -> Decimal:
        """What holding with the whole capital would have made, quote."""
        return sum((one.held_whole for one in self.days), _ZERO)


def days_of(history: BookHistory, bounds: Sequence[int]) -> PnlDays:
    """Take each day of a book apart; days on which nothing was booked are left out.

    Parameters
    ----------
    history
        The book.
    bounds
        Midnights from the first to the end of the last day, milliseconds UTC; the last may be before its end.

    Raises
    ------
    DataError
        If it was filled where no bar with a price was stored, or see `split`.
    """
    with exact():
        held = list(accumulate((one.quantity for one in history.fills), initial=_ZERO))
    periods = [one for pair in pairwise(bounds) if (one := _period(history, held, *pair))]
    if not periods:
        return PnlDays()
    split_up = [split(one) for one in periods]
    days = [
        HeldDay(one.start.price, one.end.price, pnl.transfers, pnl.mean_quantity, one.end_ms - one.start_ms)
        for one, pnl in zip(periods, split_up, strict=True)
    ]
    whole = held_whole(_equity_before(history, periods[0]), days)
    found = (
        PnlDay(one.start_ms // DAY_MS * DAY_MS, pnl, made, one.start, one.end)
        for one, pnl, made in zip(periods, split_up, whole, strict=True)
    )
    return PnlDays(tuple(found), held_average(days))


def together(parts: Iterable[PnlDays]) -> PnlDays:
    """Sum days of several books: the legs of a set, the books of an account."""
    known = list(parts)
    by_day: dict[int, list[PnlDay]] = {}
    for one in (day for part in known for day in part.days):
        by_day.setdefault(one.day_ms, []).append(one)
    days = (
        PnlDay(at_ms, summed((one.pnl for one in days), at_ms), sum((one.held_whole for one in days), _ZERO))
        for at_ms, days in sorted(by_day.items())
    )
    return PnlDays(tuple(days), sum((part.held_average for part in known), _ZERO))


def with_rest(days: PnlDays, rests: Mapping[int, Decimal]) -> PnlDays:
    """Add what no book of an account owns, quote, to its days by their midnights (milliseconds UTC)."""
    by_day = {one.day_ms: one for one in days.days}
    for day_ms, rest in rests.items():
        one = by_day.get(day_ms, PnlDay(day_ms, PeriodPnl()))
        with exact():
            terms = one.pnl.terms._replace(rest=one.pnl.terms.rest + rest)
            pnl = one.pnl._replace(terms=terms, change=one.pnl.change + rest)
        by_day[day_ms] = one._replace(pnl=summed([pnl], day_ms))
    return days._replace(days=tuple(by_day[day_ms] for day_ms in sorted(by_day)))


def _period(history: BookHistory, held: Sequence[Decimal], start_ms: int, end_ms: int) -> BookPeriod | None:
    """Return what was booked in a time; None where nothing was. ``held[i]``: position before fill ``i``."""
    first, last = (bisect_left(history.fills, ms, key=_at_ms) for ms in (start_ms, end_ms))
    paid = slice(*(bisect_left(history.payments, ms, key=_at_ms) for ms in (start_ms, end_ms)))
    fills, payments = tuple(history.fills[first:last]), tuple(history.payments[paid])
    end, quantity = history.marks.get(end_ms), held[first]
    is_idle = not fills and not payments and (end is None or end.at_ms <= start_ms)
    if is_idle or end_ms <= start_ms:
        return None
    if end is None:
        raise DataError(
            f"something was booked on {from_ms(start_ms):%Y-%m-%d} before the book's first bar; expected one "
            "with the price that it is valued at"
        )
    start = history.marks.get(start_ms) or history.first or end
    if not quantity and fills and start_ms - start.at_ms > DAY_MS:
        start = BookMark(fills[0].at_ms, fills[0].met or fills[0].price)  # flat since a price of long ago
    events_ms = [*map(_at_ms, fills), *map(_at_ms, payments)]
    begun_ms = min(max(start_ms, start.at_ms), *events_ms, end_ms)
    return BookPeriod(begun_ms, end_ms, quantity, start, end, fills, payments)


def _at_ms(one: BookFill | BookPayment) -> int:
    return one.at_ms


def _equity_before(history: BookHistory, first: BookPeriod) -> Decimal:
    """Return what the book was worth when a period began, quote."""
    fills = (one for one in history.fills if one.at_ms < first.start_ms)
    payments = (one for one in history.payments if one.at_ms < first.start_ms)
    with exact():
        paid = sum((one.amount for one in payments), _ZERO)
        return history.capital - spent_on(fills) + paid + first.quantity * first.start.price
