"""An event strategy that thinks: what happens to its book meanwhile is booked, and told it once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as draw

from live_runner.book.trader import Trader
from live_runner.feed.series import BarSeries
from live_runner.venue.attribution import Attributed
from live_runner.venue.event_broker import EventVenueBroker
from live_runner.venue.place import PlaceBooks
from live_runner.venue.receiving import book_trades
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.orders import Side
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.purposes import number_of
from quant_pipelines.trading.venue import VenueTrade
from quant_pipelines.trading.wished import RESTS, Circumstances, Drop, next_step
from tests.in_process import in_process
from tests.unit.live_runner.event_desk import CANARY, Desk
from tests.unit.live_runner.test_races import AT

DIARY = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, OrderEvent, Stops


class Diary(EventStrategy):
    """A buy at each bar, a way out of what is held; it writes down what it is asked and told."""

    order_kinds = ("limit",)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def on_start(self, desk: Desk) -> None:
        desk.memory.update(bars=0, told=[])

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        count = desk.memory["bars"] = desk.memory["bars"] + 1
        if count % 3 == 0:
            desk.cancel_all()
        desk.limit(0.1, 98.0)
        if desk.position > 0.0:
            desk.limit(1.0, 102.0, reduce_only=True)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        desk.memory["told"].append([event.number, event.status, event.quantity, event.reason])
'''
HALTED = "the book was halted, closed or taken off its stage before it was placed"


def nothing() -> None:
    """Let nothing happen."""


class Thought:
    """Loads texts that are told a bar late: first something happens, in another thread."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], Any] = nothing
        self.n_asked = 0

    def load(self, name: str, source: str) -> type[Strategy]:
        told = in_process(name, source)

        def on_bar(strategy: Any, desk: Any, bars: Any) -> None:
            self.n_asked += 1
            happens, self.meanwhile = self.meanwhile, nothing
            with ThreadPoolExecutor(1) as other:
                other.submit(happens).result(timeout=20)
            told.on_bar(strategy, desk, bars)  # type: ignore[attr-defined] - the text has one

        return type(told.__name__, (told,), {"on_bar": on_bar})


class Thinking(Desk):
    """A desk whose strategy thinks while something happens."""

    def __init__(self) -> None:
        self.thought, self.n_trades = Thought(), 0
        super().__init__(source=DIARY, load=self.thought.load)

    def pass_bar_while(self, happens: Callable[[], Any] = nothing) -> None:
        self.thought.meanwhile = happens
        self.pass_bar()
        self.wire.blocked_by = ""

    def pass_bar_and_decide_late_while(self, happens: Callable[[], Any]) -> None:
        """Book a bar while the books are compared, and have the strategy asked once they agree."""
        self.wire.blocked_by = "the books are compared"
        self.pass_bar_while()
        self.thought.meanwhile = happens
        self.trader.decide_late(to_ms(AT) + self.n_bars * MINUTE_MS + 500, 0.0)

    def rests(self) -> None:
        """Say of all that were not sent that they rest."""
        for number, order in enumerate(self.journal.read_orders(CANARY.id), 1):
            if order.progress.status == "INITIALIZED":
                self.becomes(number, "ACCEPTED")

    def fills(self, number: int, share: str = "1") -> None:
        """Fill a part of an order, as the venue's stream tells it."""
        order = self.journal.read_orders(CANARY.id)[number - 1]
        quantity = order.intent.quantity
        filled = min(
            order.progress.filled_quantity + (quantity * Decimal(share)).quantize(Decimal("0.001")), quantity
        )
        new = filled - order.progress.filled_quantity
        self.becomes(number, "FILLED" if filled == quantity else "PARTIALLY_FILLED", str(filled))
        if new:
            self.n_trades += 1
            self.trades(number, str(new), str(self.n_trades), 60 * self.n_bars + self.n_trades % 60)

    def is_stopped(self) -> None:
        """Close what is held by something that no order of the strategy did."""
        held = self.at_broker(lambda broker: broker.position()).quantity
        side: Side = "sell" if held > 0 else "buy"
        self.n_trades += 1
        at_ms = to_ms(AT + timedelta(seconds=60 * self.n_bars + 30))
        amounts = (abs(held), Decimal(95), Decimal(0), at_ms, Decimal(0))
        trade = VenueTrade(str(self.n_trades), "9999", "", side, *amounts)

        def book(broker: EventVenueBroker) -> None:
            books = PlaceBooks(self.journal, self.epoch, {CANARY.id: broker}, Decimal("0.001"))
            book_trades(books, [Attributed(trade, None)], AT, halts={})

        self.at_broker(book)

    def happens(self, what: str, which: int) -> None:
        """Let something happen to one of the orders that work, or to all of the book."""
        self.rests()
        held = self.at_broker(lambda broker: broker.position()).quantity
        orders = dict(enumerate(self.journal.read_orders(CANARY.id), 1))
        working = [number for number, one in orders.items() if one.progress.status in RESTS]
        if what == "halt":
            self.trader.trip(Trip("failed", "halted by the test"))
        elif what == "stop" and held:
            self.is_stopped()
        elif what in ("fill", "end") and working:
            self._goes_on(working[which % len(working)], what, held)

    def _goes_on(self, number: int, what: str, held: Decimal) -> None:
        order = self.journal.read_orders(CANARY.id)[number - 1]
        if what == "end":
            self.becomes(number, "CANCELED", str(order.progress.filled_quantity))
        elif not order.intent.reduce_only or held >= order.intent.quantity:
            self.fills(number, ("1", "0.4")[number % 2])

    def told(self) -> list[list[Any]]:
        found: list[list[Any]] = self.memory()["told"]
        return found

    def statuses(self) -> list[str]:
        return [order.progress.status for order in self.journal.read_orders(CANARY.id)]


