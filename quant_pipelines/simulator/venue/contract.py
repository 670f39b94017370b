"""What one perpetual contract allows and costs: steps, limits, fees and margin brackets."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from quant_pipelines.simulator.contracts import NEVER_MS
from quant_pipelines.simulator.venue.brackets import LeverageBracket, brackets_of

MONEY = Decimal("0.00000001")
"""Smallest amount that is booked, quote."""

MAKER_FEE, TAKER_FEE = Decimal("0.0002"), Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class Contract:
    """Specification of one contract.

    Parameters
    ----------
    symbol
        The venue's symbol, such as ``BTCUSDT``.
    tick_size, lot_size
        Price step and quantity step.
    price_decimals, quantity_decimals
        Digits after the point of a step.
    price_precision
        Digits after the point that a request's price may carry; it can be more than the step has.
    least_quantity, most_quantity
        Bounds of one order's quantity, base.
    min_notional
        Smallest order value, quote; reduce-only orders are exempt.
    highest_multiple, lowest_multiple
        A buy may be priced at most ``highest_multiple`` times mark, a sell at least ``lowest_multiple``
        times.
    market_bound
        A market order goes no further from the last price than this fraction; its rest expires.
    liquidation_fee
        Fraction of notional that a liquidated position pays to the insurance fund.
    maker_fee, taker_fee
        Fractions of notional.
    brackets
        Maintenance margin by notional.
    trigger_protect
        A protected conditional order waits while last and mark price are further apart than this fraction.
    ends_ms
        From when on no order is taken.
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    price_decimals: int
    price_precision: int
    quantity_decimals: int
    least_quantity: Decimal
    most_quantity: Decimal
    min_notional: Decimal
    highest_multiple: Decimal
    lowest_multiple: Decimal
    market_bound: Decimal
    liquidation_fee: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    brackets: tuple[LeverageBracket, ...]
    trigger_protect: Decimal
    ends_ms: int = NEVER_MS

    def price_text(self, price: Decimal) -> str:
        """Price as the venue writes it."""
        return f"{price:.{self.price_decimals}f}"

    def quantity_text(self, quantity: Decimal) -> str:
        """Quantity as the venue writes it."""
        return f"{quantity:.{self.quantity_decimals}f}"

    @property
    def most_leverage(self) -> int:
        """Highest leverage of the smallest bracket."""
        return self.brackets[0].leverage


def money(amount: Decimal) -> Decimal:
    """Amount rounded to what is booked: 8 decimals, half to even."""
    return amount.quantize(MONEY, ROUND_HALF_EVEN)


def contract_of(document: Mapping[str, Any]) -> Contract:
    """Contract of a symbol's row in ``exchangeInfo``: the published rules are enforced."""
    filters = {row["filterType"]: row for row in document["filters"]}
    tick, lot = Decimal(filters["PRICE_FILTER"]["tickSize"]), Decimal(filters["LOT_SIZE"]["stepSize"])
    percent = filters["PERCENT_PRICE"]
    return Contract(
        symbol=document["symbol"],
        tick_size=tick,
        lot_size=lot,
        price_decimals=_decimals(tick),
        price_precision=document["pricePrecision"],
        quantity_decimals=_decimals(lot),
        least_quantity=Decimal(filters["LOT_SIZE"]["minQty"]),
        most_quantity=Decimal(filters["LOT_SIZE"]["maxQty"]),
        min_notional=Decimal(filters["MIN_NOTIONAL"]["notional"]),
        highest_multiple=Decimal(percent["multiplierUp"]),
        lowest_multiple=Decimal(percent["multiplierDown"]),
        market_bound=Decimal(document["marketTakeBound"]),
        liquidation_fee=Decimal(document["liquidationFee"]),
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
        brackets=brackets_of(document["symbol"]),
        trigger_protect=Decimal(document["triggerProtect"]),
        ends_ms=document["deliveryDate"],
    )


def _decimals(step: Decimal) -> int:
    return max(0, -int(step.normalize().as_tuple().exponent))
