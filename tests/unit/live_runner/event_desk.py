"""An event strategy's deployment at a venue, and what the venue would do to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from live_runner.book.account import OpenGate
from live_runner.book.approval import Relations
from live_runner.book.plan import LoadStrategy, plan_of
from live_runner.book.recall import recalled
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.attribution import Attributed
from live_runner.venue.event_broker import EventVenueBroker
from live_runner.venue.opening import open_venue_broker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.risk.account_view import AccountOrder
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.trips import Signs
from quant_pipelines.trading.venue import VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

SOURCE = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Once(EventStrategy):
    """Two buys and a sale at the first bar; it writes down what it is told."""

    order_kinds = ("limit",)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(told=[])
        desk.limit(0.2, 98.04)
        desk.limit(0.3, 97.0, expires_bars=3)
        desk.limit(-0.3, 101.96, post_only=True)

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["orders"] = [order.number for order in desk.orders]

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.quantity, event.leaves, event.reason])
'''
assert DEPLOYMENT.instrument is not None
CANARY = replace(
    DEPLOYMENT,
    source=SOURCE,
    venue="binanceusdm",
    instrument=replace(DEPLOYMENT.instrument, tick_size=Decimal("0.1")),
)


class Desk:
    """The deployment, and what a venue would do to it."""

    def __init__(
        self, gate: OpenGate | None = None, source: str = SOURCE, load: LoadStrategy = in_process
    ) -> None:
        self.deployment, self.load = replace(CANARY, source=source), load
        self.journal, self.gate = MemoryJournal([self.deployment]), gate or OpenGate()
        self.n_bars, self.signs = 0, Signs()
        self.open()

    def open(self) -> None:
        """Begin by the rows, as after a restart."""
        self.epoch = self.journal.open_epoch("test:1", AT)
        self.wire = Wire(print, lambda: None)
        self.wire.blocked_by = ""
        series = BarSeries(CANARY.symbol, "1m", to_ms(AT))
        opening = partial(open_venue_broker, stop_fraction=0.05, wire=self.wire)
        rows, stored = self.journal.read_orders(CANARY.id), self.journal.read_book(CANARY.id)
        past = recalled(self.deployment, rows, stored.fills, to_ms(AT))
        relations = Relations(
            gate=self.gate, signs=lambda: self.signs, fills_ms=past.fills_ms, working=past.working
        )
        plan = plan_of(self.deployment, self.load)
        self.trader = Trader(
            self.journal, plan, series, epoch=self.epoch, open_broker=opening, relations=relations
        )

    def pass_bar(self) -> None:
        """Book a bar at 100 and have the strategy asked."""
        ts = np.array([to_ms(AT) + self.n_bars * MINUTE_MS])
        self.n_bars += 1
        price, nothing = np.full(1, 100.0), np.zeros(1)
        rows = BarRows(ts, price, price, price, price, nothing, nothing, nothing.astype(np.int64))
        self.trader.advance(Tick(rows, (), rows, int(ts[0]) + MINUTE_MS, 0.0))

    def at_broker(self, act: Callable[[EventVenueBroker], Any]) -> Any:
        def on_broker(broker: Any) -> Any:
            assert isinstance(broker, EventVenueBroker)
            return act(broker)

        return self.trader.with_broker(on_broker)

    def names(self) -> list[str]:
        return [order.intent.client_order_id for order in self.journal.read_orders(CANARY.id)]

    def becomes(self, number: int, status: OrderStatus, filled: str = "0", *, is_known: bool = True) -> None:
        """Say what the venue says of the order with this place among all, or what was made of its silence."""
        venue_order_id = str(number) if is_known else None
        step = OrderStep(self.names()[number - 1], OrderProgress(status, Decimal(filled)), venue_order_id)
        self.at_broker(lambda broker: broker.follow(step, AT))

    def trades(self, number: int, quantity: str, trade_id: str, second: int) -> None:
        """Book a fill that the venue tells."""
        order = self.journal.read_orders(CANARY.id)[number - 1]
        ts_ms = to_ms(AT + timedelta(seconds=second))
        price, name = order.intent.price or Decimal(0), order.intent.client_order_id
        amounts = (Decimal(quantity), price, Decimal(0), ts_ms, Decimal(0))
        trade = VenueTrade(trade_id, str(number), name, order.intent.side, *amounts)

        def book(broker: EventVenueBroker) -> None:
            books = PlaceBooks(self.journal, self.epoch, {CANARY.id: broker}, Decimal("0.001"))
            book_trades(books, [Attributed(trade, name)], AT, halts={})

        self.at_broker(book)

    def memory(self) -> dict[str, Any]:
        found: dict[str, Any] = self.at_broker(lambda broker: broker.run.to_document()["memory"])
        return found


class Strict(OpenGate):
    """An account that denies every sale, and notes what it is asked about and what was executed."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, float, bool]] = []
        self.filled: list[str] = []

    def ask(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        self.asked.append((round(order.quantity, 6), order.price, order.is_limit))
        return AccountDenial("self_match", "deny", "1 is beyond 0") if order.quantity < 0.0 else None

    def ask_again(self, order: AccountOrder, *, is_reducing: bool = False) -> AccountDenial | None:
        return AccountDenial("restricted_symbol", "deny", "1 is beyond 0")

    def executed(self, order: AccountOrder) -> None:
        self.filled.append(order.client_order_id)
