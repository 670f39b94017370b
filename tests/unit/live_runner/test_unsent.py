"""A decision that a broken talk found unsent goes out once, if all is as it was; else it is given up."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from live_runner.book.approval import Relations
from live_runner.book.decision import Decided
from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.orders import OrderKind
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.trading import Booking, Intent, Position, Signal
from quant_pipelines.store.venue_orders import Received
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_denied_reversal import BOUGHT, CANARY, NOW_MS, TradingVenue
from tests.unit.live_runner.test_following import until
from tests.unit.live_runner.test_races import AT, SYMBOL

NAME = "q1-7-t"


class Left(NamedTuple):
    """What has changed since an order was decided, while its talk was broken."""

    seconds: float = 1.0
    epochs: int = 0
    at_venue: str = "2"
    decided_on: float = 2.0
    kind: OrderKind = "market"
    lot_size: str = "0.001"
    pause_seconds: float = 0.0
    decided_seconds: float = 0.0
    is_leaving: bool = False


class LaterVenue(TradingVenue):
    """Its clock tells a later time, and it holds what it is told to."""

    def __init__(self, left: Left) -> None:
        super().__init__()
        self.held, self._now_ms = Decimal(left.at_venue), NOW_MS + int(1000 * left.seconds)

    async def now_ms(self) -> int:
        return self._now_ms


def commit(journal: MemoryJournal, epoch: int, link: VenueLink, left: Left) -> None:
    """Commit a sale of all that is held; who was to send it is gone then."""
    intent = Intent(NAME, "sell", Decimal(2), "target", from_ms(NOW_MS), left.kind)
    decided_ms = NOW_MS + int(1000 * left.decided_seconds)
    view = {"target_side": 0.0, "view": {"position": left.decided_on}}
    signal = Signal(from_ms(NOW_MS), 0.0, 100.0, view)

    def decide(broker: VenueBroker) -> None:
        broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
        whose = (CANARY.id, "binanceusdm", SYMBOL, from_ms(NOW_MS))
        booking = Booking(*whose, broker.checkpoint(), broker.position(), signal=signal, intent=intent)
        journal.book(epoch, booking, from_ms(decided_ms))
        broker.take(Decided(signal, intent, -2.0, 0.0, None), decided_ms)

    trader_at(journal, epoch, link, Left()).with_broker(decide)  # type: ignore[arg-type] - a venue's


def trader_at(journal: MemoryJournal, epoch: int, link: VenueLink, left: Left) -> Trader:
    instrument = replace(CANARY.instrument, lot_size=Decimal(left.lot_size))  # type: ignore[type-var] - it has one
    plan, series = plan_of(replace(CANARY, instrument=instrument), in_process), BarSeries(SYMBOL, "1m", 0)
    relations = Relations(funding_pause_seconds=left.pause_seconds)
    trader = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker, relations=relations)
    trader.is_leaving = left.is_leaving
    return trader


def played(left: Left) -> tuple[str, list[Any]]:
    """Status of the order once its book is taken up again, and what was sent."""
    journal, venue = MemoryJournal([CANARY]), LaterVenue(left)
    epoch = journal.open_epoch("test:1", AT)
    held = Position(Decimal(2), Decimal(100), Decimal(0), None)
    journal.receive(epoch, [Received(CANARY.id, "binanceusdm", SYMBOL, (BOUGHT,), (), held, "")], AT)

    def status() -> str:
        return str(journal.tables.orders[NAME].progress.status)

    async def scenario() -> None:
        now_ms = await venue.now_ms()
        commit(
            journal, epoch, VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: now_ms)), left
        )
        newest = [epoch, *(journal.open_epoch("test:2", AT) for _ in range(left.epochs))][-1]
        link = VenueLink(Station(journal, venue, RunnerSettings(), newest, lambda: now_ms))
        link.add(trader_at(journal, newest, link, left))
        running = asyncio.create_task(link.run())
        await until(lambda: running.done() or status() in ("DENIED", "FILLED"))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    return status(), venue.sent


@pytest.mark.parametrize("decided_on", [2.0, 2.0000000000000004], ids=["whole", "a float of sums"])
def test_an_order_that_was_decided_just_now_and_not_sent_goes_out_once(decided_on: float) -> None:
    assert played(Left(decided_on=decided_on)) == ("FILLED", [("sell", Decimal(2), False)])


@pytest.mark.parametrize(
    "left",
    [
        Left(seconds=10.1),
        Left(epochs=1),
        Left(decided_on=3.0),
        Left(kind="limit"),
        Left(lot_size="0.3"),
        Left(pause_seconds=61.5),
        Left(decided_seconds=55.0, seconds=60.5),
        Left(is_leaving=True),
    ],
    ids=[
        "old",
        "of another writer",
        "on another position",
        "at a limit",
        "of another lot",
        "at a slot",
        "of a bar before the last one",
        "of a book that leaves",
    ],
)
def test_an_order_is_given_up_where_anything_is_another_than_it_was(left: Left) -> None:
    assert played(left) == ("DENIED", [])


def test_nothing_is_sent_while_the_books_differ() -> None:
    status, sent = played(Left(at_venue="1", seconds=0.0))
    assert (status, sent) == ("INITIALIZED", [])


def test_the_position_of_a_decision_is_known_behind_a_later_bar_too() -> None:
    journal, venue, left = MemoryJournal([CANARY]), LaterVenue(Left()), Left(decided_on=3.0)
    epoch = journal.open_epoch("test:1", AT)
    held = Position(Decimal(2), Decimal(100), Decimal(0), None)
    journal.receive(epoch, [Received(CANARY.id, "binanceusdm", SYMBOL, (BOUGHT,), (), held, "")], AT)

    def book_a_bar(broker: VenueBroker) -> None:
        broker.step(ExecutionBar(NOW_MS, 100.0, 100.0, 100.0, 100.0))
        whose = (CANARY.id, "binanceusdm", SYMBOL, from_ms(NOW_MS + 60_000))
        booking = Booking(*whose, broker.checkpoint(), broker.position())
        journal.book(epoch, booking, from_ms(NOW_MS + 60_000))

    async def scenario() -> None:
        link = VenueLink(Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS))
        commit(journal, epoch, link, left)
        trader = trader_at(journal, epoch, link, Left())
        trader.with_broker(book_a_bar)  # type: ignore[arg-type] - a venue's
        trader.outdate()
        assert trader.with_broker(lambda broker: broker.held_for(NAME)) == Decimal(3)  # type: ignore[attr-defined]

    asyncio.run(scenario())
