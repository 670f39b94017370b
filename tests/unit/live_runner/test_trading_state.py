"""What a deployment still does in each trading state: one row for each way into it and out of it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from live_runner.book.trader import Trader
from quant_pipelines.trading.breaker import Trip
from tests.unit.live_runner.test_races import Books, trader_of


class Expected(NamedTuple):
    """State, whether it decides, whether what is held is closed, whether bars are booked."""

    state: str
    decides: bool
    closes: bool
    books: bool


def seen(trader: Trader) -> Expected:
    return Expected(trader.state, not trader.is_halted, trader.must_flatten, trader.books)


def failed(trader: Trader) -> None:
    trader.trip(Trip("failed", "it broke"))


def failed_again(trader: Trader) -> None:
    trader.trip(Trip("failed", "it broke"))
    trader.trip(Trip("failed_again", "it broke again"))


def read_failed(trader: Trader) -> None:
    trader.follow([Trip("failed", "it broke")])


def frozen(trader: Trader) -> None:
    trader.follow([Trip("frozen", "halted by ann: odd")])


def failed_too(trader: Trader) -> None:
    trader.follow([Trip("frozen", "halted by ann: odd"), Trip("failed", "it broke")])


def flattened(trader: Trader) -> None:
    trader.follow([Trip("flattened", "flattened by ann: out")])


def left(trader: Trader) -> None:
    trader.is_leaving = True


def resumed(trader: Trader) -> None:
    trader.follow([])


ACTIVE = Expected("ACTIVE", decides=True, closes=False, books=True)
HALTED = Expected("HALTED", decides=False, closes=False, books=True)
FROZEN = HALTED._replace(state="FROZEN")
NOT_BOOKING = HALTED._replace(books=False)
CLOSING = HALTED._replace(closes=True)
SCENARIOS: dict[str, tuple[tuple[Callable[[Trader], None], ...], Expected]] = {
    "nothing has happened": ((), ACTIVE),
    "it failed": ((failed,), HALTED),
    "it failed and is resumed": ((failed, resumed), ACTIVE),
    "it failed while halted": ((failed_again,), NOT_BOOKING),
    "it failed while halted and its halt is read": (
        (failed_again, read_failed),
        NOT_BOOKING,
    ),
    "it failed while halted and is resumed": ((failed_again, resumed), ACTIVE),
    "a person froze it": ((frozen,), FROZEN),
    "a person froze and resumed it": ((frozen, resumed), ACTIVE),
    "a person flattened it": ((flattened,), CLOSING),
    "a person flattened what had failed": ((failed, flattened), CLOSING),
    "a person flattened and resumed it": ((flattened, resumed), ACTIVE),
    "it left its stage": ((left,), ACTIVE),
    "it left its stage while halted": ((failed, left), CLOSING),
    "it failed after it left its stage": ((left, failed), CLOSING),
    "it left its stage while frozen": ((frozen, left), FROZEN),
    "it left its stage while halted and frozen": ((frozen, failed_too, left), HALTED),
    "it left its stage, halted and resumed": ((failed, left, resumed), ACTIVE),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_state_after(name: str) -> None:
    steps, expected = SCENARIOS[name]
    trader = trader_of(Books())
    for step in steps:
        step(trader)
    assert seen(trader) == expected