@pytest.fixture
def thinking() -> Thinking:
    """A strategy whose first buy rests."""
    made = Thinking()
    made.pass_bar()
    made.rests()
    return made


@pytest.mark.parametrize("is_late", [False, True])
def test_who_drops_a_strategy_that_thinks_waits_for_no_answer_and_nothing_is_committed_of_it(
    thinking: Thinking, *, is_late: bool
) -> None:
    books = thinking.pass_bar_and_decide_late_while if is_late else thinking.pass_bar_while
    rows = list[Any]()

    def leave() -> None:
        thinking.trader.leave()
        rows.append(list(thinking.journal.tables.log))

    books(leave)
    assert thinking.journal.tables.log == rows[0]


def test_a_dropped_strategy_whose_process_ends_while_it_thinks_halts_nobody(thinking: Thinking) -> None:
    def dies() -> None:
        thinking.trader.leave()
        raise StrategyError("its process has ended")

    thinking.pass_bar_while(dies)


def test_fill_is_booked_while_it_thinks_and_told_once_at_the_next_close(thinking: Thinking) -> None:
    booked = list[Decimal]()

    def fill() -> None:
        thinking.fills(1)
        booked.append(thinking.at_broker(lambda broker: broker.position()).quantity)

    thinking.pass_bar_while(fill)
    whole = thinking.journal.read_orders(CANARY.id)[0].intent.quantity
    assert booked == [whole]
    assert (thinking.thought.n_asked, thinking.told()) == (2, [])
    assert thinking.statuses() == ["FILLED", "INITIALIZED"]
    thinking.rests()
    for _ in range(2):
        thinking.pass_bar_while()
        thinking.rests()
        assert thinking.told() == [[1, "FILLED", float(whole), "limit_order"]]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_told_and_what_came_meanwhile_are_each_told_once(
    thinking: Thinking, *, restarts: bool
) -> None:
    thinking.fills(1, "0.5")
    thinking.pass_bar_while(partial(thinking.fills, 1))
    thinking.rests()
    if restarts:
        thinking.open()
        thinking.wire.blocked_by = ""
    assert [one[:2] for one in thinking.told()] == [[1, "PARTIALLY_FILLED"]]
    thinking.pass_bar_while()
    assert [one[:2] for one in thinking.told()] == [[1, "PARTIALLY_FILLED"], [1, "FILLED"]]


def test_order_whose_room_was_filled_meanwhile_is_never_sent(thinking: Thinking) -> None:
    """The third bar takes all back and hangs one anew; what was to be taken back is filled instead."""
    thinking.pass_bar_while()
    thinking.rests()
    thinking.pass_bar_while(partial(thinking.fills, 2))
    third = thinking.names()[2]

    def step(broker: EventVenueBroker) -> Any:
        around = Circumstances(broker.position().quantity, may_open=True, now_ms=to_ms(AT))
        return next_step(broker.wished(), around, {})

    thinking.becomes(1, "CANCELED")
    assert thinking.at_broker(step) == Drop(third, "it no longer fits")


def test_order_that_may_open_is_dropped_where_a_stop_has_closed_the_position(thinking: Thinking) -> None:
    thinking.fills(1)
    thinking.pass_bar_while(thinking.is_stopped)
    new = [(one.intent.purpose, one.intent.reduce_only) for one in thinking.journal.read_orders(CANARY.id)]
    assert new == [("order 1", False), ("order 3", True)]
    thinking.becomes(2, "DENIED")
    thinking.pass_bar_while()
    assert [[*one[:2], one[3]] for one in thinking.told()] == [
        [1, "FILLED", "limit_order"],
        [0, "FILLED", ""],
        [2, "CANCELED", "the position was left by another exit before it was placed"],
        [3, "CANCELED", "it was not sent"],
    ]


def test_halt_drops_what_is_placed_and_the_bar_is_not_asked_about_again(thinking: Thinking) -> None:
    thinking.pass_bar_while(lambda: thinking.trader.trip(Trip("failed", "halted by the test")))
    assert (thinking.thought.n_asked, len(thinking.names())) == (2, 1)
    assert thinking.memory()["bars"] == 2
    thinking.trader.follow([])
    thinking.trader.decide_late(to_ms(AT) + 2 * MINUTE_MS, 0.0)
    assert thinking.thought.n_asked == 2
    thinking.pass_bar_while()
    assert thinking.memory()["bars"] == 3
    assert thinking.told() == [[2, "CANCELED", 0.0, HALTED]]


