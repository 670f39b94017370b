"""A price that reaches a level which the runner watches itself closes the book, whenever it is told."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from live_runner.venue.covering import Around
from live_runner.venue.covers import Covers
from live_runner.venue.liquidation import LiquidationGuard
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.risk.account_view import Prices
from tests.unit.live_runner.test_small_exits import Venue, World

KEY, BEYOND_ITS_STOP = 7, 94.0


class Interrupting(Venue):
    """Has something happen while its time is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    async def now_ms(self) -> int:
        self.meanwhile()
        return await super().now_ms()


def covers_of(world: World, venue: Venue) -> Covers:
    unasked: Any = None
    for seat in world.place.seats.values():
        trader: Any = seat.trader
        trader.must_flatten, trader.closes_for = False, None
    journal: Any = SimpleNamespace(write_alert=print)
    around = Around(
        journal,
        unasked,
        world._transmit,
        lambda: False,
        world.place,
        unasked,
        lambda _: Prices(100.0, 100.0, 0.1),
        RunnerSettings(),
        LiquidationGuard(0.02),
    )
    told: Any = print
    return Covers(venue, around, read_back_seconds=2.0, hold_back=told, wake=lambda: None)


def test_a_price_that_comes_while_its_book_is_looked_at_is_not_forgotten() -> None:
    """The look forgot it, and the position was held until a later price reached the level again."""
    world, venue = World("1", "1"), Interrupting()

    async def scenario() -> None:
        covers = covers_of(world, venue)
        await covers._watch(KEY)
        venue.meanwhile = lambda: covers.hear(BEYOND_ITS_STOP)
        await covers._watch(KEY)
        venue.meanwhile = lambda: None
        await covers.exit_reached()

    asyncio.run(scenario())
    assert [(intent.purpose, intent.side) for intent in world.sent] == [("exit", "sell")]
