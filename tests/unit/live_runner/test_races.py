"""What one thread or task does while another one is in the middle: nothing is forgotten, nothing goes on."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from live_runner.book.account import OpenGate
from live_runner.book.approval import Relations
from live_runner.book.broker import Opened
from live_runner.book.paper import open_paper
from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.links import VenueLinks
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import Seat, VenuePlace
from live_runner.venue.wire import Wire
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.risk import RiskLimits
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading import TradingRules
from quant_pipelines.trading.breaker import Trip
from tests.faults.loop import run_virtually
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.memory_venue import MemoryVenue

AT = datetime(2026, 1, 1, tzinfo=UTC)
SYMBOL = "BTC/USDT:USDT"
SOURCE = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy


class Hold(Strategy):
    """Always long."""

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
'''
RULES = TradingRules(CostSettings(), limits=RiskLimits(1.0, 2.0, 0.5, 90.0)).to_document()
STEPS = (Decimal("0.1"), Decimal("0.001"), Decimal(5), Decimal("0.0002"), Decimal("0.0005"))
INSTRUMENT = Instrument("binanceusdm", SYMBOL, *STEPS, 20, 8)
DEPLOYMENT = Deployment(
    7,
    "hold",
    SOURCE,
    "hash",
    "binanceusdm",
    SYMBOL,
    "1m",
    "1m",
    {},
    RULES,
    "canary",
    Decimal(1000),
    AT,
    AT,
    INSTRUMENT,
    1,
)


class Books:
    """Opens a broker from the rows, and counts how often."""

    def __init__(self) -> None:
        self.n_opened = 0
        self.trader: Trader | None = None
        self.halts_meanwhile = False

    def open(self, *_: Any) -> Opened:
        self.n_opened += 1
        if self.halts_meanwhile and self.trader is not None:
            self.halts_meanwhile = False
            self.trader.trip(Trip("failed", "failed meanwhile"))
        return Opened(object(), None, 0)  # type: ignore[arg-type] - nobody asks it anything


def trader_of(books: Books) -> Trader:
    series = BarSeries(SYMBOL, "1m", 0)
    plan = plan_of(DEPLOYMENT, in_process)
    books.trader = Trader(MemoryJournal(), plan, series, epoch=1, open_broker=books.open)
    return books.trader


def fail(_broker: Any) -> None:
    raise ZeroDivisionError("half done")


def test_memory_that_a_failure_left_ahead_is_read_again_before_anybody_else_sees_it() -> None:
    books = Books()
    trader = trader_of(books)
    with pytest.raises(ZeroDivisionError):
        trader.with_broker(fail)
    trader.with_broker(lambda _: None)
    assert books.n_opened == 2


def test_a_failure_that_is_told_while_the_rows_are_read_has_them_read_again() -> None:
    books = Books()
    trader = trader_of(books)
    books.halts_meanwhile = True
    trader.trip(Trip("failed", "failed"))
    trader.with_broker(lambda _: None)
    trader.with_broker(lambda _: None)
    assert books.n_opened == 3


def test_a_flattening_ends_with_its_halt() -> None:
    trader = trader_of(Books())
    trader.follow([Trip("flattened", "flattened by ann")])
    assert (trader.state, trader.must_flatten) == ("HALTED", True)
    trader.follow([])
    assert (trader.state, trader.must_flatten) == ("ACTIVE", False)


def test_a_dropped_trader_has_left_only_after_the_thread_that_books() -> None:
    trader, order = trader_of(Books()), list[str]()
    is_inside, may_end = threading.Event(), threading.Event()

    def book(_broker: Any) -> None:
        is_inside.set()
        may_end.wait(60)
        order.append("booked")

    def leave() -> None:
        trader.leave()
        order.append("left")

    booking = threading.Thread(target=trader.with_broker, args=(book,))
    leaving = threading.Thread(target=leave)
    booking.start()
    assert is_inside.wait(60)
    leaving.start()
    may_end.set()
    for thread in (booking, leaving):
        thread.join(60)
    assert order == ["booked", "left"]


def test_a_dropped_trader_leaves_without_reading_its_rows_once_more() -> None:
    books = Books()
    trader = trader_of(books)
    trader.trip(Trip("failed", "failed"))
    trader.leave()
    assert books.n_opened == 1


class Link:
    """Counts how often it was begun."""

    def __init__(self) -> None:
        self.place = VenuePlace(MemoryJournal(), 1)
        self.n_begun = 0
        self.n_woken = 0
        self.may_be_uncovered = False
        self.begun = asyncio.Event()

    def add(self, trader: Trader, barred: Callable[[], str]) -> None:
        seat = Seat(trader, Wire(print, print), OrderRows(trader, MemoryVenue(), 1), barred)
        self.place.seats[DEPLOYMENT.id] = seat

    def remove(self, deployment_id: int) -> None:
        del self.place.seats[deployment_id]

    async def run(self) -> None:
        self.n_begun += 1
        self.begun.set()

    def wake(self) -> None:
        self.n_woken += 1


async def failing(_key: str, work: Coroutine[Any, Any, None]) -> str | None:
    await work
    return "it broke"


def test_a_failed_link_is_halted_in_turn_with_refreshes_and_begun_again_when_woken() -> None:
    async def scenario() -> None:
        told = list[str]()
        turn = asyncio.Lock()

        async def stop(_trader: Trader, failure: str) -> None:
            async with turn:  # as the traders do while it reads the halts
                told.append(failure)

        links, link, trader = VenueLinks(failing, stop), Link(), trader_of(Books())
        links.link_for(DEPLOYMENT, lambda: link)  # type: ignore[arg-type, return-value] - as much as is asked
        async with asyncio.timeout(60):
            async with turn:
                links.start(trader)
                await link.begun.wait()
                await asyncio.sleep(0)
                assert not told
            link.begun.clear()
            while not told:  # noqa: ASYNC110 - told by a task
                await asyncio.sleep(0)
            links.wake(trader.plan.deployment.id)
            await link.begun.wait()
            await links.close()
        assert (told[0], link.n_woken) == ("it broke", 1)

    asyncio.run(scenario())


def test_a_link_that_waits_for_its_halt_can_be_dropped() -> None:
    async def scenario() -> None:
        turn = asyncio.Lock()

        async def stop(_trader: Trader, _failure: str) -> None:
            async with turn:
                raise AssertionError("the link was dropped before")

        links, link, trader = VenueLinks(failing, stop), Link(), trader_of(Books())
        links.link_for(DEPLOYMENT, lambda: link)  # type: ignore[arg-type, return-value] - as much as is asked
        async with asyncio.timeout(60), turn:
            links.start(trader)
            await link.begun.wait()
            await links.drop(trader.plan.deployment.id)

    asyncio.run(scenario())


def test_a_link_goes_on_only_after_the_thread_that_books_for_who_was_dropped() -> None:
    async def scenario() -> list[str]:
        async def stop(_trader: Trader, _failure: str) -> None: ...

        links, link, trader, order = VenueLinks(failing, stop), Link(), trader_of(Books()), list[str]()
        other, may_end = replace(DEPLOYMENT, id=8), threading.Event()

        def book(_broker: Any) -> None:
            may_end.wait(60)
            order.append("booked")

        for one in (DEPLOYMENT, other):
            links.link_for(one, lambda: link)  # type: ignore[arg-type, return-value] - as much as is asked
        link.add(trader, lambda: "")
        link.place.seats[other.id] = link.place.seats[DEPLOYMENT.id]
        links.start(trader)
        await link.begun.wait()
        link.begun.clear()
        booking = asyncio.create_task(asyncio.to_thread(trader.with_broker, book))
        await asyncio.sleep(0.1)
        dropping = asyncio.create_task(links.drop(DEPLOYMENT.id))
        await asyncio.sleep(0.1)
        order += ["begun"] * link.begun.is_set()
        may_end.set()
        await link.begun.wait()
        order.append("begun")
        await asyncio.gather(booking, dropping)
        await links.close()
        return order

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == ["booked", "begun"]


@pytest.mark.parametrize(("may_be_uncovered", "n_begun"), [(True, 16), (False, 5)])
def test_a_link_that_fails_pauses_ever_longer_and_less_while_something_may_be_uncovered(
    may_be_uncovered: bool, n_begun: int
) -> None:
    async def scenario() -> int:
        async def stop(_trader: Trader, _failure: str) -> None: ...

        links, link, trader = VenueLinks(failing, stop), Link(), trader_of(Books())
        link.may_be_uncovered = may_be_uncovered
        links.link_for(DEPLOYMENT, lambda: link)  # type: ignore[arg-type, return-value] - as much as is asked
        links.start(trader)
        await asyncio.sleep(59.5)
        await links.close()
        return link.n_begun

    assert run_virtually(scenario(), random.Random(1)) == n_begun  # noqa: S311 - a seed


def test_a_book_is_had_at_once_only_while_nobody_has_it_and_its_rows_need_not_be_read() -> None:
    trader = trader_of(Books())

    def is_free() -> bool:
        with trader.at_once() as broker:
            return broker is not None

    with ThreadPoolExecutor(1) as other:
        assert other.submit(is_free).result()
        assert not trader.with_broker(lambda _: other.submit(is_free).result())
        assert other.submit(is_free).result()
    trader.trip(Trip("failed", "failed"))
    assert not is_free()
    trader.with_broker(lambda _: None)
    assert is_free()


class Told(OpenGate):
    """Counts what it is told of books."""

    n_told = 0

    def report(self, exposure: Callable[[], Any]) -> None:
        self.n_told += 1


def test_the_account_is_told_nothing_more_of_a_book_that_has_left_for_another_may_have_its_place() -> None:
    told, series = Told(), BarSeries(SYMBOL, "1m", 0)
    plan, relations = plan_of(replace(DEPLOYMENT, stage="paper"), in_process), Relations(gate=told)
    trader = Trader(MemoryJournal(), plan, series, epoch=1, open_broker=open_paper, relations=relations)
    trader.with_broker(lambda _: None)
    assert told.n_told == 2
    trader.leave()
    trader.with_broker(lambda _: None)
    assert told.n_told == 2
