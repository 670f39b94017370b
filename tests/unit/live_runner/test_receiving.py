"""What a venue fills and pays is shared over the books of a place, and committed as one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from live_runner.book.plan import plan_of
from live_runner.venue.attribution import Attributed
from live_runner.venue.broker import BookRows, Slot, VenueBroker
from live_runner.venue.crossing import Crossing, book_crossing, fill_price, is_due, still_wanted
from live_runner.venue.place import PlaceBooks, net_of
from live_runner.venue.receiving import Paid, book_payments, book_trades
from live_runner.venue.wire import Wire
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.ids import moment_order_id
from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, to_ms
from quant_pipelines.store.trading import Fill, Intent
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading.breaker import TradingState
from quant_pipelines.trading.netting import Cross
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.venue import Payment, VenueTrade
from tests.in_process import in_process
from tests.memory_journal import MemoryJournal, Moment
from tests.unit.live_runner.test_races import AT, DEPLOYMENT

LATER = AT + timedelta(hours=1)
AT_MS = to_ms(AT)
ACTIVE: dict[int, TradingState] = dict.fromkeys((7, 8), "ACTIVE")


def books_holding(*positions: str) -> PlaceBooks:
    """Books of deployments 7, 8, … that hold so much each, bought or sold at 100 when they were deployed."""
    deployments = [replace(DEPLOYMENT, id=7 + number) for number in range(len(positions))]
    journal = MemoryJournal(deployments)
    epoch = journal.open_epoch("test:1", AT)
    books = PlaceBooks(journal, epoch, {}, Decimal("0.001"))
    books = books._replace(brokers={one.id: opened(books, one.id) for one in deployments})
    for number, (key, position) in enumerate(zip(books.brokers, map(Decimal, positions), strict=True)):
        if position:
            name = ordered(books, key, "buy" if position > 0 else "sell", abs(position))
            book_trades(books, [traded(str(number + 1), name, position)], AT, halts={})
            step = OrderStep(name, OrderProgress("FILLED", abs(position)))
            books.brokers[key].follow(step, AT)
    return books


def opened(books: PlaceBooks, key: int) -> VenueBroker:
    """Broker of a deployment where its rows end."""
    journal, plan = books.journal, plan_of(replace(DEPLOYMENT, id=key), in_process)
    rows = BookRows(journal.read_book(key), journal.read_orders(key))
    wire = Wire(print, print)
    return VenueBroker(journal, plan, books.epoch, rows=rows, stop_fraction=0.05, wire=wire)


def ordered(books: PlaceBooks, key: int, side: Side, quantity: Decimal, purpose: str = "target") -> str:
    """Commit an order; returns its name."""
    broker = books.brokers[key]
    moment = AT + timedelta(seconds=len(broker.orders))
    name = moment_order_id(books.epoch, key, to_ms(moment), purpose[0])
    reason, kind = ("net_stop", "stop_market") if purpose == "stop" else (None, "market")
    broker.add(Intent(name, side, quantity, purpose, moment, kind, reason), moment)  # type: ignore[arg-type]
    return name


def traded(
    number: str, name: str | None, signed: Decimal, at_ms: int = AT_MS, reason: str = ""
) -> Attributed:
    side: Side = "buy" if signed > 0 else "sell"
    trade = VenueTrade(
        number,
        "4",
        name or "",
        side,
        abs(signed),
        Decimal(100),
        Decimal("0.07"),
        at_ms,
        Decimal("-0.00000003"),
    )
    return Attributed(trade, name, reason)


def held(books: PlaceBooks) -> list[Decimal]:
    return [broker.position().quantity for broker in books.brokers.values()]


def stored_fills(books: PlaceBooks) -> list[tuple[int, Fill]]:
    journal = books.journal
    assert isinstance(journal, MemoryJournal)
    return list(journal.tables.fills.values())


def recovered(books: PlaceBooks) -> PlaceBooks:
    return books._replace(brokers={key: opened(books, key) for key in books.brokers})


def test_a_stop_over_the_net_closes_the_books_of_its_side() -> None:
    books = books_holding("0.3", "0.1", "-0.2")
    stop = ordered(books, 7, "sell", Decimal("0.2"), "stop")
    booked = book_trades(books, [traded("9", stop, Decimal("-0.2"))], LATER, halts={})
    assert [(one.deployment_id, one.fill.quantity, one.fill.part) for one in booked] == [
        (7, Decimal("0.15"), 0),
        (8, Decimal("0.05"), 1),
    ]
    assert {one.fill.reason for one in booked} == {"net_stop"}
    assert sum(one.fill.fee for one in booked) == Decimal("0.07")
    assert sum(one.fill.realized_pnl or 0 for one in booked) == Decimal("-0.00000003")
    assert net_of(books.brokers) == 0


def test_an_orders_fill_in_other_books_is_known_after_a_restart() -> None:
    books = books_holding("0.3", "0.1")
    stop = ordered(books, 7, "sell", Decimal("0.4"), "stop")
    book_trades(books, [traded("9", stop, Decimal("-0.4"))], LATER, halts={})
    for known in (books, recovered(books)):
        owner = known.brokers[7]
        owner.follow(OrderStep(stop, OrderProgress("FILLED", Decimal("0.4"))), LATER)
        assert owner.unbooked(stop) == 0
        assert not owner.unsettled()
        assert held(known) == [0, 0]


def test_a_trade_is_booked_once_whoever_has_a_part_of_it() -> None:
    books = books_holding("0.3", "0.1")
    stop = ordered(books, 8, "sell", Decimal("0.4"), "stop")
    trade = traded("9", stop, Decimal("-0.4"))
    assert len(book_trades(books, [trade, trade], LATER, halts={})) == 2
    assert book_trades(recovered(books), [trade], LATER, halts={}) == []
    assert sum(fill.quantity for _, fill in stored_fills(books) if fill.trade_id == "9") == Decimal("0.4")


def test_what_the_venue_itself_closes_halts_every_book_with_it() -> None:
    books = books_holding("0.3", "0.1")
    halts = {7: "EXTERNAL", 8: "EXTERNAL"}
    book_trades(books, [traded("9", None, Decimal("-0.4"), reason="liquidation")], LATER, halts=halts)
    assert held(books) == [0, 0]
    assert books.journal.read_controls().halts.keys() == {"deployment:7", "deployment:8"}


def test_a_shared_trade_is_stored_for_all_of_its_books_or_for_none() -> None:
    books = books_holding("0.3", "0.1")
    stop, before = ordered(books, 7, "sell", Decimal("0.4"), "stop"), stored_fills(books)
    journal = books.journal
    assert isinstance(journal, MemoryJournal)

    def breaks(_: Moment) -> None:
        journal.at_commit = lambda _moment: None
        raise StoreError("the connection broke")

    journal.at_commit = breaks
    with pytest.raises(StoreError, match="broke"):
        book_trades(books, [traded("9", stop, Decimal("-0.4"))], LATER, halts={})
    assert stored_fills(books) == before
    again = recovered(books)
    book_trades(again, [traded("9", stop, Decimal("-0.4"))], LATER, halts={})
    assert held(again) == [0, 0]


def incomes(books: PlaceBooks) -> list[list[Decimal]]:
    return [[row.amount for row in books.journal.read_book(key).income] for key in books.brokers]


def pay(
    books: PlaceBooks, payments: Iterable[Payment], now_ms: int = AT_MS + HOUR_MS, paid: Paid | None = None
) -> None:
    known = set() if paid is None else paid
    book_payments(books, list(payments), since_ms=AT_MS, now_ms=now_ms, paid=known)


def test_a_payment_is_shared_by_what_was_held_at_its_time() -> None:
    books = books_holding("0.3", "-0.1")
    pay(books, [Payment(AT_MS + 1, Decimal("-0.00000004"))])
    assert incomes(books) == [[Decimal("-0.00000006")], [Decimal("0.00000002")]]
    pay(books, [Payment(AT_MS + 1, Decimal("-0.00000004"))])
    assert incomes(books) == [[Decimal("-0.00000006")], [Decimal("0.00000002")]]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_payment_whose_book_has_left_is_not_booked_again(restarts: bool) -> None:
    """The one that stays held nothing then, so no part of it is in its own rows."""
    books, paid, payment = books_holding("0", "0.1"), set[tuple[str, int]](), Payment(AT_MS + 1, Decimal(-4))
    pay(books._replace(brokers={8: books.brokers[8]}), [payment], paid=paid)  # before the other one came
    if restarts:
        books, paid = recovered(books), set()
    pay(books._replace(brokers={7: books.brokers[7]}), [payment], paid=paid)
    assert incomes(books) == [[], [Decimal(-4)]]


def test_a_payment_that_nobody_held_for_is_the_oldest_books() -> None:
    books = books_holding("0.3", "-0.1")
    pay(books, [Payment(AT_MS, Decimal(-4))])
    assert incomes(books) == [[Decimal(-4)], []]


def test_books_that_net_to_zero_pay_each_other_once() -> None:
    books = books_holding("0.2", "-0.2")
    books.brokers[8].slots = [Slot(AT_MS + 1, 0.0001, 50_000.0)]
    pay(books, [], AT_MS + MINUTE_MS)  # the venue may still tell of a payment
    assert incomes(books) == [[], []]
    for restart in (lambda: books, lambda: recovered(books)):
        known = restart()
        known.brokers[7].slots = [Slot(AT_MS + 1, 0.0001, 50_000.0)]
        pay(known, [])
        assert incomes(known) == [[Decimal(-1)], [Decimal(1)]]


def test_slots_wait_in_the_checkpoint_until_they_are_paid() -> None:
    books = books_holding("0.2")
    books.brokers[7].slots = [Slot(AT_MS + 1, 0.0001, 50_000.0)]
    assert books.brokers[7].checkpoint()["slots"] == [[AT_MS + 1, 0.0001, 50_000.0]]


def crossing(books: PlaceBooks, sent: str = "0.2", status: OrderStatus = "FILLED") -> Crossing:
    """A buy of 0.3 against a sell of 0.1, of which so much was sent and came to that end."""
    buy = ordered(books, 7, "buy", Decimal("0.3"))
    sell = ordered(books, 8, "sell", Decimal("0.1"))
    if Decimal(sent):
        book_trades(books, [traded("9", buy, Decimal(sent))], LATER, halts={})
    books.brokers[7].follow(OrderStep(buy, OrderProgress(status, Decimal(sent))), LATER)
    return Crossing((Cross(buy, sell, Decimal("0.1")),), (buy,), {7: Decimal(0), 8: Decimal("0.1")})


def test_what_crosses_is_booked_at_the_price_of_the_rest_once_that_is_filled() -> None:
    books = books_holding("0", "0.1")
    found = crossing(books)
    assert is_due(books, found)
    assert fill_price(books, found) == Decimal(100)
    pair = book_crossing(books, found, Decimal(100), LATER)
    assert held(books) == [Decimal("0.3"), 0]
    assert sum(one.fill.signed_quantity for one in pair) == 0
    assert {(one.fill.trade_id[:9], one.fill.fee, one.fill.realized_pnl) for one in pair} == {
        ("internal-", Decimal(0), None)
    }
    for known in (books, recovered(books)):
        for key, quantity in ((7, "0.3"), (8, "0.1")):
            last = list(known.brokers[key].orders.values())[-1]
            assert last.progress == OrderProgress("FILLED", Decimal(quantity))
            assert not known.brokers[key].unsettled()


def test_what_crosses_waits_while_the_rest_works() -> None:
    books = books_holding("0", "0.1")
    assert not is_due(books, crossing(books, "0.1", "PARTIALLY_FILLED"))


def test_what_crosses_is_wanted_while_its_books_hold_what_they_held() -> None:
    books = books_holding("0", "0.1")
    found = crossing(books)
    assert still_wanted(books, found, ACTIVE) == found
    exit_order = ordered(books, 8, "sell", Decimal("0.1"), "exit")
    assert not is_due(books, found), "the exit may close it any moment"
    book_trades(books, [traded("10", exit_order, Decimal("-0.1"))], LATER, halts={})
    books.brokers[8].follow(OrderStep(exit_order, OrderProgress("FILLED", Decimal("0.1"))), LATER)
    assert is_due(books, found)
    assert still_wanted(books, found, ACTIVE).crosses == ()


@pytest.mark.parametrize("state", ["HALTED", "FROZEN", "REDUCING"])
@pytest.mark.parametrize("stopped", [7, 8])
def test_what_crosses_is_not_wanted_once_one_of_its_books_is_stopped(
    state: TradingState, stopped: int
) -> None:
    """One buys what opens; the other sells what it holds, with which a book that reduces may go on."""
    books = books_holding("0", "0.1")
    found = crossing(books)
    may_go_on = (state, stopped) == ("REDUCING", 8)
    assert still_wanted(books, found, ACTIVE | {stopped: state}).crosses == found.crosses * may_go_on


def test_what_crosses_is_not_wanted_once_the_stop_over_the_net_has_closed_its_book() -> None:
    books = books_holding("0", "0.1")
    found = crossing(books)
    stop = ordered(books, 8, "sell", Decimal("0.3"), "stop")
    book_trades(books, [traded("10", stop, Decimal("-0.3"))], LATER, halts={})
    books.brokers[8].follow(OrderStep(stop, OrderProgress("FILLED", Decimal("0.3"))), LATER)
    assert held(books) == [0, 0]
    assert still_wanted(books, found, ACTIVE).crosses == ()


def test_what_crosses_has_no_price_of_its_own_where_the_rest_came_to_nothing() -> None:
    books = books_holding("0", "0.1")
    books.brokers[7].step(ExecutionBar(AT_MS, 100.0, 101.0, 99.0, 100.0))
    found = crossing(books, "0", "REJECTED")
    assert is_due(books, found)
    assert fill_price(books, found) is None
    book_crossing(books, found, Decimal(99), LATER)
    assert held(books) == [Decimal("0.1"), 0]


def test_a_cross_is_stored_whole_or_not_at_all() -> None:
    books = books_holding("0", "0.1")
    found = crossing(books)
    journal = books.journal
    assert isinstance(journal, MemoryJournal)
    before = journal.tables

    def breaks(_: Moment) -> None:
        journal.at_commit = lambda _moment: None
        raise StoreError("the connection broke")

    journal.at_commit = breaks
    with pytest.raises(StoreError, match="broke"):
        book_crossing(books, found, Decimal(100), LATER)
    assert journal.tables is before


def test_a_book_is_proven_again_after_each_fill_and_not_at_each_look() -> None:
    """Every look asks for the position; to add up all fills each time would make looks slower by the day."""
    books = books_holding("0.5")
    before = books.brokers[7].position()
    assert books.brokers[7].position() is before
    book_trades(books, [traded("9", None, Decimal("0.25"))], LATER, halts={})
    assert books.brokers[7].position().quantity == Decimal("0.75")
