"""Stop orders of an event strategy at a venue: the same as on paper, found again, never taken for cover."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from live_runner.book.plan import DeploymentPlan
from quant_pipelines.backtest import BacktestSettings, Book, run_event_backtest
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.trading.breaker import Trip
from tests.integration.runner.minutes import execution_bar, minutes
from tests.integration.runner.stage import MARKET_SYMBOL
from tests.integration.runner.test_chase import Quoted
from tests.integration.runner.test_resting_at_venue import Ladder, Resting, play_resting
from tests.integration.runner.test_venue_stops import N_KNOWN, bars_of, deploy_at_venue
from tests.integration.runner.venue_world import assert_books_equal, until

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

STEP = 25.0
OUTBREAK = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Outbreak(EventStrategy):
    """Stops on both sides while flat, and one that trails what they have opened.

    Sizes are half a lot off the grid: what the venue takes as fees, and paper here does not, changes none.
    """

    order_kinds = ("stop_market",)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(bars=0, asked=[], told=[])

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["bars"] += 1
        if desk.position != 0.0:
            self._trail(desk, desk.price)
        elif desk.memory["bars"] % 4 == 1:
            desk.cancel_all()
            self._ask(desk, 0.2325, desk.price + 50.0)
            self._ask(desk, -0.2325, desk.price - 50.0)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        told = [event.number, event.status, event.quantity, event.price, event.reason]
        desk.memory["told"].append(told)
        if event.quantity != 0.0 and desk.position != 0.0:
            for order in desk.orders:
                if not order.reduce_only:
                    desk.cancel(order.number)
            self._trail(desk, desk.entry_price)

    def _trail(self, desk: Desk, price: float) -> None:
        side = 1.0 if desk.position > 0.0 else -1.0
        level = price - side * 50.0
        closing = [order for order in desk.orders if order.reduce_only]
        if any(side * order.price >= side * level for order in closing):
            return
        for order in closing:
            desk.cancel(order.number)
        self._ask(desk, 1.0, level, reduce_only=True)

    def _ask(self, desk: Desk, size: float, price: float, reduce_only: bool = False) -> None:
        number = desk.stop_market(size, price, reduce_only=reduce_only)
        desk.memory["asked"].append([desk.memory["bars"], number, size, price])
'''
WAITING = (
    "select side, trigger_price, reduce_only, close_position from algo_orders "
    "where status = 'NEW' and client_id like '%-o%' order by number"
)
TRIGGERED = "select status from algo_orders where client_id like '%-o%' and triggered_ms > 0"


def walk(seed: int, n_bars: int) -> Bars:
    """Bars that go a step up or down, so that every level is met at its own price."""
    steps = STEP * np.random.default_rng(seed).choice((-1.0, 1.0), n_bars)
    close = 50_000.0 + np.cumsum(steps)
    opened = close - steps
    return bars_of(
        {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    )


class Paper:
    """The paper book that is fed the same bars, and its strategy."""

    def __init__(self, plan: DeploymentPlan) -> None:
        assert isinstance(plan.strategy, EventStrategy)
        self.plan, self.book = plan, Book(plan.paper_settings)
        self.run = EventRun(plan.strategy, self.book, MINUTE_MS, None)

    def step(self, bars: Bars, row: int) -> None:
        self.run.note(self.book.step(execution_bar(bars, row)))
        known = bars.between(0, int(bars.ts[row]) + 1)
        latest = latest_of(self.plan.strategy, known, self.plan.rules)
        self.book.submit(0.0, inputs=latest.inputs)
        close = Close(int(bars.ts[row]) + MINUTE_MS, latest.features, latest.volatility)
        self.run.act(self.plan.rules.terms, close, known)


def memory_of(run: EventRun) -> dict[str, Any]:
    found: dict[str, Any] = run.to_document()["memory"]
    return found


def test_the_same_stops_are_placed_and_filled_in_backtest_on_paper_and_at_the_venue(
    engine: Engine, deploy: Callable[..., int], tmp_path: Path
) -> None:
    bars = walk(3, N_KNOWN + 40)
    deploy_at_venue(deploy, bars, "", OUTBREAK.replace("{", "{{").replace("}", "}}"))

    async def play() -> None:
        async with minutes(engine, tmp_path, bars, n_known=N_KNOWN) as played:
            paper = Paper(played.trader.plan)
            for row in range(N_KNOWN, len(bars)):
                await played.pass_bar()
                await played.settle()
                await played.book_bars()
                await played.settle()
                paper.step(bars, row)
                on_paper, at_venue = memory_of(paper.run), played.trader.with_broker(_memory)
                assert at_venue == on_paper, f"bar {row}"
            assert_books_equal(engine, played.ledger)
            told = memory_of(paper.run)["told"]
            assert {(one[1], one[4]) for one in told} == {("FILLED", "stop_order")}
            plan = paper.plan
            assert isinstance(plan.strategy, EventStrategy)
            settings = BacktestSettings(
                capital=plan.book_settings.capital, rules=plan.rules, trade_from_ms=int(bars.ts[N_KNOWN])
            )
            trades = run_event_backtest(plan.strategy, bars, settings=settings, execution_bars=bars).trades
            assert len(trades) > 3
            filled = [one[3] for one in told]
            assert [price for one in trades for price in (one.entry_price, one.exit_price)] == pytest.approx(
                filled[: 2 * len(trades)]
            )

    asyncio.run(play())


def _memory(broker: Any) -> dict[str, Any]:
    return memory_of(broker.run)


class Mortal(Quoted):
    """Cancels no stop any more once its process has died."""

    async def cancel_stop(self, symbol: str, client_order_id: str) -> None:
        if self.is_dead:
            raise ExchangeUnavailable("the process has died")
        await super().cancel_stop(symbol, client_order_id)


class Outbreak(Ladder):
    """The deployment whose stops wait."""

    def waiting(self) -> list[tuple[str, Decimal, bool]]:
        """Side, trigger and kind of what waits: none of them closes the whole position."""
        found = self.ledger.select(WAITING)
        assert not any(row[3] for row in found)
        return [(row[0], Decimal(row[1]), bool(row[2])) for row in found]


Scenario = Callable[[Outbreak], Awaitable[None]]
BOTH = [("BUY", Decimal("50050.0"), False), ("SELL", Decimal("49950.0"), False)]
CLOSES = ("SELL", Decimal("50000.1"), True)


@pytest.fixture
def outbreak(engine: Engine, deploy: Callable[..., int], tmp_path: Path) -> Callable[[Scenario], None]:
    """Play a scenario from when both stops wait."""

    def played_with(scenario: Scenario) -> None:
        async def from_both(found: Outbreak) -> None:
            assert found.waiting() == BOTH
            await scenario(found)

        play_resting(engine, deploy, tmp_path, Resting(OUTBREAK, Mortal, Outbreak), from_both)

    return played_with


async def break_out(found: Outbreak) -> None:
    """Let the upper stop be filled, and the strategy place the one that closes."""
    await found.move_to(50_050.0)
    await found.are("FILLED", "ACCEPTED")
    await found.agrees()
    assert [name for name, _ in found.played.standing()] == ["STOP_MARKET"]
    await found.next_bar()
    await found.are("FILLED", "CANCELED", "ACCEPTED")


def test_entry_is_covered_and_the_stop_that_closes_stands_beside_its_cover(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        await break_out(found)
        await found.agrees()
        assert found.waiting() == [CLOSES]
        assert len(found.played.standing()) == 1
        await found.move_to(50_000.0)
        await found.are("FILLED", "CANCELED", "FILLED")
        await found.agrees()
        assert (found.waiting(), found.played.standing()) == ([], [])
        assert found.ledger.select(TRIGGERED) == [("FINISHED",), ("FINISHED",)]

    outbreak(scenario)


def test_killed_process_finds_its_stops_again_and_covers_what_one_has_filled(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        await found.restart()
        await found.next_bar()
        assert found.waiting() == BOTH
        await found.restart()
        await break_out(found)
        await found.restart()
        await found.agrees()
        assert found.waiting() == [CLOSES]
        await found.move_to(50_000.0)
        await found.are("FILLED", "CANCELED", "FILLED")
        await found.agrees()
        await found.next_bar()
        assert [one[:2] for one in found.told()] == [[1, "FILLED"], [3, "FILLED"]]

    outbreak(scenario)


def test_halt_cancels_the_stops_that_open_and_leaves_the_one_that_closes(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        found.played.trader.trip(Trip("failed", "failed by the test"))
        found.played.wake()
        await found.are("CANCELED", "CANCELED")
        assert found.waiting() == []

    outbreak(scenario)


def test_halt_leaves_the_stop_that_closes(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        await break_out(found)
        found.played.trader.trip(Trip("failed", "failed by the test"))
        await found.pass_seconds(2)
        await found.agrees()
        assert found.waiting() == [CLOSES]

    outbreak(scenario)


def test_what_leaves_its_stage_is_closed_and_no_stop_waits(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        await break_out(found)
        found.played.trader.is_leaving = True
        await found.next_bar()
        await found.are("FILLED", "CANCELED", "CANCELED", "FILLED")
        await found.agrees()
        assert (found.waiting(), found.played.standing()) == ([], [])

    outbreak(scenario)


def test_runner_that_ends_leaves_no_stop_behind_that_opens(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        await found.played.lose_the_venue()
        await until(lambda: found.waiting() == [])
        await found.played.talk()
        await found.are("CANCELED", "CANCELED")
        await found.next_bar()
        assert [one[:2] for one in found.told()] == [[1, "CANCELED"], [2, "CANCELED"]]

    outbreak(scenario)


def test_stop_whose_price_has_come_before_goes_at_market_and_is_told_as_filled(outbreak: Any) -> None:
    async def scenario(found: Outbreak) -> None:
        for _ in range(3):
            await found.next_bar()
        await found.played.pass_bar()
        await found.played.settle()
        found.stage.last = Decimal("50060.0")  # it comes between the close and the order, within a second
        venue = found.stage.venue
        venue.set_quote(MARKET_SYMBOL, found.stage.quote(MARKET_SYMBOL, venue.ledger.played_ms))
        await found.played.book_bars()
        found.played.wake()
        await found.are("CANCELED", "CANCELED", "EXPIRED", "ACCEPTED", "FILLED")
        await found.agrees()
        assert [name for name, _ in found.played.standing()] == ["STOP_MARKET"]
        await found.next_bar()
        [told] = found.told()
        assert (told[:2], told[4]) == ([3, "FILLED"], "stop_order")
        await found.are("CANCELED", "CANCELED", "EXPIRED", "CANCELED", "FILLED", "ACCEPTED")
        assert [(side, reduces) for side, _, reduces in found.waiting()] == [("SELL", True)]
        await found.restart()
        await found.next_bar()
        assert len(found.told()) == 1

    outbreak(scenario)
