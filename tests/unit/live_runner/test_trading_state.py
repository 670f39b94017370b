"""What a deployment still does in each trading state: one row for each way into it and out of it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from live_runner.book.trader import Trader
from tests.unit.live_runner.test_races import Books, trader_of


class Expected(NamedTuple):
    """State, whether it decides, whether what is held is closed, whether bars are booked."""

    state: str
    decides: bool
    closes: bool
    books: bool


def seen(trader: Trader) -> Expected:
    return Expected(trader.state, not trader.is_halted, trader.must_flatten, not trader.is_frozen)


def failed(trader: Trader) -> None:
    trader.halt("it broke", is_final=False)


def failed_again(trader: Trader) -> None:
    trader.halt("it broke", is_final=False)
    trader.halt("it broke again", is_final=True)


def halted(trader: Trader) -> None:
    trader.follow_halt("halted by ann: odd")


def flattened(trader: Trader) -> None:
    trader.follow_halt("flattened by ann: out", must_flatten=True)


def resumed(trader: Trader) -> None:
    trader.follow_halt(None)


ACTIVE = Expected("ACTIVE", decides=True, closes=False, books=True)
HALTED = Expected("HALTED", decides=False, closes=False, books=True)
CLOSING = HALTED._replace(closes=True)
SCENARIOS: dict[str, tuple[tuple[Callable[[Trader], None], ...], Expected]] = {
    "nothing has happened": ((), ACTIVE),
    "it failed": ((failed,), HALTED),
    "it failed and is resumed": ((failed, resumed), ACTIVE),
    "it failed while halted": ((failed_again,), HALTED._replace(books=False)),
    "it failed while halted and its halt is read": ((failed_again, halted), HALTED._replace(books=False)),
    "it failed while halted and is resumed": ((failed_again, resumed), ACTIVE),
    "a person halted it": ((halted,), HALTED),
    "a person halted and resumed it": ((halted, resumed), ACTIVE),
    "a person flattened it": ((flattened,), CLOSING),
    "a person flattened what had failed": ((failed, flattened), CLOSING),
    "a person flattened and resumed it": ((flattened, resumed), ACTIVE),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_state_after(name: str) -> None:
    steps, expected = SCENARIOS[name]
    trader = trader_of(Books())
    for step in steps:
        step(trader)
    assert seen(trader) == expected
