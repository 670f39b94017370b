"""An event strategy at a venue: its orders rest there, are covered once they fill, and are told once."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sqlalchemy import Engine

from live_runner.venue.event_broker import EventVenueBroker
from quant_pipelines.core.bars import Bars
from quant_pipelines.trading.breaker import Trip
from tests.integration.runner.minutes import TICK, Minutes, minutes
from tests.integration.runner.stage import naked_ms
from tests.integration.runner.test_chase import Quoted, SpreadStage
from tests.integration.runner.test_venue_stops import N_KNOWN, bars_of, deploy_at_venue
from tests.integration.runner.venue_world import Ledger, assert_books_equal, until
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

PRICE = 50_000.0
RUNGS = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Rungs(EventStrategy):
    """Two buys below the price, hung anew every third bar while flat; one sale above what they cost."""

    order_kinds = ("limit",)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(bars=0, told=[])

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["bars"] += 1
        if desk.memory["bars"] % 3 == 1 and desk.position == 0.0:
            desk.cancel_all()
            desk.limit(0.25, desk.price - 10.04, post_only=True)
            desk.limit(0.25, desk.price - 20.0)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.quantity, event.reason])
        if event.quantity > 0.0:
            for order in desk.orders:
                if order.reduce_only:
                    desk.cancel(order.number)
            desk.limit(1.0, desk.entry_price + 30.0, reduce_only=True)
'''
ORDERS = (
    "select purpose, status, price, quantity, filled_quantity, reduce_only from trading.intents "
    "join trading.orders using (client_order_id) where purpose like 'order %' or purpose = 'target' "
    "order by committed_at, client_order_id"
)
BOOKED = "select status, price, time_in_force, number from orders order by number"


class Ladder:
    """The deployment whose orders rest, and what the test looks at."""

    def __init__(self, engine: Engine, home: Path, played: Minutes) -> None:
        self.engine, self.played, self.ledger = engine, played, Ledger(home)
        [self.stage] = SpreadStage.stages

    def statuses(self) -> list[str]:
        return [row[1] for row in rows(self.engine, ORDERS)]

    def working(self) -> list[tuple[str, Decimal]]:
        """Statuses and prices of what works at the venue."""
        booked = self.ledger.select(BOOKED)
        return [(row[0], Decimal(row[1])) for row in booked if row[0] in ("NEW", "PARTIALLY_FILLED")]

    def numbers(self) -> list[int]:
        return [row[3] for row in self.ledger.select(BOOKED) if row[0] == "NEW"]

    def told(self) -> list[list[Any]]:
        broker = self.played.trader.with_broker(lambda broker: broker)
        assert isinstance(broker, EventVenueBroker)
        told: list[list[Any]] = broker.run.to_document()["memory"]["told"]
        return told

    async def are(self, *statuses: str) -> None:
        await until(lambda: self.statuses() == list(statuses), 20)

    async def pass_seconds(self, seconds: int) -> None:
        """Let the venue play some seconds, and have the link look."""
        async with self.played.venue.gate:
            self.played.clock.set(self.played.clock() + seconds * 1000)
            self.stage.service.advance()
        self.played.wake()

    async def move_to(self, price: float) -> None:
        self.stage.last = Decimal(str(price))
        await self.pass_seconds(1)

    async def next_bar(self) -> None:
        await self.played.pass_bar()
        await self.played.settle()
        await self.played.book_bars()
        self.played.wake()

    async def restart(self) -> None:
        """Begin by the rows, as after a process that was killed: it cancels nothing any more."""
        dead, talking = self.played.venue, self.played._talking
        assert isinstance(dead, Quoted)
        assert talking is not None
        dead.is_dead = True
        self.played.open()
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await dead.close()
        await self.played.talk()

    async def agrees(self) -> None:
        await until(self.played._is_settled, 20)
        assert_books_equal(self.engine, self.ledger)
        with self.ledger.opened() as file:
            assert not self.ledger.fills() or naked_ms(file) == 0


Scenario = Callable[[Ladder], Awaitable[None]]


def flat_bars(n_bars: int) -> Bars:
    return bars_of(dict.fromkeys(("open", "high", "low", "close"), np.full(n_bars, PRICE)))


class Resting(NamedTuple):
    """What rests as a scenario begins: the strategy's text, how it is sent, and how it is looked at."""

    source: str
    orders: Any
    seen_as: type[Ladder]


def play_resting(
    engine: Engine, deploy: Callable[..., int], tmp_path: Path, resting: Resting, scenario: Callable[..., Any]
) -> None:
    """Play a scenario from when both orders rest."""
    bars = flat_bars(N_KNOWN + 9)
    deploy_at_venue(deploy, bars, "", resting.source.replace("{", "{{").replace("}", "}}"))

    async def play() -> None:
        options: dict[str, Any] = {"orders": resting.orders, "stage_of": SpreadStage}
        async with minutes(engine, tmp_path, bars, n_known=N_KNOWN, **options) as played:
            await played.pass_bar()
            await played.book_bars()
            found = resting.seen_as(engine, tmp_path, played)
            await found.are("ACCEPTED", "ACCEPTED")
            await scenario(found)

    asyncio.run(play())


