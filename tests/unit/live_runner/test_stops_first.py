"""What a stop does at a bar's close waits for no answer of the strategy, which is taken up once it comes."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pytest

from live_runner.book.broker import Broker
from live_runner.book.paper import open_paper
from live_runner.book.plan import plan_of
from live_runner.book.tick import Tick
from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.attribution import Attributed
from live_runner.venue.broker import VenueBroker
from live_runner.venue.opening import open_venue_broker
from live_runner.venue.order_rows import OrderRows
from live_runner.venue.place import PlaceBooks, Seat, VenuePlace
from live_runner.venue.receiving import book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import StrategyMissed
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.trading import Income
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.capital import WantedCapital
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.event_desk import CANARY, Desk
from tests.unit.live_runner.memory_venue import MemoryVenue
from tests.unit.live_runner.test_races import AT, DEPLOYMENT
from tests.unit.live_runner.test_thinking import DIARY, Thinking, Thought

TURNS = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Turns(Strategy):
    """Long, and short after some minutes."""

    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5), {stop})

    def target(self, bars: Bars) -> Array:
        return np.where(np.arange(len(bars)) < {turn}, 1.0, -1.0)
'''
AFTER_TWO = "time_stop=Int(2, low=1, high=9)"
TRAILING = "sar_stop=Float(0.2, low=0.001, high=0.5)"
SECONDS = 20.0


class Slow:
    """Loads a strategy that answers, or hangs until its process is ended."""

    def __init__(self) -> None:
        self.hangs, self.is_asked, self.is_ended = False, threading.Event(), threading.Event()

    def load(self, name: str, source: str) -> type[Strategy]:
        told = in_process(name, source)

        def target(strategy: Any, bars: Any) -> Any:
            if self.hangs:
                self.is_asked.set()
                assert self.is_ended.wait(SECONDS)
                raise StrategyMissed("no answer in 5 s")
            return told.target(strategy, bars)

        return type(told.__name__, (told,), {"target": target})


class Book:
    """One deployment with its rows, on paper or at a venue."""

    def __init__(self, stop: str = AFTER_TWO, venue: str = "binanceusdm", turn: int = 2) -> None:
        self.slow, self.prices, self.n_trades = Slow(), list[float](), 0
        self.deployment = replace(DEPLOYMENT, source=TURNS.format(stop=stop, turn=turn), venue=venue)
        self.journal = MemoryJournal([self.deployment])
        self.wire = Wire(lambda _: None, lambda: None)
        self.wire.blocked_by = ""
        at_venue = partial(open_venue_broker, stop_fraction=0.05, wire=self.wire)
        self.trader = Trader(
            self.journal,
            plan_of(self.deployment, self.slow.load),
            BarSeries(self.deployment.symbol, "1m", to_ms(AT)),
            epoch=self.journal.open_epoch("test:1", AT),
            open_broker=open_paper if venue == "paper" else at_venue,
        )

    @property
    def close_ms(self) -> int:
        return to_ms(AT) + len(self.prices) * MINUTE_MS

    def pass_bar(self, price: float = 100.0) -> None:
        before = self.prices[-1] if self.prices else price
        self.prices.append(price)
        ts, nothing = np.array([self.close_ms - MINUTE_MS]), np.zeros(1)
        prices = (np.full(1, before), np.full(1, max(before, price)), np.full(1, min(before, price)))
        rows = BarRows(ts, *prices, np.full(1, price), nothing + 1e9, nothing, nothing.astype(np.int64))
        self.trader.advance(Tick(rows, (), rows, self.close_ms + 300, 0.0))

    @contextmanager
    def hanging(self, price: float = 100.0) -> Iterator[None]:
        """Pass a bar in another thread, whose strategy hangs for as long as the block lasts."""
        self.slow.hangs = True
        with ThreadPoolExecutor(1) as other:
            bar = other.submit(self.pass_bar, price)
            try:
                assert self.slow.is_asked.wait(SECONDS)
                yield
            finally:
                self.slow.is_ended.set()
                bar.result(timeout=SECONDS)
                self.slow.hangs = False

    def at(self, act: Callable[[Any], Any]) -> Any:
        def on_broker(broker: Broker) -> Any:
            return act(broker)

        return self.trader.with_broker(on_broker)

    def fills(self, name: str, quantity: Decimal, price: float = 100.0) -> None:
        """Fill an order of the venue within the running minute."""
        self.n_trades += 1
        side: Any = "buy" if quantity > 0 else "sell"
        ts_ms = self.close_ms + 1_000 + self.n_trades
        amounts = (abs(quantity), Decimal(str(price)), Decimal("0.5"), ts_ms, Decimal(0))
        trade = VenueTrade(str(self.n_trades), str(self.n_trades), name, side, *amounts)

        def book(broker: VenueBroker) -> None:
            if name in broker.orders:
                progress = OrderProgress("FILLED", broker.orders[name].intent.quantity)
                broker.follow(OrderStep(name, progress, str(self.n_trades)), AT)
            books = PlaceBooks(
                self.journal, self.trader._epoch, {self.deployment.id: broker}, Decimal("0.001")
            )
            book_trades(books, [Attributed(trade, name or None)], AT, halts={})

        self.at(book)

    def fill_newest(self) -> None:
        intent = self.journal.read_orders(self.deployment.id)[-1].intent
        self.fills(intent.client_order_id, intent.quantity if intent.side == "buy" else -intent.quantity)

    def held(self) -> Decimal:
        found: Decimal = self.at(lambda broker: broker.position().quantity)
        return found

    def signals(self) -> list[tuple[int, float, float, float]]:
        """Close, target, equity that was sized on, and quantity of each decision."""
        rows = self.journal.tables.signals.values()
        return [
            (
                to_ms(one.bar_close),
                one.target,
                one.decision["view"]["equity"],
                one.decision["order_quantity"],
            )
            for one in rows
        ]

    def paid(self) -> list[Income]:
        """Capital that came or went."""
        rows: list[Income] = self.journal.read_book(self.deployment.id).income
        return list(rows)

    def holding(self) -> "Book":
        """Bought at the first close; the bar before a stop has passed."""
        self.pass_bar()
        if self.deployment.venue != "paper":
            self.fill_newest()
        self.pass_bar()
        return self

    def exits(self) -> None:
        """Close what is held as the link does."""
        self.fills("", -self.held(), 99.0)


def test_exit_at_a_close_leaves_while_the_strategy_hangs() -> None:
    book = Book().holding()
    assert book.held() > 0
    with book.hanging():
        assert book.trader.booked_until_ms == book.close_ms
        assert book.at(lambda broker: broker.leaves_by) == "time_stop"
        book.exits()
        assert book.held() == 0
    assert book.signals()[-1][0] == book.close_ms - MINUTE_MS
    assert book.journal.tables.alerts[-1][0].message.endswith("no answer in 5 s")


def test_exit_at_a_close_is_booked_on_paper_while_the_strategy_hangs() -> None:
    book = Book(venue="paper").holding()
    assert book.held() > 0
    with book.hanging():
        assert book.trader.booked_until_ms == book.close_ms
        assert book.at(lambda broker: broker.book.pending) == -float(book.held())
    book.pass_bar()
    assert book.held() == 0
    fills = [fill for _, fill in book.journal.tables.fills.values()]
    assert [fill.reason for fill in fills] == ["target", "time_stop"]


def test_a_stop_that_trails_moves_while_the_strategy_hangs() -> None:
    book = Book(TRAILING, turn=9).holding()
    for price in (101.0, 102.0):
        book.pass_bar(price)
    before = book.at(lambda broker: broker.stop_price)
    with book.hanging(price=103.0):
        assert book.trader.booked_until_ms == book.close_ms
        assert book.at(lambda broker: broker.stop_price) > before


def test_a_book_whose_stops_do_nothing_at_a_close_is_booked_with_its_decision() -> None:
    book = Book("time_stop=Int(9, low=1, high=9)").holding()
    with book.hanging():
        assert book.trader.booked_until_ms == book.close_ms - MINUTE_MS


@pytest.mark.parametrize("tries_at_once", [False, True])
def test_decision_beside_an_exit_is_the_same_whichever_comes_first(*, tries_at_once: bool) -> None:
    """The book is sized by its equity at the close, as a backtest does, not by what the exit cost since."""
    on_time, late = Book().holding(), Book().holding()
    on_time.pass_bar()
    late.wire.blocked_by = "an order is not settled"  # as while an exit is on its way
    late.pass_bar()
    assert late.signals() == on_time.signals()[:-1]
    if tries_at_once:
        late.trader.decide_late(late.close_ms + 400, 0.0)
    assert late.trader.is_hindered
    late.exits()
    late.wire.blocked_by = ""
    late.trader.decide_late(late.close_ms + 900, 0.0)
    assert late.signals() == on_time.signals()
    close_ms, target, _, quantity = late.signals()[-1]
    assert (close_ms, target) == (late.close_ms, -1.0)
    assert quantity < 0.0


def test_who_talks_to_the_venue_has_a_hindered_decision_tried_once_its_orders_are_settled() -> None:
    book = Book().holding()
    place = VenuePlace(book.journal, 1)
    rows = OrderRows(book.trader, MemoryVenue(), 1)
    seat = place.seats[book.deployment.id] = Seat(book.trader, book.wire, rows, lambda: "")

    def free() -> list[Seat]:
        return asyncio.run(place.unhindered())

    assert free() == []
    book.wire.blocked_by = "an order is not settled"
    book.pass_bar()
    assert free() == []
    book.wire.blocked_by = ""
    assert free() == [seat]
    assert free() == []


@pytest.mark.parametrize(("amount", "withheld"), [("500", 500.0), ("15000", 0.0)])
def test_capital_is_paid_once_the_decision_that_went_behind_a_stop_is_taken(
    amount: str, withheld: float
) -> None:
    """That is sized on the equity at the close without what is to leave: it stays within its limits."""
    plain, paid = Book().holding(), Book().holding()
    paid.trader.wanted_capital = WantedCapital(Decimal(amount), from_ms(paid.close_ms))
    for book in (plain, paid):
        book.pass_bar()  # the stop goes first, and the decision behind it
        assert book.at(lambda broker: broker.leaves_by) == "time_stop"
    assert paid.paid() == []
    assert paid.signals()[:-1] == plain.signals()[:-1]
    (close_ms, target, equity, quantity), (*alike, whole, most) = paid.signals()[-1], plain.signals()[-1]
    assert (close_ms, target) == tuple(alike)
    assert equity == whole - withheld
    assert quantity == pytest.approx(most * equity / whole, rel=1e-3)
    paid.exits()
    paid.fill_newest()
    paid.pass_bar()
    (row,) = paid.paid()
    assert (to_ms(row.ts), row.kind) == (paid.close_ms, "transfer")


def test_late_answer_beside_an_exit_counts_until_the_next_bar_closes() -> None:
    book = Book().holding()
    n_decided = len(book.signals())
    with book.hanging():
        book.exits()
    book.pass_bar()
    assert [one[0] for one in book.signals()[n_decided:]] == [book.close_ms]
    assert book.held() == 0


class Timed(Thinking):
    """An event strategy, what it holds leaves after two minutes."""

    def __init__(self) -> None:
        self.thought, self.n_trades = Thought(), 0
        source = DIARY.replace("Float, OrderEvent", "Float, Int, OrderEvent")
        source = source.replace("stops = Stops(", f"stops = Stops({AFTER_TWO}, ")
        Desk.__init__(self, source=source, load=self.thought.load)


@pytest.mark.parametrize("leaves_meanwhile", [False, True])
def test_event_strategy_that_thinks_at_such_a_close_is_told_and_taken_up_once(
    *, leaves_meanwhile: bool
) -> None:
    timed, seen = Timed(), list[tuple[int, str]]()
    timed.pass_bar()
    timed.rests()
    timed.fills(1)
    timed.pass_bar_while()
    timed.rests()

    def look() -> None:
        seen.append((timed.trader.booked_until_ms, timed.at_broker(lambda broker: broker.leaves_by)))
        if leaves_meanwhile:
            timed.is_stopped()

    timed.pass_bar_while(look)
    close_ms = to_ms(AT) + 3 * MINUTE_MS
    assert seen == [(close_ms, "time_stop")]
    newest = [one.intent for one in timed.journal.read_orders(CANARY.id)][3:]
    assert [(one.bar_close, one.reduce_only) for one in newest] == [
        (from_ms(close_ms), reduces) for reduces in ([True] if leaves_meanwhile else [False, True])
    ]
    timed.rests()
    timed.pass_bar_while()
    assert timed.memory()["bars"] == timed.thought.n_asked == 4
    fills = [one for one in timed.told() if one[2]]
    assert len(fills) == 1 + leaves_meanwhile
