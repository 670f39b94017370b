"""Entries with a limit at a venue: they rest at the touch, follow it, and end in one of a few ways."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.errors import ExchangeUnavailable, OutcomeUnknown
from quant_pipelines.simulator.venue.state import MarketDepth, Quote
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.venue import LimitOrder, Touch
from tests.integration.runner.minutes import TICK, BarStage, GatedOrders, Minutes, minutes
from tests.integration.runner.stage import MARKET_SYMBOL, naked_ms
from tests.integration.runner.test_venue_stops import N_KNOWN, deploy_at_venue, random_bars
from tests.integration.runner.venue_world import HOLD, Ledger, assert_books_equal, our_fills, until
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

LIMIT = EntrySettings(order="limit", interval_seconds=0.5, seconds=30.0)
ORDERS = (
    "select purpose, order_type, status, quantity, filled_quantity from trading.intents "
    "join trading.orders using (client_order_id) where purpose in ('target', 'remainder') "
    "order by committed_at, client_order_id"
)
BOOKED = "select status, price, time_in_force, number from orders order by number"


class SpreadStage(BarStage):
    """A price that the test moves, with a tick of spread on both sides."""

    last: Decimal | None = None
    stages: list["SpreadStage"]
    size = Decimal(1000)
    traded: Decimal | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        type(self).stages = [self]

    def price_at(self, ts_ms: int) -> Decimal:
        if self.last is None:
            self.last = super().price_at(ts_ms)
        return self.last

    def quote(self, symbol: str, ts_ms: int) -> Quote:
        if symbol != MARKET_SYMBOL:
            return super().quote(symbol, ts_ms)
        price = self.price_at(ts_ms)
        return Quote(ts_ms, price, price, self.traded)

    def depth(self, symbol: str, ts_ms: int) -> MarketDepth:
        if symbol != MARKET_SYMBOL:
            return super().depth(symbol, ts_ms)
        price = self.price_at(ts_ms)
        return MarketDepth([(price - TICK, self.size)], [(price + TICK, self.size)])

    def move(self, ticks: int) -> None:
        """Let the price move by so many ticks; the next second sees it."""
        assert self.last is not None
        self.last += ticks * TICK


class Quoted(GatedOrders):
    """Best prices are the stage's; the test may have answers lost, and the process die."""

    loses_amendments = False
    is_dead = False
    errs_by = 0

    async def touch(self, symbol: str) -> Touch:
        if self.is_dead:
            await asyncio.Event().wait()
        [stage] = SpreadStage.stages
        price = stage.price_at(0) + type(self).errs_by * TICK
        return Touch(price - TICK, price + TICK)

    async def amend(self, order: LimitOrder) -> None:
        async with self.gate:
            await super().amend(order)
        if type(self).loses_amendments:
            raise OutcomeUnknown("nobody knows")

    async def cancel_order(self, symbol: str, client_order_id: str) -> None:
        if self.is_dead:
            raise ExchangeUnavailable("the process has died")
        async with self.gate:
            await super().cancel_order(symbol, client_order_id)


class Chase:
    """A deployment whose entry rests, and what the test looks at."""

    def __init__(self, engine: Engine, home: Path, played: Minutes) -> None:
        self.engine, self.played, self.ledger = engine, played, Ledger(home)
        [self.stage] = SpreadStage.stages

    def orders(self) -> list[Any]:
        return rows(self.engine, ORDERS)

    async def pass_seconds(self, seconds: int) -> None:
        """Let the venue play some seconds, and have the link look."""
        async with self.played.venue.gate:
            self.played.clock.set(self.played.clock() + seconds * 1000)
            self.stage.service.advance()
        self.played.wake()

    async def rests(self) -> None:
        await until(lambda: self.orders() and self.orders()[-1][2] == "ACCEPTED", 20)

    async def ends(self, *statuses: str) -> None:
        await until(lambda: [row[2] for row in self.orders()] == list(statuses), 20)
        await until(self.played._is_settled, 20)
        assert_books_equal(self.engine, self.ledger)
        with self.ledger.opened() as file:
            assert not self.ledger.fills() or naked_ms(file) == 0


Scenario = Callable[[Chase], Awaitable[None]]


@pytest.fixture
def chase(engine: Engine, deploy: Callable[..., int], tmp_path: Path) -> Callable[..., None]:
    """Play a scenario from when the first entry rests."""

    def played_with(scenario: Scenario, entry: EntrySettings = LIMIT, orders: type[Quoted] = Quoted) -> None:
        bars = random_bars(3, N_KNOWN + 4)
        deploy_at_venue(deploy, bars, "", HOLD)

        async def play() -> None:
            options: dict[str, Any] = {"orders": orders, "stage_of": SpreadStage, "entry": entry}
            async with minutes(engine, tmp_path, bars, n_known=N_KNOWN, **options) as played:
                await played.pass_bar()
                await played.book_bars()
                chased = Chase(engine, tmp_path, played)
                await chased.rests()
                await scenario(chased)

        asyncio.run(play())

    return played_with