@pytest.fixture
def ladder(engine: Engine, deploy: Callable[..., int], tmp_path: Path) -> Callable[[Scenario], None]:
    """Play a scenario from when both buys rest."""
    return partial(play_resting, engine, deploy, tmp_path, Resting(RUNGS, Quoted, Ladder))


def test_orders_rest_at_the_grid_and_are_hung_anew(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        first, second = Decimal("49989.9"), Decimal("49980.0")
        assert found.working() == [("NEW", first), ("NEW", second)]
        assert [row[2] for row in found.ledger.select(BOOKED)] == ["GTX", "GTC"]
        before = found.numbers()
        for _ in range(2):
            await found.next_bar()
            assert found.numbers() == before
        await found.next_bar()
        await found.are("CANCELED", "CANCELED", "ACCEPTED", "ACCEPTED")
        assert found.working() == [("NEW", first), ("NEW", second)]
        assert found.told() == []  # what it has taken back itself is no news
        await found.agrees()

    ladder(scenario)


def test_entry_is_covered_in_parts_and_given_back_where_the_strategy_says(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        found.stage.traded = Decimal("0.01")
        await found.move_to(49_985.0)
        await found.are("PARTIALLY_FILLED", "ACCEPTED")
        await found.agrees()
        assert [name for name, _ in found.played.standing()] == ["STOP_MARKET"]
        found.stage.traded = None
        await found.pass_seconds(1)
        await found.are("FILLED", "ACCEPTED")
        await found.agrees()
        await found.next_bar()
        await found.are("FILLED", "ACCEPTED", "ACCEPTED")
        bought = float(rows(found.engine, ORDERS)[0][3])
        assert [[*one[:2], one[3]] for one in found.told()] == [
            [1, "PARTIALLY_FILLED", "limit_order"],
            [1, "FILLED", "limit_order"],
        ]
        assert sum(one[2] for one in found.told()) == pytest.approx(bought)
        assert found.working() == [("NEW", Decimal("49980.0")), ("NEW", Decimal("50019.9"))]
        await found.move_to(50_025.0)
        await found.are("FILLED", "ACCEPTED", "FILLED")
        await found.agrees()
        await found.next_bar()
        assert found.told()[-1][:2] == [4, "FILLED"]  # 3 was taken back with the second part
        assert found.played.standing() == []

    ladder(scenario)


def test_killed_process_finds_what_rests_and_tells_a_fill_once(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        before = found.numbers()
        await found.restart()
        await found.next_bar()
        assert found.numbers() == before
        await found.move_to(49_985.0)
        await found.are("FILLED", "ACCEPTED")
        await found.agrees()
        for _ in range(2):  # once before its bar is booked, and once behind it
            await found.restart()
            await found.next_bar()
            await found.are("FILLED", "ACCEPTED", "ACCEPTED")
            assert [one[:2] for one in found.told()] == [[1, "FILLED"]]
        await found.agrees()

    ladder(scenario)


def test_halt_cancels_entries_and_leaves_the_way_out(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        await found.move_to(49_985.0)
        await found.are("FILLED", "ACCEPTED")
        await found.agrees()
        await found.next_bar()
        await found.are("FILLED", "ACCEPTED", "ACCEPTED")
        found.played.trader.trip(Trip("failed", "failed by the test"))
        found.played.wake()
        await found.are("FILLED", "CANCELED", "ACCEPTED")
        assert found.working() == [("NEW", Decimal("50019.9"))]
        await found.agrees()

    ladder(scenario)


def test_what_leaves_its_stage_is_closed_and_nothing_rests(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        await found.move_to(49_985.0)
        await found.are("FILLED", "ACCEPTED")
        await found.agrees()
        found.played.trader.is_leaving = True
        await found.next_bar()
        await found.are("FILLED", "CANCELED", "FILLED")
        assert rows(found.engine, ORDERS)[-1][5] is True
        await found.agrees()
        assert found.working() == []

    ladder(scenario)


def test_runner_that_ends_leaves_no_entry_behind_and_hangs_the_ladder_again(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        await found.played.lose_the_venue()
        assert found.working() == []
        await found.played.talk()
        await found.are("CANCELED", "CANCELED")
        await found.next_bar()
        assert [one[:2] for one in found.told()] == [[1, "CANCELED"], [2, "CANCELED"]]
        for _ in range(2):
            await found.next_bar()
        await found.are("CANCELED", "CANCELED", "ACCEPTED", "ACCEPTED")
        await found.agrees()

    ladder(scenario)


def test_price_that_would_take_is_refused_and_told(ladder: Any) -> None:
    async def scenario(found: Ladder) -> None:
        for _ in range(2):
            await found.next_bar()
        found.stage.last = Decimal(str(PRICE)) - 150 * TICK  # below the first rung, above the second
        found.stage.traded = Decimal(0)
        await found.next_bar()
        await found.are("CANCELED", "CANCELED", "EXPIRED", "ACCEPTED")
        await found.next_bar()
        assert found.told()[-1] == [3, "CANCELED", 0.0, "the venue refused it"]

    ladder(scenario)
