"""What a book decides while it is taken up goes out once, beside whatever others."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from live_runner.book.decision import Decided
from live_runner.book.plan import plan_of
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.broker import VenueBroker
from live_runner.venue.link import VenueLink
from live_runner.venue.station import Station
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.trading import Booking, Intent, Position, Signal
from quant_pipelines.store.venue_orders import Received
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_denied_reversal import BOUGHT, CANARY, NOW_MS, TradingVenue
from tests.unit.live_runner.test_following import until
from tests.unit.live_runner.test_races import AT, SYMBOL

BESIDE = replace(CANARY, id=CANARY.id + 1)
NAME = f"q1-{BESIDE.id}-t"


def test_an_order_that_is_decided_while_another_book_begins_goes_out_once() -> None:
    journal, venue = MemoryJournal([CANARY, BESIDE]), TradingVenue()
    epoch = journal.open_epoch("test:1", AT)
    held = Position(Decimal(2), Decimal(100), Decimal(0), None)
    journal.receive(epoch, [Received(CANARY.id, "binanceusdm", SYMBOL, (BOUGHT,), (), held, "")], AT)
    intent = Intent(NAME, "buy", Decimal(2), "target", from_ms(NOW_MS))
    signal = Signal(from_ms(NOW_MS), 1.0, 100.0, {"target_side": 1.0, "view": {"position": 0.0}})
    traders: dict[int, Trader] = {}

    def decide(broker: VenueBroker) -> None:
        broker.step(ExecutionBar(to_ms(AT), 100.0, 100.0, 100.0, 100.0))
        whose = (BESIDE.id, "binanceusdm", SYMBOL, from_ms(NOW_MS))
        booking = Booking(*whose, broker.checkpoint(), broker.position(), signal=signal, intent=intent)
        journal.book(epoch, booking, from_ms(NOW_MS))
        broker.take(Decided(signal, intent, 2.0, 1.0, None), NOW_MS)

    def begun(trader: Trader) -> None:
        if trader is traders[CANARY.id]:
            traders[BESIDE.id].with_broker(decide)  # type: ignore[arg-type] - a venue's

    def status() -> str:
        known = journal.tables.orders.get(NAME)
        return str(known and known.progress.status)

    async def scenario() -> None:
        station = Station(journal, venue, RunnerSettings(), epoch, lambda: NOW_MS, begun=begun)
        link = VenueLink(station)
        for one in (CANARY, BESIDE):
            plan, series = plan_of(one, in_process), BarSeries(SYMBOL, "1m", 0)
            traders[one.id] = Trader(journal, plan, series, epoch=epoch, open_broker=link.open_broker)
            link.add(traders[one.id])
        running = asyncio.create_task(link.run())
        await until(lambda: running.done() or bool(venue.sent) or status() == "DENIED")
        for _ in range(20):
            await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert venue.sent == [("buy", Decimal(2), False)]