def test_entry_rests_at_the_touch_and_fills_as_maker(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        [(status, price, kind, _)] = chased.ledger.select(BOOKED)
        assert (status, Decimal(price), kind) == ("NEW", chased.stage.last - TICK, "GTX")
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await chased.ends("FILLED")
        assert chased.ledger.select("select distinct is_maker from fills") == [(1,)]
        assert rows(chased.engine, "select distinct reason from trading.fills") == [("target",)]

    chase(scenario)


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer lost"])
def test_entry_follows_the_touch_under_its_name_and_number(chase: Any, is_lost: bool) -> None:
    class Forgetful(Quoted):
        loses_amendments = is_lost

    async def scenario(chased: Chase) -> None:
        [(_, before, _, number)] = chased.ledger.select(BOOKED)
        chased.stage.move(3)
        await chased.pass_seconds(1)
        moved = Decimal(before) + 3 * TICK
        await until(
            lambda: [(Decimal(row[1]), row[3]) for row in chased.ledger.select(BOOKED)] == [(moved, number)]
        )
        await chased.rests()
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await chased.ends("FILLED")

    chase(scenario, orders=Forgetful)


def test_rest_goes_to_market_at_its_end_and_never_more_than_was_decided(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        chased.stage.traded = Decimal("0.05")
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await until(lambda: chased.orders()[0][2] == "PARTIALLY_FILLED", 20)
        chased.stage.traded = Decimal(0)
        await chased.pass_seconds(30)
        await chased.ends("CANCELED", "FILLED")
        [(_, _, _, wanted, part), (purpose, kind, _, rest, filled)] = chased.orders()
        assert (purpose, kind, part + rest, filled) == ("remainder", "market", wanted, rest)

    chase(scenario)


def test_rest_stays_where_nothing_goes_to_market(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        await chased.pass_seconds(30)
        await chased.ends("CANCELED")
        assert our_fills(chased.engine) == []

    chase(scenario, entry=EntrySettings(order="limit", interval_seconds=0.5, seconds=30.0, at_end="cancel"))


def test_next_bar_takes_the_place_of_what_rests(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        await chased.played.pass_bar()
        chased.played.wake()
        await until(lambda: chased.orders()[0][2] == "CANCELED", 20)
        await chased.played.settle()
        await chased.played.book_bars()
        await until(lambda: len(chased.orders()) == 2, 20)
        await chased.rests()
        assert [row[:2] for row in chased.orders()] == [("target", "limit")] * 2
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await chased.ends("CANCELED", "FILLED")

    chase(scenario, entry=EntrySettings(order="limit", interval_seconds=0.5, seconds=3600.0))


def test_halt_cancels_what_rests(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        chased.played.trader.trip(Trip("failed", "failed by the test"))
        chased.played.wake()
        await chased.ends("CANCELED")

    chase(scenario)


def test_price_that_would_take_is_tried_again_under_another_name(chase: Any) -> None:
    class Crossing(Quoted):
        errs_by = 2

        async def place_limit(self, order: LimitOrder) -> Any:
            type(self).errs_by = 0
            return await super().place_limit(order)

    async def scenario(chased: Chase) -> None:
        assert [row[0] for row in chased.orders()] == ["target", "remainder"]
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await chased.ends("EXPIRED", "FILLED")

    chase(scenario, orders=Crossing)


def test_killed_process_finds_what_rests_and_chases_it_on(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        dead = chased.played.venue
        assert isinstance(dead, Quoted)
        dead.is_dead = True
        chased.played.open()
        chased.played.begin_to_talk()
        await chased.rests()
        [(_, before, _, number)] = chased.ledger.select(BOOKED)
        chased.stage.move(3)
        await chased.pass_seconds(1)
        moved = Decimal(before) + 3 * TICK
        await until(
            lambda: [(Decimal(row[1]), row[3]) for row in chased.ledger.select(BOOKED)] == [(moved, number)]
        )
        chased.stage.move(-2)
        await chased.pass_seconds(1)
        await chased.ends("FILLED")
        await dead.close()

    chase(scenario)


def test_runner_that_ends_leaves_no_entry_behind(chase: Any) -> None:
    async def scenario(chased: Chase) -> None:
        await chased.played.lose_the_venue()
        assert [row[0] for row in chased.ledger.select(BOOKED)] == ["CANCELED"]
        await chased.played.talk()
        await chased.ends("CANCELED")

    chase(scenario)
