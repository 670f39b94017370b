"""Which purchase a sale belongs to: lots that are opened by fills, and closed by others in an order."""

from collections import deque
from collections.abc import Iterable
from decimal import Context, Decimal, localcontext
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.pnl.terms import exact

MatchOrder: TypeAlias = Literal["fifo", "lifo"]
"""Which of the open lots is closed first: the oldest, or the newest."""
LotSide: TypeAlias = Literal["long", "short"]
_ZERO: Final = Decimal(0)
_FEE_STEP: Final = Decimal("1e-18")
"""A fee is shared in these steps, and the last part takes what is left: the parts sum to it."""


class LotFill(NamedTuple):
    """One fill: when (milliseconds UTC), base signed, quote per base, fee in quote, and whose it is."""

    at_ms: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    owner: int = 0


class OpenLot(NamedTuple):
    """What is held of a fill.

    Parameters
    ----------
    opened_ms
        When, milliseconds UTC.
    quantity, price, fee
        Base, signed; quote per base; what of the fee belongs to it, quote.
    opened_by
        Whose fill it was.
    """

    opened_ms: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    opened_by: int = 0


class ClosedLot(NamedTuple):
    """A quantity that was opened by one fill and closed by another.

    Parameters
    ----------
    side
        Whether it was bought first, or sold first.
    opened_ms, closed_ms
        When, milliseconds UTC.
    quantity
        Base, unsigned.
    open_price, close_price
        Quote per base.
    fees
        Of both fills, what belongs to this quantity, quote; positive when paid.
    opened_by, closed_by
        Whose fills they were.
    """

    side: LotSide
    opened_ms: int
    closed_ms: int
    quantity: Decimal
    open_price: Decimal
    close_price: Decimal
    fees: Decimal
    opened_by: int = 0
    closed_by: int = 0

    @property
    def cost(self) -> Decimal:
        """What was paid for it, quote: at first, of a short at last."""
        with exact():
            return self.quantity * (self.open_price if self.side == "long" else self.close_price)

    @property
    def proceeds(self) -> Decimal:
        """What was got for it, quote: at last, of a short at first."""
        with exact():
            return self.quantity * (self.close_price if self.side == "long" else self.open_price)

    @property
    def gain(self) -> Decimal:
        """Realized gain, quote: proceeds less cost and fees."""
        with exact():
            return self.proceeds - self.cost - self.fees

    @property
    def holding_days(self) -> Decimal:
        """How long it was held, days of 24 hours, to the fourth digit."""
        return (Decimal(self.closed_ms - self.opened_ms) / DAY_MS).quantize(Decimal("1e-4"))


class MatchedLots(NamedTuple):
    """Lots that are closed, in the order in which they were, and those that are open, oldest first."""

    closed: tuple[ClosedLot, ...]
    open: tuple[OpenLot, ...]


def match_lots(fills: Iterable[LotFill], order: MatchOrder = "fifo") -> MatchedLots:
    """Match the fills of one symbol, given by time; a fill that reverses the position closes and opens.

    The gains of the closed lots and what the open ones would make at a price sum to what all fills made.

    Raises
    ------
    DataError
        If an amount is no number.

    Examples
    --------
    >>> trades = [(0, 1, 100), (1, 1, 110), (86_400_000, -3, 120)]
    >>> fills = [LotFill(at, Decimal(size), Decimal(price), Decimal(0)) for at, size, price in trades]
    >>> found = match_lots(fills)
    >>> [(float(lot.gain), float(lot.holding_days)) for lot in found.closed]
    [(20.0, 1.0), (10.0, 1.0)]
    >>> [lot.quantity for lot in found.open]
    [Decimal('-1')]
    """
    held: deque[OpenLot] = deque()
    closed = list[ClosedLot]()
    with exact():
        for fill in fills:
            _require_numbers(fill)
            left = OpenLot(fill.at_ms, fill.quantity, fill.price, fill.fee, fill.owner)
            while left.quantity and held and held[0].quantity * left.quantity < 0:
                lot = held.popleft() if order == "fifo" else held.pop()
                size = min(abs(lot.quantity), abs(left.quantity))
                opening, lot = _parted(lot, size)
                closing, left = _parted(left, size)
                closed.append(_closed(opening, closing))
                if lot.quantity:
                    held.appendleft(lot) if order == "fifo" else held.append(lot)
            if left.quantity:
                held.append(left)
    return MatchedLots(tuple(closed), tuple(held))


class _Parts(NamedTuple):
    taken: OpenLot
    kept: OpenLot


def _parted(lot: OpenLot, size: Decimal) -> _Parts:
    """Take a quantity off a lot with its part of the fee; the last part takes what is left of the fee."""
    quantity = size if lot.quantity > 0 else -size
    if quantity == lot.quantity:
        return _Parts(lot, lot._replace(quantity=_ZERO, fee=_ZERO))
    with localcontext(Context(prec=60)):
        fee = (lot.fee * size / abs(lot.quantity)).quantize(_FEE_STEP)
    kept = lot._replace(quantity=lot.quantity - quantity, fee=lot.fee - fee)
    return _Parts(lot._replace(quantity=quantity, fee=fee), kept)


def _closed(opening: OpenLot, closing: OpenLot) -> ClosedLot:
    return ClosedLot(
        "long" if opening.quantity > 0 else "short",
        opening.opened_ms,
        closing.opened_ms,
        abs(opening.quantity),
        opening.price,
        closing.price,
        opening.fee + closing.fee,
        opening.opened_by,
        closing.opened_by,
    )


def _require_numbers(fill: LotFill) -> None:
    for name in ("quantity", "price", "fee"):
        value = getattr(fill, name)
        if not value.is_finite():
            raise DataError(
                f"{name} of the fill at {from_ms(fill.at_ms):%Y-%m-%d %H:%M} is {value}; expected a number"
            )
