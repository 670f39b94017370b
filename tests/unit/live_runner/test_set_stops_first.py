"""What a stop of a leg does at a bar's close waits for no answer of the set's strategy."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

from live_runner.book.broker import OpenBroker
from live_runner.book.paper import open_paper
from live_runner.venue.attribution import Attributed
from live_runner.venue.opening import open_venue_broker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueTrade
from tests.integration.runner.sets import SPREAD
from tests.unit.live_runner.set_world import WARM, SetWorld
from tests.unit.live_runner.test_races import AT
from tests.unit.live_runner.test_set import FREE, A, B
from tests.unit.live_runner.test_stops_first import AFTER_TWO, SECONDS, Slow


class HangingSet(SetWorld):
    """A set whose legs are in a market for two minutes at most, and whose strategy may hang."""

    source = SPREAD.replace("Stops(", f"Stops({AFTER_TWO}, ")

    def __init__(self, venue: str) -> None:
        self.slow, self.venue, self.n_trades = Slow(), venue, 0
        self.wires = dict[int, Wire]()
        super().__init__((A, B), FREE, WARM + 40)

    def load(self, name: str, source: str) -> type[Strategy]:
        """Load the strategy, which may hang."""
        return self.slow.load(name, source)

    def open_broker(self, deployment: Deployment) -> OpenBroker:
        """Open on paper, or at a venue that fills nothing by itself."""
        wire = self.wires[deployment.id] = Wire(lambda _: None, lambda: None)
        wire.blocked_by = ""
        at_venue: Any = partial(open_venue_broker, stop_fraction=0.05, wire=wire)
        return open_paper if self.venue == "paper" else at_venue

    def leaves_next(self, close_ms: int) -> bool:
        """Whether a leg's stop closes it at a close."""
        return any(leg.stops_at(self.tick(leg, close_ms)) for leg in self.legs)

    def until_a_leg_leaves(self) -> int:
        """Play until a leg leaves at the next close; returns that."""
        for number in range(WARM, self.n_bars):
            close_ms = self.start_ms + (number + 1) * MINUTE_MS
            if self.leaves_next(close_ms):
                return close_ms
            self.close(close_ms)
            if self.venue != "paper":
                self.fill_orders(close_ms)
        raise AssertionError("no leg left")

    def fill_orders(self, close_ms: int) -> None:
        """Have the venue fill all that was ordered at a close."""
        for leg in self.legs:
            leg.with_broker(partial(self._fill, leg.id, close_ms))

    def _fill(self, leg_id: int, close_ms: int, broker: Any) -> None:
        books = PlaceBooks(self.journal, 1, {leg_id: broker}, Decimal("0.001"))
        for order in broker.unsettled():
            self.n_trades += 1
            name, side, quantity = (
                getattr(order.intent, one) for one in ("client_order_id", "side", "quantity")
            )
            broker.follow(OrderStep(name, OrderProgress("FILLED", quantity), str(self.n_trades)), AT)
            terms = (quantity, Decimal("100.0"), Decimal(0), close_ms + 1_000, Decimal(0))
            trade = VenueTrade(str(self.n_trades), str(self.n_trades), name, side, *terms)
            book_trades(books, [Attributed(trade, name)], AT, halts={})

    @contextmanager
    def hanging(self, close_ms: int) -> Iterator[None]:
        """Take a close in another thread, whose strategy hangs for as long as the block lasts."""
        self.slow.hangs = True
        with ThreadPoolExecutor(1) as other:
            close = other.submit(self.close, close_ms)
            try:
                assert self.slow.is_asked.wait(SECONDS)
                yield
            finally:
                self.slow.is_ended.set()
                close.result(timeout=SECONDS)
                self.slow.hangs = False


def test_a_leg_on_paper_leaves_at_a_close_while_the_strategy_of_its_set_hangs() -> None:
    world = HangingSet("paper")
    close_ms = world.until_a_leg_leaves()
    n_signals = len(world.journal.tables.signals)
    with world.hanging(close_ms):
        assert {leg.booked_until_ms for leg in world.legs} == {close_ms}
        pending = [leg.with_broker(lambda broker: broker.paper_book.pending) for leg in world.legs]
        assert any(pending)
    assert len(world.journal.tables.signals) == n_signals
    assert {one.alert.message.split(": ")[-1] for one in world.journal.tables.alerts} == {"no answer in 5 s"}
    world.close(close_ms + MINUTE_MS)
    assert "time_stop" in {fill.reason for _, fill in world.journal.tables.fills.values()}


def test_a_set_whose_bars_are_booked_before_it_is_asked_decides_as_its_backtest_does() -> None:
    world = HangingSet("paper")
    world.play()
    stopped = [fill for _, fill in world.journal.tables.fills.values() if fill.reason == "time_stop"]
    assert len(stopped) > 3
    expected = world.backtest()
    assert expected.bar_equity is not None
    assert world.values() == expected.bar_equity.tolist()


def test_a_leg_at_a_venue_is_let_go_while_the_strategy_of_its_set_hangs() -> None:
    world = HangingSet("binanceusdm")
    close_ms = world.until_a_leg_leaves()
    leaving = next(leg for leg in world.legs if leg.stops_at(world.tick(leg, close_ms)))
    with world.hanging(close_ms):
        assert {leg.booked_until_ms for leg in world.legs} == {close_ms}
        assert leaving.with_broker(lambda broker: broker.leaves_by) == "time_stop"
    assert leaving.is_prevented