def test_limit_that_is_set_meanwhile_lets_nothing_open(thinking: Thinking) -> None:
    thinking.pass_bar_while(lambda: thinking.trader.limit({"account": {"max_position_fraction": 0.01}}))
    assert len(thinking.names()) == 1
    thinking.pass_bar_while()
    assert [one[3] for one in thinking.told()][:1] == ["limits were set anew before it was placed"]


@pytest.mark.parametrize("pass_bar", [Thinking.pass_bar_while, Thinking.pass_bar_and_decide_late_while])
def test_order_that_becomes_unknown_meanwhile_holds_up_nothing_that_is_done(
    thinking: Thinking, pass_bar: Callable[..., None]
) -> None:
    def vanish() -> None:
        thinking.becomes(1, "PARTIALLY_FILLED", "0.1")  # told, and not booked yet

    pass_bar(thinking, vanish)
    assert (thinking.thought.n_asked, thinking.statuses()) == (2, ["PARTIALLY_FILLED", "INITIALIZED"])
    assert thinking.memory()["bars"] == 2


def test_life_that_ends_while_it_thinks_leaves_nothing_of_that_behind(thinking: Thinking) -> None:
    def die() -> None:
        thinking.fills(1)
        raise SystemExit

    with pytest.raises(SystemExit):
        thinking.pass_bar_while(die)
    assert len(thinking.names()) == 1
    thinking.n_bars -= 1
    thinking.open()
    thinking.wire.blocked_by = ""
    thinking.pass_bar_while()
    assert [one[:2] for one in thinking.told()] == [[1, "FILLED"]]
    assert thinking.memory()["bars"] == 2


def test_paper_drops_what_is_placed_and_takes_back_what_could_open_where_it_is_halted_meanwhile() -> None:
    thinking = Thinking()
    thinking.deployment = replace(thinking.deployment, venue="paper")
    plan = thinking.trader.plan
    series = BarSeries(CANARY.symbol, "1m", to_ms(AT))
    thinking.trader = Trader(thinking.journal, plan, series, epoch=thinking.epoch)
    thinking.pass_bar_while()
    assert thinking.statuses() == ["SUBMITTED"]
    thinking.pass_bar_while(lambda: thinking.trader.trip(Trip("failed", "halted by the test")))
    assert thinking.statuses() == ["CANCELED"]
    thinking.trader.follow([])
    thinking.pass_bar_while()
    desk = thinking.journal.read_book(CANARY.id).state["desk"]  # type: ignore[index] - bars are booked
    assert desk["memory"] == {
        "bars": 3,
        "told": [[2, "CANCELED", 0.0, HALTED], [1, "CANCELED", 0.0, "the runner took it back"]],
    }


HAPPENINGS = draw.lists(
    draw.tuples(
        draw.sampled_from(["fill", "stop", "restart", "end", "halt"]),
        draw.integers(0, 9),
        draw.sampled_from(["before", "meanwhile", "late"]),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(HAPPENINGS)
def test_whatever_happens_while_it_thinks_each_fill_and_each_end_is_told_once(
    happenings: list[tuple[str, int, str]],
) -> None:
    thinking = Thinking()
    thinking.pass_bar()

    for what, which, when in happenings:
        act = partial(thinking.happens, what, which)
        if when == "late":
            thinking.pass_bar_and_decide_late_while(act)
        else:
            (act if when == "before" else nothing)()
            thinking.pass_bar_while(act if when == "meanwhile" else nothing)
        if what == "restart":
            thinking.open()
            thinking.wire.blocked_by = ""
        thinking.trader.follow([])
    for _ in range(2):
        thinking.rests()
        thinking.pass_bar_while()
    orders = {one.intent.client_order_id: one.intent for one in thinking.journal.read_orders(CANARY.id)}
    booked = Counter(
        (
            number_of(orders[fill.client_order_id].purpose) if fill.client_order_id else 0,
            float(fill.signed_quantity),
        )
        for fill in thinking.journal.read_book(CANARY.id).fills
    )
    told = Counter((number, quantity) for number, _, quantity, _ in thinking.told() if quantity)
    ends = Counter(number for number, status, *_ in thinking.told() if status in ("CANCELED", "EXPIRED"))
    assert told == booked
    assert all(n == 1 for n in ends.values())
    assert thinking.memory()["bars"] == thinking.thought.n_asked > 0


def test_late_decision_reads_no_rows_again(thinking: Thinking) -> None:
    before = thinking.at_broker(lambda broker: broker)
    thinking.pass_bar_and_decide_late_while(nothing)
    assert thinking.at_broker(lambda broker: broker) is before
    assert thinking.memory()["bars"] == 2


def test_order_that_may_open_is_dropped_where_a_stop_closes_during_a_late_decision(
    thinking: Thinking,
) -> None:
    thinking.fills(1)
    thinking.pass_bar_and_decide_late_while(thinking.is_stopped)
    new = [(one.intent.purpose, one.intent.reduce_only) for one in thinking.journal.read_orders(CANARY.id)]
    assert new == [("order 1", False), ("order 3", True)]
