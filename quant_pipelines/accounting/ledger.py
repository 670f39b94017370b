"""Decimal twin of the account: sums over fills, to check the float state that decides.

The books that are stored are these sums; ``disagreement`` says how far the float state is from them.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.accounting.account import Account

TOLERANCE = 1e-8
_ZERO = Decimal(0)


class LedgerFill(NamedTuple):
    """Fill as stored: signed base quantity, price in quote per base, fee in quote (positive when paid).

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting import LedgerFill
    >>> fill = LedgerFill(Decimal("-0.3"), Decimal("100.1"), fee=Decimal("0.015"))
    >>> -fill.quantity * fill.price  # exact, unlike 0.3 * 100.1
    Decimal('30.03')
    """

    quantity: Decimal
    price: Decimal
    fee: Decimal


class Disagreement(NamedTuple):
    """Value of the float state that differs from the booked sum by more than the tolerance.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting.ledger import Disagreement
    >>> found = Disagreement("cash", account=9_999.0, booked=Decimal(10_000))
    >>> float(found.booked) - found.account  # quote that the float state lacks
    1.0
    """

    name: str
    account: float
    booked: Decimal


def booked_position(fills: Iterable[LedgerFill]) -> Decimal:
    """Signed base quantity held after the fills.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting import LedgerFill, booked_position
    >>> fills = [LedgerFill(Decimal(quantity), Decimal(100), Decimal(0)) for quantity in ("0.1", "0.2")]
    >>> booked_position(fills)  # floats would say 0.30000000000000004
    Decimal('0.3')
    """
    return sum((fill.quantity for fill in fills), _ZERO)


def booked_realized(fills: Iterable[LedgerFill]) -> Decimal:
    """Realized profit in quote, before fees, at average entry prices.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting import LedgerFill, booked_realized
    >>> trades = (2, 100), (2, 110), (-1, 120)  # entered at 105 on average
    >>> booked_realized(LedgerFill(Decimal(size), Decimal(price), Decimal(0)) for size, price in trades)
    Decimal('15')
    """
    position, entry_notional, realized = _ZERO, _ZERO, _ZERO
    for fill in fills:
        if position * fill.quantity >= 0:
            position += fill.quantity
            entry_notional += fill.quantity * fill.price
            continue
        closed = -fill.quantity if abs(fill.quantity) < abs(position) else position
        entry_of_closed = entry_notional * closed / position
        realized += closed * fill.price - entry_of_closed
        opened = fill.quantity + closed
        position += fill.quantity
        entry_notional += opened * fill.price - entry_of_closed
    return realized


def booked_cash(capital: Decimal, fills: Iterable[LedgerFill], income: Iterable[Decimal] = ()) -> Decimal:
    """Wallet balance in quote: capital, realized profit, fees, and other income (positive when received).

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting import LedgerFill, booked_cash
    >>> fills = [LedgerFill(Decimal(2), Decimal(100), fee=Decimal("0.1"))]
    >>> booked_cash(Decimal(10_000), fills, income=[Decimal("-0.5")])  # the fee, and funding that was paid
    Decimal('9999.4')
    """
    known = list(fills)
    fees = sum((fill.fee for fill in known), _ZERO)
    return capital + booked_realized(known) - fees + sum(income, _ZERO)


def disagreement(
    account: Account, capital: Decimal, fills: Iterable[LedgerFill], income: Iterable[Decimal] = ()
) -> Disagreement | None:
    """First value in which the float account differs from the booked sums, or None.

    The tolerance is 1e-8 of the largest notional that was filled (cash) or of the largest quantity
    (position).

    Examples
    --------
    >>> from decimal import Decimal
    >>> from quant_pipelines.accounting import LedgerFill, apply_fill, disagreement, open_account
    >>> account = apply_fill(open_account(10_000.0), 0.1, 100.0, 0.0)
    >>> fill = LedgerFill(Decimal("0.1"), Decimal(100), Decimal(0))
    >>> disagreement(account, Decimal(10_000), [fill]) is None
    True
    >>> disagreement(account, Decimal(10_000), [fill, fill]).name
    'position'
    """
    known = list(fills)
    largest_quantity = max((abs(float(fill.quantity)) for fill in known), default=1.0)
    largest_notional = max((abs(float(fill.quantity * fill.price)) for fill in known), default=1.0)
    position = booked_position(known)
    if abs(account.position - float(position)) > TOLERANCE * largest_quantity:
        return Disagreement("position", account.position, position)
    cash = booked_cash(capital, known, income)
    if abs(account.cash - float(cash)) > TOLERANCE * max(largest_notional, float(capital)):
        return Disagreement("cash", account.cash, cash)
    return None
