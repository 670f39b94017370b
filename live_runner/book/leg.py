"""One leg of an instrument set: a trader whose bars, questions and decisions are those of the whole set.

The set asks the strategy once for all of them and stores what they do in one transaction; see ``joint``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from live_runner.book.asking import Answer, DueQuestion
from live_runner.book.bookings import Driven, booking_of, log_booked
from live_runner.book.broker import Broker
from live_runner.book.capital import Withholding, due_to_leave
from live_runner.book.decision import Decided, Moment, without_exposure
from live_runner.book.due import BookStanding
from live_runner.book.tick import Tick, execution_bars
from live_runner.book.trader import Seen, Trader
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.store.trading import Booking
from quant_pipelines.trading import BookView
from quant_pipelines.trading.breaker import Breaker, Event, Trip, decides
from quant_pipelines.trading.legs import LegState, must_be_flat, trips_by


class Whole(Protocol):
    """The set, as one of its legs sees it."""

    def part_of(self, leg: "LegTrader") -> Part:
        """Return what a leg is sized on: its share of the set's value and of the day's baseline, quote."""

    def others_of(self, leg: "LegTrader") -> tuple[LegState, ...]:
        """Return the other legs."""

    def hindrance_of(self, leg: "LegTrader", now_ms: int) -> str:
        """Why the strategy's decision waits for another leg, as one clause; empty if it does not."""

    def wake_others(self, leg: "LegTrader") -> None:
        """Have the other legs looked at, now that something has happened to one."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded together."""

    def advance(self, ticks: Mapping[int, Tick]) -> None:
        """Book the bars of legs, and decide on the newest ones if they are fresh."""

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Take the decision that was prevented when the newest bars were booked."""


class Prepared(NamedTuple):
    """What bars and a decision did to a leg, before it is stored."""

    booking: Booking
    decided: Decided | None
    is_newest: bool


class _Shared(NamedTuple):
    """A leg's book as a decision sees it: sized on its part of the set."""

    broker: Broker
    part: Part

    @property
    def stop_tightening(self) -> float:
        return self.broker.stop_tightening

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        view = self.broker.view(volatility=volatility, data_age_seconds=data_age_seconds)
        return view._replace(**self.part._asdict())


