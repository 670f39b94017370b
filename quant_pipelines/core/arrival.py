"""Cost of an order against the price at which it was wanted: implementation shortfall, with fees apart."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.core.orders import Side

_ZERO = Decimal(0)
_BPS = Decimal(10_000)


class ExecutedPart(NamedTuple):
    """Quantity in base, price in quote per base, fee in quote (positive when paid)."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


class ArrivalCost(NamedTuple):
    """What an order has cost; positive is a cost.

    Parameters
    ----------
    arrival_price
        What it is measured against, quote per base.
    shortfall, fees
        Quote.
    shortfall_bps, fee_bps
        The same in basis points of the filled quantity's value at the arrival price.
    """

    arrival_price: Decimal
    shortfall: Decimal
    fees: Decimal
    shortfall_bps: Decimal
    fee_bps: Decimal


def arrival_cost(side: Side, arrival_price: Decimal, fills: Iterable[ExecutedPart]) -> ArrivalCost | None:
    """Measure the fills of an order against its arrival price; None without fills.

    Notes
    -----
    The executed part of the implementation shortfall of Perold, "The Implementation Shortfall: Paper versus
    Reality" (1988): what was paid more, or got less, than at the price of the decision. The part that was
    never filled has no cost here.

    Examples
    --------
    >>> bought = [ExecutedPart(Decimal(1), Decimal(101), Decimal("0.05"))]
    >>> cost = arrival_cost("buy", Decimal(100), bought)
    >>> float(cost.shortfall_bps), float(cost.fee_bps)
    (100.0, 5.0)
    """
    known = list(fills)
    worth = sum((arrival_price * one.quantity for one in known), _ZERO)
    if not worth:
        return None
    paid_more = sum(((one.price - arrival_price) * one.quantity for one in known), _ZERO)
    shortfall = paid_more if side == "buy" else -paid_more
    fees = sum((one.fee for one in known), _ZERO)
    in_bps = (_BPS * amount / worth for amount in (shortfall, fees))
    return ArrivalCost(arrival_price, shortfall, fees, *in_bps)
