"""An instrument set: its legs take each close together.

One question to the strategy for all bars of a close, one transaction for what all legs do. A leg without its
bar is not decided on at that close, and the strategy sees NaN in its place, as in a backtest.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial, reduce
from operator import add
from typing import NamedTuple

from live_runner.book.all_or_none import Decisions, all_or_none
from live_runner.book.asking import DueQuestion, answered
from live_runner.book.bookings import Driven, driven_by, together
from live_runner.book.broker import Broker
from live_runner.book.capital import Bound, lacked, paid
from live_runner.book.decision import Decided, Moment
from live_runner.book.joint_late import LateStep
from live_runner.book.leg import LegTrader, Prepared
from live_runner.book.panel_question import Answers, ask_legs
from live_runner.book.paper import PaperBroker
from live_runner.book.ruin import ended, is_ruined
from live_runner.book.tick import Tick
from quant_pipelines.accounting.margin import Backing
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.account.row import Behind, left_by, maintained_at, step_row
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.legs import LegState

_ROWS_PER_TRANSACTION = 250


class InstrumentSet:
    """Legs of one set, in their order.

    Parameters
    ----------
    journal
        Rows of the runner.
    epoch
        Epoch of the writer.
    n_legs
        How many it has.

    Attributes
    ----------
    legs
        Those that have their bars.
    """

    def __init__(self, journal: Journal, epoch: int, n_legs: int) -> None:
        self._journal = journal
        self._epoch = epoch
        self._n_legs = n_legs
        self.legs: tuple[LegTrader, ...] = ()

    def add(self, leg: LegTrader) -> None:
        """Let a leg take part, which has its bars by now."""
        self.legs = tuple(sorted((*self.legs, leg), key=lambda one: one.id))

    def remove(self, leg: LegTrader) -> None:
        """Let a leg take part no more."""
        self.legs = tuple(one for one in self.legs if one is not leg)

    def part_of(self, leg: LegTrader) -> Part:
        """Return what a leg is sized on: its share of the set's value, and of the day's baseline; quote."""
        share = 1.0 / self._n_legs
        worths = [one.worth() for one in self.legs]
        value = max(0.0, reduce(add, (worth.equity for worth in worths), 0.0))
        return Part(share * value, share * reduce(add, (worth.day_start_equity for worth in worths), 0.0))

    def others_of(self, leg: LegTrader) -> tuple[LegState, ...]:
        """Return the other legs, as they stand by themselves."""
        return tuple(one.own_state for one in self.legs if one is not leg)

    def hindrance_of(self, leg: LegTrader, now_ms: int) -> str:
        """Why the strategy's decision waits for another leg, as one clause; empty if it does not.

        One that decides nothing is not waited for: what the others may do then is told by its breaker.
        """
        n_traded = self._n_traded
        if n_traded != self._n_legs:
            return f"{n_traded} of the {self._n_legs} legs of its set are traded"
        waits = ((one, one.waits_for(now_ms)) for one in self.legs if one is not leg and not one.is_halted)
        return next((f"leg {one.symbol}: {why}" for one, why in waits if why), "")

    def wake_others(self, leg: LegTrader) -> None:
        """Have those looked at who close at once, now that something has happened to a leg."""
        for one in self.legs:
            if one is not leg:
                one.wake()

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded together."""
        return tuple(leg.symbol for leg in self.legs)

    @property
    def _n_traded(self) -> int:
        return sum(not leg.has_left for leg in self.legs)

    @property
    def _waits(self) -> bool:
        """Whether no bar is booked before all legs are there: one alone has not the margin of all behind it.

        What is to be closed waits for none of them.
        """
        if self._n_traded == self._n_legs or any(leg.is_leaving or leg.must_flatten for leg in self.legs):
            return False
        return any(leg.shares_margin for leg in self.legs)

    def advance(self, ticks: Mapping[int, Tick]) -> None:
        """Book the bars of all legs, and decide on the newest ones if they are fresh.

        Where a stop of any leg does something at their close, they are booked before the strategy is asked.
        Legs whose margin is shared book nothing while one of them is missing: later, and row by row.

        Raises
        ------
        StoreError, ReconciliationError, StrategyError
            As a trader's.
        """
        if self._waits:
            return
        with ExitStack() as turns:
            legs = [leg for leg in self.legs if turns.enter_context(leg.thinking())]
            step = _Step(self._journal, self._epoch, legs, ticks)
            question, ask = step.first_question(), partial(ask_legs, legs)
            if question is None or not question.stops_first:
                answered(step.take, question, ask)
                return
            step.take(None, decides=False)
            answered(step.late().take, question, ask)

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Take the decision that was prevented when the newest bars were booked, once no leg hinders it.

        Raises
        ------
        StoreError, ReconciliationError, StrategyError
            As a trader's.
        """
        with ExitStack() as turns:
            legs = [leg for leg in self.legs if turns.enter_context(leg.thinking())]
            late = LateStep(self._journal, legs, Moment(0, self._epoch, data_age_seconds), now_ms)
            answered(late.take, late.first_question(), partial(ask_legs, legs))


class _Row(NamedTuple):
    """A leg's book in a row; what its bars did is added to ``done``."""

    leg: LegTrader
    broker: Broker
    done: list[Driven]

    @property
    def equity_left(self) -> float:
        return self.broker.equity

    def worst(self, bar: ExecutionBar | None, ts: int) -> float:
        book = self.broker.paper_book
        return 0.0 if book is None else left_by(book, bar and book.seen(bar), ts)

    def maintained(self, bar: ExecutionBar | None, ts: int) -> float:
        book = self.broker.paper_book
        return 0.0 if book is None else maintained_at(book, bar and book.seen(bar), ts)

    def step(self, bar: ExecutionBar, backing: Backing) -> bool:
        was_liquidated = self.broker.lost == "liquidated"
        self.done.append(driven_by(self.broker, self.leg.plan, bar, backing))
        return self.broker.lost == "liquidated" and not was_liquidated

    def liquidate_orders(self) -> None:
        pass