class LegTrader(Trader):
    """Trades one symbol of a set.

    Parameters
    ----------
    whole
        The set.
    *given, **named
        As a trader takes them.
    """

    def __init__(self, whole: Whole, *given: Any, **named: Any) -> None:
        self.whole = whole
        super().__init__(*given, **named)

    @property
    def id(self) -> int:
        """Of its row."""
        return self.plan.deployment.id

    @property
    def own_state(self) -> LegState:
        """What stands for it alone, and why it does not hold what was decided."""
        return LegState(self.symbol, super().breaker, self._held.broker.lost)

    @property
    def is_at_venue(self) -> bool:
        """Whether a venue holds its position."""
        return not self._held.broker.closes_with_bars

    @property
    def breaker(self) -> Breaker:
        """Every event that stands now, those that the other legs are the cause of included."""
        return self._beside(super().breaker)

    @property
    def is_halted(self) -> bool:
        """Whether it books bars without deciding on them."""
        return not decides(self._beside(self._breaker).state)

    @property
    def must_flatten(self) -> bool:
        """Whether what is held is closed, also since another leg goes."""
        return super().must_flatten or self._beside(self._breaker).closes

    @property
    def closes_for(self) -> Event | None:
        """Event that closes what is held: its own before that of another leg; None if a person's does."""
        return self._breaker.closes_for if self._breaker.closes else self._beside(self._breaker).closes_for

    def _beside(self, breaker: Breaker) -> Breaker:
        return Breaker((*breaker.trips, *trips_by(self._causes())))

    def _causes(self) -> tuple[LegState, ...]:
        """Legs that keep this one from what it should hold.

        At a venue it may itself hold a part, or the wrong side: whatever it has lost closes it, too.
        """
        others, lost = self.whole.others_of(self), self._held.broker.lost
        if lost is None or not self.is_at_venue:
            return others
        return (*others, LegState(self.symbol, Breaker(), lost))

    def follow(self, stored: Iterable[Trip]) -> None:
        """Follow the events that stand in the database; what closes this leg has the others looked at."""
        closed = self._breaker.closes
        super().follow(stored)
        if self._breaker.closes != closed:
            self.whole.wake_others(self)

    def with_broker(self, act: Callable[[Broker], Seen]) -> Seen:
        """Let somebody act on the broker; the others are looked at where it has lost something."""
        before = self._held.broker.lost
        try:
            return super().with_broker(act)
        finally:
            if self._held.broker.lost != before:
                self.whole.wake_others(self)

    def wake(self) -> None:
        """Have whoever closes at once look at it."""
        self._held.broker.wake()

    def waits_for(self, now_ms: int) -> str:
        """Why it decides nothing now, as one clause; its book is held."""
        return self._held.broker.waits_for or self.pause.reason(now_ms)

    def _stopped_by(self) -> str:
        """Why nothing is sent of what was committed, in one clause; empty while something may be.

        Nothing of a set is opened any more of which a leg does not hold what it should: it is being closed.
        """
        lost = next((trip for trip in trips_by(self._causes()) if trip.event == "leg_lost"), None)
        return super()._stopped_by() if lost is None else lost.reason

    def advance(self, tick: Tick) -> None:
        """Book the bars of this leg alone: the others have none."""
        self.whole.advance({self.id: tick})

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Take the decision of the whole set that was prevented."""
        self.whole.decide_late(now_ms, data_age_seconds)

    @property
    def has_left(self) -> bool:
        """Whether it was dropped: nothing of it is booked any more."""
        return self._has_left

    @property
    def shares_margin(self) -> bool:
        """Whether the other legs stand behind its margin."""
        book = self._held.broker.paper_book
        if book is None or self.plan.rules.execution.leverage > 0.0:
            return False
        return any(terms.margin.brackets.size for terms in book.settings.dated_terms)

    @contextmanager
    def thinking(self) -> Iterator[bool]:
        """Let nobody else book or decide; whether it is traded still."""
        with self._deciding:
            yield not self._has_left

    def alone(self) -> AbstractContextManager[Broker]:
        """Have the book alone; it is as its rows say."""
        return self._held.alone()

    def first_question(self, tick: Tick) -> DueQuestion | None:
        """Take over the market's news, and return what is to be asked before they are booked."""
        return self._first_question(tick)

    def stops_at(self, tick: Tick) -> bool:
        """Whether its stops do something at the close of these bars; its book is held."""
        bars = self.new_bars(tick)
        return bool(bars) and self._held.broker.stops_at(bars)

    def let_stops_go_first(self, close_ms: int) -> None:
        """Note that the decision on its newest bar is taken once the strategy has answered."""
        self._waits.put_off(close_ms)

    def new_bars(self, tick: Tick) -> list[ExecutionBar]:
        """Bars that are not booked yet; none once it was dropped."""
        step_ms, until_ms = self.plan.execution_step_ms, self.booked_until_ms
        return [] if self._has_left else execution_bars(tick, step_ms, until_ms)

    def worth(self) -> Part:
        """Its own equity, and that at the begin of the day; its capital before the first bar. Quote."""
        if self._held.booked_until_ms is None:
            capital = float(self.plan.deployment.capital)
            return Part(capital, capital)
        view = self._held.broker.view(volatility=0.0, data_age_seconds=0.0)
        return Part(view.equity, view.day_start_equity)

    def asking(self, close_ms: int, *, is_wanted: Callable[[], bool]) -> AbstractContextManager[None]:
        """Ask the strategy about a close; raises `BarMissed` where it does not answer, or nobody asks."""
        return self._waits.asking(close_ms, is_wanted=is_wanted)

    def miss_as(self, other: "LegTrader") -> None:
        """Note that the strategy did not answer, as another leg has."""
        self._waits.missed = other._waits.missed  # noqa: SLF001 - its own kind

    @property
    def is_prevented(self) -> bool:
        """Whether the decision on its newest bar could not be taken, and is still wanted."""
        prevented = self._waits.prevented
        return not self._has_left and prevented is not None and prevented.close_ms == self.booked_until_ms

    def has_to_wait(self, now_ms: int) -> bool:
        """Whether that decision has to go on waiting; its book is held.

        Whether the state of its own orders hinders it is noted: it is tried again once they are settled.
        """
        self.is_hindered = bool(self._held.broker.waits_for)
        if self.is_leaving or self.is_halted:
            return bool(self._held.broker.waits_for)
        if self._waits.has_missed(self.booked_until_ms, now_ms):  # asked again at the next close
            return True
        return bool(self.waits_for(now_ms) or self.whole.hindrance_of(self, now_ms))

    def late_question(self, moment: Moment, now_ms: int) -> DueQuestion | None:
        """Return what the strategy is to be asked for the decision on its newest bar, if anything."""
        return self._due(moment._replace(close_ms=self.booked_until_ms), now_ms, [])

    def decide_after(self, moment: Moment, now_ms: int, answer: Answer | None) -> Decided | None:
        """Decide on its newest bar if that is due yet; else nobody asks for it again."""
        prevented = self._waits.prevented
        assert prevented is not None  # noqa: S101 - whoever asks has looked
        decided = self._decide(moment._replace(close_ms=prevented.close_ms), now_ms, answer)
        if decided is None:
            self._waits.prevented = prevented
            self._waits.drop(now_ms)
            return None
        late = (now_ms - prevented.close_ms) / 1000
        return decided.noting({"late_seconds": late, "waited_for": prevented.reason})

    def late_booking(self, decided: Decided) -> Prepared:
        """Put together what is stored of a decision that no bar's booking carries."""
        decided = self._held.broker.complete(decided)
        booking = booking_of(self._held.broker, self.plan, self.booked_until_ms, decided=decided)
        return Prepared(booking, decided, is_newest=True)

    def decide(self, close_ms: int, tick: Tick, answer: Answer | None) -> Decided | None:
        """Decide if that is due; what still works is not taken back yet."""
        moment = Moment(close_ms, self._epoch, tick.data_age_seconds)
        return self._decide(moment, tick.now_ms, answer)

    def reduced(self, decided: Decided, denial: AccountDenial, close_ms: int) -> Decided:
        """Return a decision without what adds to its position: another leg's order was denied."""
        moment = Moment(close_ms, self._epoch, 0.0)
        return without_exposure(self.plan, decided, denial, moment)

    def prepared(self, close_ms: int, done: Driven, decided: Decided | None, *, is_newest: bool) -> Prepared:
        """Put together what is stored of it."""
        if decided is not None:
            decided = self._held.broker.complete(decided)
        booking = booking_of(self._held.broker, self.plan, close_ms, decided=decided, done=done)
        return Prepared(booking, decided, is_newest)

    def settle(self, stored: Prepared, close_ms: int, now_ms: int) -> None:
        """Go on from what is stored by now."""
        self._held.booked_until_ms = close_ms
        if stored.is_newest:
            self._waits.write(now_ms)
        self._announce(self.plan.deployment, stored.booking)
        log_booked(stored.booking)
        if stored.decided is not None:
            self._take(stored.decided, close_ms, now_ms)

    def _standing(self, close_ms: int, now_ms: int, answer: Answer | None, *, has_news: bool) -> BookStanding:
        standing = super()._standing(close_ms, now_ms, answer, has_news=has_news)
        return standing._replace(missed=standing.missed or self.whole.hindrance_of(self, now_ms))

    def _decided(self, answer: Answer, moment: Moment) -> Decided:
        """Decide on its part of the set; what works is taken back once all legs have decided."""
        broker = self._held.broker
        self._approval.report(broker, moment.close_ms)
        causes = self._causes()
        is_flat = must_be_flat(causes)
        answer = answer._replace(target=0.0) if is_flat else answer
        leaves = due_to_leave(broker, self.wanted_capital, moment.close_ms)
        seen = Withholding(_Shared(broker, self.whole.part_of(self)), leaves)
        decided = seen.decide(self.plan, self._rules, answer, moment)
        if is_flat:
            why = next(trip.reason for trip in trips_by(causes) if trip.event in ("leg_lost", "leg_gone"))
            decided = decided.noting({"flat_for": why}) if self.is_at_venue else _with_side(decided)
        only_reduces = self.breaker.only_reduces
        return self._approval.approved(decided, moment, broker.n_fills, is_reducing=only_reduces)


def _with_side(decided: Decided) -> Decided:
    """Return a decision to be flat that keeps the side: it is not entered again before that changes."""
    side = float(decided.signal.decision["view"]["target_side"])
    journal = decided.signal.decision | {"target_side": side, "reason": "another leg was liquidated"}
    return decided._replace(signal=replace(decided.signal, decision=journal), target_side=side)
