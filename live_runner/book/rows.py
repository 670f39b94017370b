"""From the broker's events to the rows that are stored; floats become the decimals that print the same."""

import math
from decimal import Decimal
from typing import Any

from quant_pipelines.backtest import BookedFill, FundingPayment
from quant_pipelines.backtest.bar.stops import EXIT_REASONS
from quant_pipelines.core.orders import OrderStatus, side_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Fill, Income, Intent, OrderState

DUST = Decimal("1e-9")
STOPS = frozenset(EXIT_REASONS) - {"target", "end"}


def exact(value: float) -> Decimal:
    """Shortest decimal that is this float again."""
    return Decimal(repr(float(value)))


def fill_row(deployment_id: int, fill: BookedFill, order: Intent | None) -> Fill:
    """Fill as stored; a stop of the paper venue has no intent."""
    is_stop = order is None or (not fill.order and fill.reason in STOPS)
    reason = fill.reason if is_stop or order is None else order.exit_reason or fill.reason
    return Fill(
        trade_id=_trade_id(deployment_id, fill.number),
        client_order_id=None if is_stop or order is None else order.client_order_id,
        side=side_of(fill.quantity),
        quantity=exact(abs(fill.quantity)),
        price=exact(fill.price),
        fee=exact(fill.fee),
        reason=reason,
        ts=from_ms(fill.ts),
    )


def income_row(payment: FundingPayment) -> Income:
    """Funding as stored."""
    return Income("funding", from_ms(payment.ts), exact(payment.amount))


def order_state(
    order: Intent,
    filled: Decimal,
    *,
    is_working: bool,
    reason: str = "",
    status: OrderStatus = "CANCELED",
) -> OrderState:
    """State of an order after a bar.

    Parameters
    ----------
    order
        Its intent.
    filled
        Base quantity of all its fills so far.
    is_working
        Whether the rest is still open.
    reason, status
        What became of a rest that is not.
    """
    name = order.client_order_id
    if is_working:
        return OrderState(name, "PARTIALLY_FILLED" if filled else "SUBMITTED", filled)
    if abs(filled - order.quantity) <= DUST * order.quantity:
        return OrderState(name, "FILLED", filled)
    return OrderState(name, status, filled, reason)


def json_safe(value: Any) -> Any:
    """Return the document with what JSON has no word for (infinity, not a number) as None."""
    if isinstance(value, dict):
        return {name: json_safe(member) for name, member in value.items()}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def shown(row: Any) -> dict[str, str]:
    """Columns of a row as a log line shows them."""
    return {name: str(getattr(row, name)) for name in row.__slots__}


def _trade_id(deployment_id: int, number: int) -> str:
    """Name of a paper fill by its number in the book, from 1: the same fill always gets the same one."""
    return f"p{deployment_id}-{number:08d}"
