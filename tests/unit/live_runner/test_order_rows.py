"""What becomes of an order that was sent, whoever sends it: committed, and a refusal counted."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.venue.broker import VenueBroker
from live_runner.venue.order_rows import OrderRows
from quant_pipelines.core.errors import (
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    OrderWouldTake,
    OutcomeUnknown,
    StopWouldTrigger,
)
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueOrder

INTENT = Intent("x", "buy", Decimal(1), "target", from_ms(0))


class OneOrder(VenueBroker):
    """Keeps what is committed of one order."""

    def __init__(self) -> None:
        only: Any = SimpleNamespace(intent=INTENT)
        self.orders = {"x": only}
        self.steps: list[OrderStep] = []

    def follow(self, step: OrderStep, at: Any) -> bool:
        self.steps.append(step)
        return True


class Venue:
    """Tells the time."""

    async def now_ms(self) -> int:
        return 0


class OneTrader:
    """Counts what it is told of refusals."""

    plan = SimpleNamespace(deployment=SimpleNamespace(id=1))

    def __init__(self) -> None:
        self.broker = OneOrder()
        self.told: list[tuple[Exception, int]] = []

    def with_broker(self, act: Callable[[Any], Any]) -> Any:
        return act(self.broker)

    def refused(self, error: Exception, at_ms: int) -> None:
        self.told.append((error, at_ms))


async def _answered(answer: VenueOrder | ExchangeError) -> VenueOrder:
    if isinstance(answer, ExchangeError):
        raise answer
    return answer


def _followed(answer: VenueOrder | ExchangeError) -> OneTrader:
    trader = OneTrader()
    only: Any = trader
    venue: Any = Venue()
    rows = OrderRows(only, venue, 1)
    assert asyncio.run(rows.follow_sent(INTENT, _answered(answer), 7)) is answer
    return trader


@pytest.mark.parametrize(
    ("error", "status", "is_told"),
    [
        (ExchangeRefused("no margin"), "REJECTED", True),
        (ExchangeUnavailable("maintenance"), "REJECTED", True),
        (OrderWouldTake("the price has moved"), "EXPIRED", False),
        (StopWouldTrigger("the price has come"), "EXPIRED", False),
        (OutcomeUnknown("no answer"), "UNKNOWN", False),
    ],
)
def test_an_order_that_was_not_taken_is_committed_and_told(
    error: ExchangeError, status: str, *, is_told: bool
) -> None:
    trader = _followed(error)
    [step] = trader.broker.steps
    assert (step.progress.status, step.reason) == (status, str(error))
    assert trader.told == ([(error, 7)] if is_told else [])


def test_what_an_order_has_filled_by_its_answer_is_committed() -> None:
    sent = VenueOrder("x", "9", "PARTIALLY_FILLED", Decimal("0.4"))
    trader = _followed(sent)
    [step] = trader.broker.steps
    assert step == OrderStep("x", OrderProgress(sent.status, sent.filled_quantity), "9", "")
    assert trader.told == []
