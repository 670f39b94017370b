"""A position is closed step by step: wider after what left something, never doubled, read back in between."""

import asyncio
from collections import deque
from decimal import Decimal

import pytest

from live_runner.venue.flattening import Flattening
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.risk.account_view import NO_PRICES, Prices
from quant_pipelines.trading.cover import ExitPosition
from quant_pipelines.trading.flatten import CloseOrder, ClosingTerms, Collar
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import AccountPosition
from tests.unit.live_runner.memory_venue import MemoryVenue

HELD = ExitPosition("close", Decimal(4), None, "operator")
STATUSES: dict[str, OrderStatus] = {"UNKNOWN": "UNKNOWN", "REJECTED": "REJECTED"}
STREAMED = Prices(100.0, 99.0, 1.0)


class Venue(MemoryVenue):
    """Holds a position, and fills of each order the share that a test gives it; its mark is 90."""

    def __init__(self, held: Decimal = HELD.position, largest: Decimal | None = None) -> None:
        super().__init__()
        self.held, self.largest = held, largest
        self.is_away = False

    async def position(self, symbol: str) -> AccountPosition:
        if self.is_away:
            raise ExchangeUnavailable("the venue is away")
        return AccountPosition(symbol, self.held, mark_price=Decimal(90))

    async def closing_terms(self, symbol: str) -> ClosingTerms:
        return ClosingTerms(Decimal("0.01"), self.largest)


def closed(venue: Venue, *answers: str, prices: Prices = STREAMED, n_steps: int = 0) -> list[tuple[str, str]]:
    """Close; each answer is a quantity that is filled at once, or the status of an order that is not."""
    sent, left = list[tuple[str, str]](), deque(answers)

    async def send(_wanted: ExitPosition, step: CloseOrder) -> OrderProgress:
        sent.append((f"{step.quantity}", f"{step.price}"))
        answer = left.popleft() if left else f"{step.quantity}"
        if answer in STATUSES:
            return OrderProgress(STATUSES[answer])
        filled = min(Decimal(answer), step.quantity, abs(venue.held))
        venue.held -= filled if step.side == "sell" else -filled
        return OrderProgress("FILLED" if filled == step.quantity else "EXPIRED", filled)

    closing = Flattening(venue, "BTC", send=send, prices=lambda _: prices, collar=Collar())
    asyncio.run(closing.close(HELD, n_steps))
    return sent


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((), [("4", "99.50")]),
        (("1", "0"), [("4", "99.50"), ("3", "89.10"), ("3", "88.20")]),
        (
            ("0", "0", "0", "0", "0"),
            [("4", f"{price}") for price in ("99.50", "89.10", "88.20", "86.40", None)],
        ),
        (("1", "UNKNOWN"), [("4", "99.50"), ("3", "89.10")]),
        (("REJECTED",), [("4", "99.50")]),
    ],
)
def test_orders_widen_around_the_mark_until_nothing_is_left(
    answers: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert closed(Venue(), *answers) == expected


def test_a_later_try_begins_as_wide_as_it_is_late() -> None:
    assert closed(Venue(), n_steps=2) == [("4", "98.00")]
    assert closed(Venue(), n_steps=9) == [("4", "None")]


def test_parts_that_are_filled_keep_the_collar() -> None:
    assert closed(Venue(largest=Decimal(2))) == [("2", "99.50"), ("2", "89.55")]


@pytest.mark.parametrize("prices", [NO_PRICES, STREAMED._replace(age_seconds=6.0)])
def test_without_a_fresh_price_the_venues_mark_counts(prices: Prices) -> None:
    assert closed(Venue(), prices=prices) == [("4", "89.55")]


def test_the_last_price_stands_in_for_a_mark_that_is_not_streamed() -> None:
    assert closed(Venue(), prices=Prices(last=99.0, age_seconds=0.1)) == [("4", "98.51")]


def test_an_exit_does_not_wait_for_a_price() -> None:
    away = Venue()
    away.is_away = True
    assert closed(away, prices=NO_PRICES) == [("4", "None")]


def test_what_cannot_be_read_back_is_left_to_the_next_look() -> None:
    venue = Venue()
    venue.is_away = True
    assert closed(venue, "1") == [("4", "99.50")]


@pytest.mark.parametrize(("held", "expected"), [("2", "1"), ("9", "3"), ("-2", None)])
def test_never_more_is_closed_than_is_left_of_it_and_held(held: str, expected: str | None) -> None:
    quantities = [quantity for quantity, _ in closed(Venue(Decimal(held)), "1")]
    assert quantities == ["4"] + ([expected] if expected else [])