def _end_what_is_ruined(books: Sequence[_Row], bars: Sequence[ExecutionBar | None], ts: int) -> None:
    """End a set on paper of which nothing is left, in the row of bars that was just booked."""
    brokers = [book.broker for book in books if isinstance(book.broker, PaperBroker)]
    capital = sum(float(book.leg.plan.deployment.capital) for book in books)
    if len(brokers) < books[0].leg.plan.deployment.n_legs or not is_ruined(brokers, capital):
        return
    for book, broker, bar in zip(books, brokers, bars, strict=True):
        last = Driven() if bar is None else book.done.pop()
        if bar is not None or broker.account.cash != 0.0:
            book.done.append(ended(broker, last, ts + book.leg.plan.execution_step_ms))


def _pay(
    books: Sequence[_Row], newest: Collection[int], closes: Mapping[int, int], decisions: Decisions
) -> None:
    """Pay the legs what is due, once all have decided; what one lacks, the others keep for it."""
    wanted = [book.leg.capital_wanted_at(closes[book.leg.id]) for book in books]
    if None in wanted or any(book.broker.waits_for or book.leg.id not in newest for book in books):
        return
    bounds = [Bound(book.leg.rules, decisions.get(book.leg.id)) for book in books]
    lack = [lacked(book.broker, book.done[-1], bound) for book, bound in zip(books, bounds, strict=True)]
    for (leg, broker, done), capital, bound, own in zip(books, wanted, bounds, lack, strict=True):
        behind = bound._replace(lacking=sum(lack) - own)
        done[-1] = paid(broker, leg.plan, capital, done[-1], behind)


