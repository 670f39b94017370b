"""From the broker's events to the rows that are stored; floats become the decimals that print the same."""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from quant_pipelines.backtest import BookedFill, FundingPayment
from quant_pipelines.backtest.stops import EXIT_REASONS
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Fill, Income, Intent, OrderState, trade_id

VENUE = "paper"
STOPS = frozenset(EXIT_REASONS) - {"target", "end"}


def exact(value: float) -> Decimal:
    """Shortest decimal that is this float again."""
    return Decimal(repr(float(value)))


def fill_row(deployment_id: int, fill: BookedFill, order: Intent | None) -> Fill:
    """Fill as stored; a stop of the paper venue has no intent."""
    is_stop = fill.reason in STOPS or order is None
    return Fill(
        trade_id=trade_id(deployment_id, fill.number),
        client_order_id=None if is_stop or order is None else order.client_order_id,
        side="buy" if fill.quantity > 0 else "sell",
        quantity=exact(abs(fill.quantity)),
        price=exact(fill.price),
        fee=exact(fill.fee),
        reason=fill.reason,
        ts=from_ms(fill.ts),
    )


def income_row(payment: FundingPayment) -> Income:
    """Funding as stored."""
    return Income("funding", from_ms(payment.ts), exact(payment.amount))


def finished_order(order: Intent, fills: Iterable[Fill]) -> OrderState:
    """State of a market order after the bar that had to fill it."""
    filled = sum(
        (fill.quantity for fill in fills if fill.client_order_id == order.client_order_id), Decimal(0)
    )
    if filled == order.quantity:
        return OrderState(order.client_order_id, "FILLED", filled)
    return OrderState(order.client_order_id, "CANCELED", filled, "the stop closed the position at the open")


def json_safe(value: Any) -> Any:
    """Return the document with what JSON has no word for (infinity, not a number) as None."""
    if isinstance(value, dict):
        return {name: json_safe(member) for name, member in value.items()}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
