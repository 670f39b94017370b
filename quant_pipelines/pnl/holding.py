"""What holding would have made: the own average exposure, or the symbol with the whole capital."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

_ZERO: Final = Decimal(0)


class HeldDay(NamedTuple):
    """A day as a holder sees it.

    Parameters
    ----------
    start_price, end_price
        Quote per base.
    transfers
        Capital that came (positive) or went, quote: invested at the end of the day.
    mean_quantity
        Average exposure of what was traded, base.
    length_ms
        Length of the day, milliseconds.
    """

    start_price: Decimal
    end_price: Decimal
    transfers: Decimal = _ZERO
    mean_quantity: Decimal = _ZERO
    length_ms: int = 86_400_000


def held_whole(equity: Decimal, days: Sequence[HeldDay]) -> list[Decimal]:
    """Profit of each day of who holds the symbol with the whole capital, quote; without costs and funding.

    Parameters
    ----------
    equity
        At the start of the first day, quote; nothing is held with less than 0.
    days
        In their order.

    Examples
    --------
    >>> up, down = HeldDay(Decimal(100), Decimal(110)), HeldDay(Decimal(110), Decimal(99))
    >>> [float(profit) for profit in held_whole(Decimal(1000), [up, down])]
    [100.0, -110.0]
    """
    if not days:
        return []
    price = days[0].start_price
    units, made = max(equity, _ZERO) / price, list[Decimal]()
    for day in days:
        made.append(units * (day.end_price - price))
        price = day.end_price
        units = max(units + day.transfers / price, _ZERO)
    return made


def held_average(days: Sequence[HeldDay]) -> Decimal:
    """Profit of who holds the average exposure of all days from the first to the last, quote.

    Parameters
    ----------
    days
        In their order; each counts as long as it is.

    Examples
    --------
    >>> up = HeldDay(Decimal(100), Decimal(110), mean_quantity=Decimal(3))
    >>> flat = HeldDay(Decimal(110), Decimal(120))
    >>> held_average([up, flat])  # 1.5 on average, by 20
    Decimal('30.0')
    """
    length = sum(day.length_ms for day in days)
    if not length:
        return _ZERO
    mean = sum((day.mean_quantity * day.length_ms for day in days), _ZERO) / length
    return mean * (days[-1].end_price - days[0].start_price)