class _Step:
    """One step of all legs: their bars, the question that they make, and what is stored."""

    def __init__(
        self, journal: Journal, epoch: int, legs: Sequence[LegTrader], ticks: Mapping[int, Tick]
    ) -> None:
        self._journal = journal
        self._epoch = epoch
        self._legs = legs
        self._ticks = {leg.id: ticks[leg.id] for leg in legs if leg.id in ticks}
        self._decides = True

    def first_question(self) -> DueQuestion | None:
        """Let every leg take over its news; what is due at the newest close, if anything is.

        All books are held for it: what is due for one of them depends on the others.
        """
        with ExitStack() as held:
            for leg in self._legs:
                held.enter_context(leg.alone())
            return self._first_question()

    def _first_question(self) -> DueQuestion | None:
        due = [leg.first_question(self._ticks[leg.id]) for leg in self._legs if leg.id in self._ticks]
        questions = [question for question in due if question is not None]
        if not questions:
            return None
        newest = max(questions, key=lambda question: question.close_ms)
        stops_first = any(leg.stops_at(self._ticks[leg.id]) for leg in self._legs if leg.id in self._ticks)
        return newest._replace(stops_first=stops_first)

    def late(self) -> LateStep:
        """Return the decision that was left for later when these bars were booked."""
        age = max(tick.data_age_seconds for tick in self._ticks.values())
        return LateStep(self._journal, self._legs, Moment(0, self._epoch, age), self._now_ms)

    @property
    def _now_ms(self) -> int:
        return max(tick.now_ms for tick in self._ticks.values())

    def _decision(self, leg: LegTrader, close_ms: int, answers: Answers) -> Decided | None:
        """Decide on a leg's newest bar, or note that this is left for later."""
        if not self._decides:
            leg.let_stops_go_first(close_ms)
            return None
        return leg.decide(close_ms, self._ticks[leg.id], answers.get(leg.id))

    def take(self, answers: Answers | None, *, decides: bool = True) -> None:
        """Book all bars, row by row, and decide at the close of the newest, or leave that for later."""
        self._decides = decides
        with ExitStack() as held:
            books = [_Row(leg, held.enter_context(leg.alone()), []) for leg in self._legs]
            bars = {leg.id: self._bars(leg) for leg in self._legs}
            times = sorted({ts for own in bars.values() for ts in own})
            for start in range(0, len(times), _ROWS_PER_TRANSACTION):
                part = times[start : start + _ROWS_PER_TRANSACTION]
                behind = Behind(0.0, float("inf"), any(leg.shares_margin for leg in self._legs))
                for ts in part:
                    row = [bars[leg.id].get(ts) for leg in self._legs]
                    step_row(books, row, ts, behind)
                    _end_what_is_ruined(books, row, ts)
                self._store(books, bars, part[-1], answers or {})

    def _bars(self, leg: LegTrader) -> dict[int, ExecutionBar]:
        tick = self._ticks.get(leg.id)
        return {} if tick is None else {bar.ts: bar for bar in leg.new_bars(tick)}

    def _store(
        self, books: Sequence[_Row], bars: Mapping[int, dict[int, ExecutionBar]], until: int, answers: Answers
    ) -> None:
        """Store what the bars up to a time did, with what is decided on those that are the newest."""
        stepped = [book for book in books if book.done]
        closes = dict[int, int]()
        for leg, broker, done in stepped:
            closes[leg.id] = to_ms(done[-1].equity[-1].ts)
            broker.position()  # proven before anything is decided on it
        newest = {leg.id for leg, _, _ in stepped if bars[leg.id] and max(bars[leg.id]) <= until}
        for leg, broker, _ in stepped:
            if leg.id in newest and leg.id in answers:
                broker.learn(answers[leg.id].target)  # of all, before any of them is decided on
        decisions: Decisions = {
            leg.id: self._decision(leg, closes[leg.id], answers) if leg.id in newest else None
            for leg, _, _ in stepped
        }
        decisions = all_or_none([leg for leg, _, _ in stepped], decisions, closes)
        if len(stepped) == len(books):
            _pay(stepped, newest, closes, decisions)
        prepared = [
            leg.prepared(closes[leg.id], together(done), decisions.get(leg.id), is_newest=leg.id in newest)
            for leg, _, done in stepped
        ]
        self._commit([book.leg for book in stepped], prepared, closes)
        for book in stepped:
            book.done.clear()

    def _commit(
        self, legs: Sequence[LegTrader], prepared: Sequence[Prepared], closes: Mapping[int, int]
    ) -> None:
        now_ms = self._now_ms
        first, *others = (one.booking for one in prepared)
        self._journal.book(self._epoch, first, from_ms(now_ms), others)
        for leg, one in zip(legs, prepared, strict=True):
            leg.settle(one, closes[leg.id], now_ms)
