"""One deployment: its strategy, its book, and what each closed bar does to them.

Synchronous on purpose: bars in, one transaction out. Its strategy thinks while the book is free for others.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from live_runner.book.approval import Approval, Relations, trip_of
from live_runner.book.asking import Answer, DueQuestion, Unanswered, answered, ask, unasked
from live_runner.book.bookings import booking_of, driven, log_booked
from live_runner.book.broker import Broker, OpenBroker
from live_runner.book.capital import Bound, Withholding, due_to_leave, paid
from live_runner.book.decision import Decided, Moment
from live_runner.book.due import BookStanding, due
from live_runner.book.event_decision import decide_event, withdraw
from live_runner.book.held import BookInMemory
from live_runner.book.inputs import LiveInputs
from live_runner.book.paper import open_paper
from live_runner.book.plan import DeploymentPlan
from live_runner.book.recovery import REPEATED
from live_runner.book.sitting import Sitting
from live_runner.book.status import status_of
from live_runner.book.tick import Tick, execution_bars
from live_runner.book.under_breaker import UnderBreaker
from live_runner.book.waits import STOPS_FIRST, Prevented, Waits, too_old
from live_runner.feed.series import BarSeries
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.timeframes import floor_ms, from_ms, to_ms
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.breaker import ROWS
from quant_pipelines.trading.capital import WantedCapital
from quant_pipelines.trading.funding_pause import FundingPause

_BARS_PER_TRANSACTION = 500
Seen = TypeVar("Seen")


class Trader(UnderBreaker):
    """Trades one deployment.

    Parameters
    ----------
    journal
        Rows of the runner.
    plan
        Its row, and what that means.
    series
        The strategy's bars up to now.
    epoch
        Epoch of the writer.
    open_broker
        Opens who holds the book.
    relations
        Who is told what was committed, and whose leave its orders need.

    Attributes
    ----------
    is_hindered
        Whether a decision was tried that the state of its orders hindered; who has it tried again clears it.

    Raises
    ------
    QuantError
        If the source, the document or the specification can't be used.
    """

    def __init__(
        self,
        journal: Journal,
        plan: DeploymentPlan,
        series: BarSeries,
        *,
        epoch: int,
        open_broker: OpenBroker = open_paper,
        relations: Relations = Relations(),  # noqa: B008 - a tuple
    ) -> None:
        super().__init__(plan, relations)
        self.series = series
        self.inputs = LiveInputs(journal.market, self.plan, series)
        self._journal = journal
        self._epoch = epoch
        self.wanted_capital = plan.deployment.wanted_capital
        self._announce = relations.announce
        self._approval = Approval(relations.gate, self.plan, relations.fills_ms, relations.working)
        self.pause = FundingPause(self.plan.funding_interval_hours, relations.funding_pause_seconds)
        self._waits = Waits(journal, plan.deployment.key)
        self._first_ms = floor_ms(to_ms(plan.deployment.created_at), plan.execution_step_ms)
        self._has_left = self.is_hindered = False
        self._deciding = threading.Lock()  # taken before the book's, which is free while the strategy thinks
        self._held = BookInMemory(partial(open_broker, journal, plan, epoch), self._approval.report)

    @property
    def key(self) -> str:
        """Name in alerts and limits."""
        return self.plan.deployment.key

    @property
    def symbol(self) -> str:
        """What is traded."""
        return self.plan.deployment.symbol

    @property
    def booked_until_ms(self) -> int:
        """Close of the last bar that was committed, milliseconds UTC."""
        booked_until_ms = self._held.booked_until_ms
        return self._first_ms if booked_until_ms is None else booked_until_ms

    def is_undecided_at(self, close_ms: int) -> bool:
        """Whether a bar that closes then is not booked yet, or its strategy thinks since it was booked."""
        prevented = self._waits.prevented_at(close_ms)
        thinks = prevented is not None and prevented.reason == STOPS_FIRST
        return self.booked_until_ms < close_ms or thinks

    def advance(self, tick: Tick) -> None:
        """Book the bars, and decide on the newest one if it is fresh.

        Raises
        ------
        StoreError
            If another writer has taken over, or the database does not answer.
        ReconciliationError
            If the broker and the ledger disagree.
        StrategyError
            If the strategy fails.

        Notes
        -----
        A bar is fresh until the next one closes. An order that was decided late within that time still fills
        at the running bar's open, as in every driver; the difference to the wall clock is ``committed_at``.
        """
        with self._deciding:
            question, step = self._first_question(tick), partial(self._advance, tick)
            if question is not None and question.stops_first:
                self._advance(tick, None, decides=False)
                step = partial(self._decide_late, tick.now_ms, tick.data_age_seconds)
            answered(step, question, self._ask)

    def _first_question(self, tick: Tick) -> DueQuestion | None:
        """Take over the market's news, and return what the strategy is to be asked before they are booked."""
        with self._held.alone():
            if tick.strategy_bars is not None:
                self.series.extend(tick.strategy_bars)
            self.inputs.extend(tick.higher, tick.funding, tick.points)
            bars = execution_bars(tick, self.plan.execution_step_ms, self.booked_until_ms)
            if not bars or self._has_left:
                return None
            moment = Moment(bars[-1].ts + self.plan.execution_step_ms, self._epoch, tick.data_age_seconds)
            return self._due(moment, tick.now_ms, bars)

    def _due(self, moment: Moment, now_ms: int, bars: list[ExecutionBar]) -> DueQuestion | None:
        """Return what the strategy is to be asked once these bars are booked; None for nothing."""
        run = self._held.broker.ahead(bars)
        standing = self._standing(moment.close_ms, now_ms, None, has_news=run is not None and run.has_news)
        if due(standing) != "ask":
            return None
        question = self._question(moment._replace(is_bar=standing.is_bar), run)
        return question._replace(stops_first=self._held.broker.stops_at(bars))

    def _question(self, moment: Moment, run: EventRun | None) -> DueQuestion:
        if run is None:
            return DueQuestion(moment.close_ms)
        rules = self.plan.rules_at(self._rules, moment.close_ms)
        return DueQuestion(moment.close_ms, Sitting(run, rules, moment.is_bar, moment.data_age_seconds))

    def _ask(self, wanted: DueQuestion) -> Answer:
        question = self.inputs.question(wanted.close_ms)._replace(sitting=wanted.sitting)
        with self._waits.asking(wanted.close_ms, is_wanted=lambda: not self._has_left):
            return ask(self.plan.strategy, question)

    def _advance(self, tick: Tick, answer: Answer | None, *, decides: bool = True) -> None:
        with self._held.alone():
            step_ms, until_ms = self.plan.execution_step_ms, self.booked_until_ms
            bars = [] if self._has_left else execution_bars(tick, step_ms, until_ms)
            for start in range(0, len(bars), _BARS_PER_TRANSACTION):
                part = bars[start : start + _BARS_PER_TRANSACTION]
                is_newest = start + len(part) == len(bars)
                self._book(part, tick, answer, is_newest=is_newest, decides=decides)

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Take the decision that was prevented when the newest bar was booked, unless that bar is too old.

        Raises
        ------
        StoreError, ReconciliationError, StrategyError
            As `advance`.
        """
        with self._deciding:
            question = self._late_question(now_ms, data_age_seconds)
            answered(partial(self._decide_late, now_ms, data_age_seconds), question, self._ask)

    def _late_question(self, now_ms: int, data_age_seconds: float) -> DueQuestion | None:
        with self._held.alone():
            close_ms = self.booked_until_ms
            if self._has_left or self._waits.prevented_at(close_ms) is None:
                return None
            return self._due(Moment(close_ms, self._epoch, data_age_seconds), now_ms, [])

    def _decide_late(self, now_ms: int, data_age_seconds: float, answer: Answer | None) -> None:
        with self._held.alone():
            close_ms = self.booked_until_ms
            prevented = self._waits.prevented_at(close_ms)
            if self._has_left or prevented is None:
                return
            if self._held.broker.waits_for and (answer is None or answer.sat is None):
                self.is_hindered = True
                return
            if self._waits.has_missed(close_ms, now_ms):  # asked again at the next close
                return
            if self.pause.until_ms(now_ms):
                return  # asked again at its end
            decided = self._decide(Moment(close_ms, self._epoch, data_age_seconds), now_ms, answer)
            if decided is None:
                self._waits.prevented = prevented
                self._waits.drop(now_ms)
                return
            late = (now_ms - close_ms) / 1000
            decided = decided.noting({"late_seconds": late, "waited_for": prevented.reason})
            booking = booking_of(self._held.broker, self.plan, close_ms, decided=decided)
            self._journal.book_decision(self._epoch, booking, from_ms(now_ms))
            self._waits.write(now_ms)
            self._announce(self.plan.deployment, booking)
            log_booked(booking)
            self._take(decided, close_ms, now_ms)

    def with_broker(self, act: Callable[[Broker], Seen]) -> Seen:
        """Let somebody act on the broker while no bar is booked; it is as the rows say by then."""
        with self._held.alone() as broker:
            return act(broker)

    def at_once(self) -> AbstractContextManager[Broker | None]:
        """Read the book without waiting; None while it is not free, or not as the rows say."""
        return self._held.at_once()

    def take_over(self, intent: Intent, ordered: Decimal, held: Decimal) -> None:
        """Go on with an entry that works: base in all, unsigned, and what was held without it, signed."""
        self._approval.take_over(intent, float(ordered if intent.side == "buy" else -ordered), float(held))

    def refusal_to_send(self, intent: Intent) -> str:
        """Why a committed order may not be sent now, in one sentence; empty if it may."""
        ask = partial(self._approval.refusal_to_send, is_reducing=self.breaker.only_reduces)
        return self._stopped_by() or ask(intent)

    def refusal_to_go_on(self, intent: Intent) -> str:
        """Why an entry that was sent in part may not go on at the prices of now; empty if it may."""
        ask = partial(self._approval.refusal_to_go_on, is_reducing=self.breaker.only_reduces)
        return self._stopped_by() or ask(intent)

    def _stopped_by(self) -> str:
        """Why nothing is sent of what was committed, in one clause; empty while something may be."""
        return "halted before it was sent" if self.is_halted else ""

    def refusal_to_add(self, intent: Intent) -> str:
        """Why an order may not be sent that takes the net of all books further from flat; empty if it may."""
        return self._approval.refusal_to_add(intent, is_reducing=self.breaker.only_reduces)

    def refused(self, error: ExchangeError, at_ms: int) -> None:
        """Note that the venue has refused an order; so many of them stop what adds."""
        self._approval.refused(error, at_ms)

    def priced(self, intent: Intent) -> Intent:
        """Return an intent of no bar with the last price that the stream has told."""
        return self._approval.priced(intent)

    def outdate(self) -> None:
        """Have the rows read again: somebody else may have booked something of it."""
        self._held.outdate()

    def leave(self) -> None:
        """Return once nobody books, and let nobody begin to; what a strategy thinks of yet is thrown away."""
        self._has_left = self._approval.has_left = True
        self._held.rest()

    def rest(self) -> None:
        """Return once nobody has the book; a thread that was given up on may still do."""
        self._held.rest()

    def status(self) -> dict[str, Any]:
        """Document of the deployment for the heartbeat."""
        return status_of(self.plan.deployment, self.breaker, self._held.broker, self.booked_until_ms)

    def _book(
        self, bars: list[ExecutionBar], tick: Tick, answer: Answer | None, *, is_newest: bool, decides: bool
    ) -> None:
        done = driven(self._held.broker, self.plan, bars)
        close_ms = bars[-1].ts + self.plan.execution_step_ms
        self._held.broker.position()  # proven before anything is decided on it
        moment = Moment(close_ms, self._epoch, tick.data_age_seconds)
        decided = self._decide(moment, tick.now_ms, answer) if is_newest and decides else None
        if is_newest and not decides:
            self._waits.put_off(close_ms)
        wanted = self.capital_wanted_at(close_ms) if is_newest else None
        done = paid(self._held.broker, self.plan, wanted, done, Bound(self._rules, decided))
        booking = booking_of(self._held.broker, self.plan, close_ms, decided=decided, done=done)
        self._journal.book(self._epoch, booking, from_ms(tick.now_ms))
        self._held.booked_until_ms = close_ms
        if is_newest:
            self._waits.write(tick.now_ms)
        self._announce(self.plan.deployment, booking)
        log_booked(booking)
        if decided is not None:
            self._take(decided, close_ms, tick.now_ms)

    def capital_wanted_at(self, close_ms: int) -> WantedCapital | None:
        """Capital that it is to have once a close is booked; None where a decision there is still to come.

        What that orders is sized on the equity before, and must not be left without margin.
        """
        is_awaited = self._waits.prevented_at(close_ms) is not None and not self._waits.missed_at(close_ms)
        return None if is_awaited else self.wanted_capital

    def _standing(self, close_ms: int, now_ms: int, answer: Answer | None, *, has_news: bool) -> BookStanding:
        """How the book stands at a close; what flattens is closed at the next bar of any timeframe."""
        broker, step_ms = self._held.broker, self.plan.step_ms
        strategy_close_ms, decided_ms = floor_ms(close_ms, step_ms), floor_ms(self._held.decided_ms, step_ms)
        return BookStanding(
            is_halted=self.is_halted,
            closes=self.must_flatten and broker.closes_with_bars and broker.account.position != 0.0,
            is_leaving=self.is_leaving,
            is_bar=decided_ms < strategy_close_ms <= self.series.end_ms,
            is_news=has_news and decided_ms == strategy_close_ms,
            hindered=broker.waits_for or too_old(now_ms - close_ms, self.plan.execution_step_ms),
            pause=self.pause.reason(now_ms),
            missed=self._waits.missed_at(close_ms),
            is_answered=answer is not None,
            has_acted=answer is not None and answer.sat is not None,
        )

    def _decide(self, moment: Moment, now_ms: int, answer: Answer | None) -> Decided | None:
        """Decide if that is due.

        Raises
        ------
        Unanswered
            If the strategy has to be asked first.
        """
        close_ms = moment.close_ms
        answer = answer if answer is not None and answer.question.close_ms == close_ms else None
        standing = self._standing(close_ms, now_ms, answer, has_news=self._held.broker.has_news)
        is_due, moment = due(standing), moment._replace(is_bar=standing.is_bar)
        if is_due == "ask":
            raise Unanswered(self._question(moment, self._held.broker.ahead(())))
        self._waits.prevented = None
        if is_due == "withdraw":
            at_desk = self._held.broker.at_desk
            return at_desk and withdraw(self.plan, self._rules, at_desk, answer, moment)
        if is_due == "wait":
            is_planned = standing.waits_for == standing.pause
            self._waits.prevented = Prevented(close_ms, standing.waits_for, is_planned)
            self.is_hindered = bool(self._held.broker.waits_for)
        if is_due != "decide":
            return None
        why = self.closes_for if standing.closes else None
        moment = moment._replace(is_leaving=standing.wants_flat, exit_reason=why)
        if answer is None or (standing.wants_flat and answer.sat is None):
            answer = unasked(self.inputs.bars_alone(close_ms))
        return self._decided(answer, moment)

    def _decided(self, answer: Answer, moment: Moment) -> Decided:
        broker, is_reducing = self._held.broker, self.breaker.only_reduces
        if (desk := broker.at_desk) is not None:
            decided = decide_event(self.plan, self._rules, desk, answer, moment)
            approve = partial(self._approval.approved_orders, is_reducing=is_reducing)
            is_asked = desk.broker.needs_approval
            return approve(decided, moment, desk, broker) if is_asked else self._approval.unasked(decided)
        self._approval.report(broker, moment.close_ms)  # the account sees the book after the bar, as it does
        seen = Withholding(broker, due_to_leave(broker, self.wanted_capital, moment.close_ms))
        decided = seen.decide(self.plan, self._rules, answer, moment)
        approved = self._approval.approved(decided, moment, broker.n_fills, is_reducing=is_reducing)
        return broker.complete(approved)

    def _take(self, decided: Decided, close_ms: int, now_ms: int) -> None:
        """Hand a committed decision to the broker."""
        self._held.broker.take(decided, now_ms)
        self._breaker = self._breaker.over("day_loss")
        if trip := trip_of(decided):
            if ROWS[trip.event].ends_by == "person":
                self._journal.write_alert(halt_alert(self.key, trip, from_ms(now_ms)))
            self.n_trips += 1  # who has read the rows before must not undo it
            self._breaker = self._breaker.tripped(trip)
        if decided.denied_by not in REPEATED:
            self._held.decided_ms = close_ms
