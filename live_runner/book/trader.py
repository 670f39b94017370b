"""One deployment: its strategy, its book, and what each closed bar does to them.

Synchronous on purpose: bars in, one transaction out. What is in memory is what was committed, or it is thrown
away and read again.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from live_runner.book.approval import Approval, Relations, trip_of
from live_runner.book.bookings import booking_of, driven
from live_runner.book.broker import Broker, OpenBroker
from live_runner.book.decision import Decided, Moment, decide_on
from live_runner.book.event_decision import decide_event, withdraw
from live_runner.book.inputs import LiveInputs
from live_runner.book.paper import PaperBroker, open_paper
from live_runner.book.plan import DeploymentPlan, tightest_limits
from live_runner.book.recovery import REPEATED
from live_runner.book.rows import shown
from live_runner.book.tick import Tick, execution_bars
from live_runner.book.waits import BarMissed, Prevented, Waits, too_old
from live_runner.feed.series import BarSeries
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ExchangeError
from quant_pipelines.core.orders import shown_quantity
from quant_pipelines.core.timeframes import floor_ms, from_ms, to_ms
from quant_pipelines.store.deployments import STRATEGY_SCOPE
from quant_pipelines.store.heartbeats import halt_alert
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.breaker import ROWS, Breaker, Event, TradingState, Trip, decides
from quant_pipelines.trading.funding_pause import FundingPause
from quant_pipelines.trading.trips import Looked, found

_BARS_PER_TRANSACTION = 500

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Trader:
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
        self.plan = plan
        self.series = series
        self.inputs = LiveInputs(journal.market, self.plan, series)
        self._journal = journal
        self._epoch = epoch
        self._rules = self.plan.rules
        self._breaker = Breaker()
        self.n_trips = 0
        self.is_leaving = plan.deployment.is_leaving
        self._open = open_broker
        self._relations = relations
        self._announce = relations.announce
        self._approval = Approval(relations.gate, self.plan, relations.fills_ms)
        self.pause = FundingPause(self.plan.funding_interval_hours, relations.funding_pause_seconds)
        self._waits = Waits(journal, plan.deployment.key)
        self._busy = threading.RLock()
        self._resume()

    @property
    def key(self) -> str:
        """Name in alerts and limits."""
        return self.plan.deployment.key

    @property
    def symbol(self) -> str:
        """What is traded."""
        return self.plan.deployment.symbol

    @property
    def state(self) -> TradingState:
        """What the breaker allows."""
        return self.breaker.state

    @property
    def breaker(self) -> Breaker:
        """Every event that stands now; what ends by itself is looked at anew."""
        limits, deployment_id = self._rules.limits, self.plan.deployment.id
        breach = self._relations.gate.breach(deployment_id, limits)
        looked = Looked(self._relations.signs(), limits.max_data_age_seconds, breach)
        return self._breaker.seeing(found(looked))

    @property
    def is_halted(self) -> bool:
        """Whether it books bars without deciding on them."""
        return not decides(self._breaker.state)

    @property
    def must_flatten(self) -> bool:
        """Whether what is held is closed: at the next bar, or by whoever talks to the venue."""
        return self._breaker.closes

    @property
    def closes_for(self) -> Event | None:
        """Event that closes what is held; None while nothing does, or a person asked for it."""
        return self._breaker.closes_for

    @property
    def books(self) -> bool:
        """Whether closed bars are booked: not once that failed without decisions, too."""
        return self._breaker.books

    @property
    def booked_until_ms(self) -> int:
        """Close of the last bar that was committed, milliseconds UTC."""
        return self._booked_until_ms

    def limit(self, limits: dict[str, dict[str, float]]) -> None:
        """Trade within the tightest of the deployment's own limits and those that operators set."""
        own, strategy = self.plan.rules.limits, STRATEGY_SCOPE + self.plan.deployment.strategy
        given = (limits.get(scope, {}) for scope in ("account", self.key, strategy))
        in_force = tightest_limits(own, *given)
        self._rules = replace(self.plan.rules, limits=in_force)

    def follow(self, stored: Iterable[Trip]) -> None:
        """Follow the events that stand in the database, or go on once they are resolved."""
        was_halted = self.is_halted
        self._breaker = self._breaker.following(stored)
        if was_halted and not self.is_halted:
            self._is_stale = True

    def trip(self, trip: Trip) -> None:
        """Stop what an event stops, before it is read in the database."""
        self.n_trips += 1
        self._breaker = self._breaker.tripped(trip)
        self._is_stale = True

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
        try:
            self._advance(tick)
        except BarMissed:
            self._advance(tick)

    def _advance(self, tick: Tick) -> None:
        with self._own_book():
            if tick.strategy_bars is not None:
                self.series.extend(tick.strategy_bars)
            self.inputs.extend(tick.higher, tick.funding, tick.points)
            bars = execution_bars(tick, self.plan.execution_step_ms)
            bars = [bar for bar in bars if bar.ts >= self._booked_until_ms]
            for start in range(0, len(bars), _BARS_PER_TRANSACTION):
                part = bars[start : start + _BARS_PER_TRANSACTION]
                self._book(part, tick, is_newest=start + len(part) == len(bars))

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Take the decision that was prevented when the newest bar was booked, unless that bar is too old.

        Raises
        ------
        StoreError, ReconciliationError, StrategyError
            As `advance`.
        """
        try:
            self._decide_late(now_ms, data_age_seconds)
        except BarMissed:
            self._waits.prevented = self._waits.missed
            self._waits.write(now_ms)

    def _decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        with self._own_book():
            prevented, close_ms = self._waits.prevented, self._booked_until_ms
            if prevented is None or prevented.close_ms != close_ms or self._broker.waits_for:
                return
            if self._waits.missed_at(close_ms) or self.pause.until_ms(now_ms):
                return  # asked again at the next close, or at the pause's end
            decided = self._decide(close_ms, now_ms, data_age_seconds)
            if decided is None:
                self._waits.prevented = prevented
                self._waits.drop(now_ms)
                return
            late = {"late_seconds": (now_ms - close_ms) / 1000, "waited_for": prevented.reason}
            signal = replace(decided.signal, decision=decided.signal.decision | late)
            decided = decided._replace(signal=signal)
            booking = booking_of(self._broker, self.plan, close_ms, decided=decided)
            self._journal.book_decision(self._epoch, booking, from_ms(now_ms))
            self._waits.write(now_ms)
            self._announce(self.plan.deployment, booking)
            self._take(decided, close_ms, now_ms)

    def with_broker(self, act: Callable[[Broker], Answer]) -> Answer:
        """Let somebody act on the broker while no bar is booked; it is as the rows say by then."""
        with self._own_book():
            return act(self._broker)

    @contextmanager
    def at_once(self) -> Iterator[bool]:
        """Keep others from the book while it is free and as the rows say; whether it is, without waiting."""
        is_free = self._busy.acquire(blocking=False)
        try:
            yield is_free and not self._is_stale
        finally:
            if is_free:
                self._busy.release()

    def refusal_to_send(self, intent: Intent) -> str:
        """Why a committed order may not be sent now, in one sentence; empty if it may."""
        if self.is_halted:
            return "halted before it was sent"
        return self._approval.refusal_to_send(intent, is_reducing=self.breaker.only_reduces)

    def refused(self, error: ExchangeError, at_ms: int) -> None:
        """Note that the venue has refused an order; so many of them stop what adds."""
        self._approval.refused(error, at_ms)

    def priced(self, intent: Intent) -> Intent:
        """Return an intent of no bar with the last price that the stream has told."""
        return self._approval.priced(intent)

    def rest(self) -> None:
        """Return once nobody books; a thread that was given up on may still do."""
        with self._busy:
            pass

    def status(self) -> dict[str, Any]:
        """Document of the deployment for the heartbeat."""
        deployment, breaker = self.plan.deployment, self.breaker
        return {
            "id": deployment.id,
            "strategy": deployment.strategy,
            "symbol": deployment.symbol,
            "timeframe": deployment.timeframe,
            "state": breaker.state,
            "halted_by": breaker.reason,
            "reduced_by": breaker.reduced_by,
            "booked_until": from_ms(self._booked_until_ms).isoformat(),
            "position": shown_quantity(self._broker.account.position),
            "equity": self._broker.equity,
            "fills": self._broker.n_fills,
            "venue": self._broker.venue,
            "waits_for": self._broker.waits_for,
        }

    @contextmanager
    def _own_book(self) -> Iterator[None]:
        """One thread at a time; whatever fails inside may have left memory ahead of the rows."""
        with self._busy:
            if self._is_stale:
                self._resume()
            try:
                yield
            except BaseException:
                self._is_stale = True
                raise
            finally:
                if not self._is_stale:
                    self._report()

    def _resume(self) -> None:
        """Throw away what is in memory and read the rows."""
        self._is_stale = False  # first: whoever asks for it again meanwhile is not forgotten
        try:
            self._read_rows()
        except BaseException:
            self._is_stale = True
            raise

    def _read_rows(self) -> None:
        opened = self._open(self._journal, self.plan, self._epoch)
        self._broker = opened.broker
        first_ms = floor_ms(to_ms(self.plan.deployment.created_at), self.plan.execution_step_ms)
        self._booked_until_ms = opened.booked_until_ms or first_ms
        self._decided_ms = floor_ms(opened.decided_ms, self.plan.step_ms)
        self._has_bars = opened.booked_until_ms is not None
        self._report()

    def _report(self) -> None:
        """Tell the account what is held and open now."""
        self._approval.report(self._broker, self._booked_until_ms if self._has_bars else None)

    def _book(self, bars: list[ExecutionBar], tick: Tick, *, is_newest: bool) -> None:
        done = driven(self._broker, self.plan, bars)
        close_ms = bars[-1].ts + self.plan.execution_step_ms
        self._broker.position()  # proven before anything is decided on it
        decided = self._decide(close_ms, tick.now_ms, tick.data_age_seconds) if is_newest else None
        deployment = self.plan.deployment
        booking = booking_of(self._broker, self.plan, close_ms, decided=decided, done=done)
        self._journal.book(self._epoch, booking, from_ms(tick.now_ms))
        self._booked_until_ms, self._has_bars = close_ms, True
        if is_newest:
            self._waits.write(tick.now_ms)
        self._announce(deployment, booking)
        for fill in booking.fills:
            _log.info("fill", extra={"deployment": deployment.id, **shown(fill)})
        if decided is not None:
            self._take(decided, close_ms, tick.now_ms)

    def _decide(self, close_ms: int, now_ms: int, data_age_seconds: float) -> Decided | None:
        """Decide if the strategy has a bar that was not decided on; never after a bar that has passed.

        What has left its stage, or is flattened by an operator, is closed at the next bar of any timeframe.
        """
        strategy_close_ms = floor_ms(close_ms, self.plan.step_ms)
        moment = Moment(close_ms, self._epoch, data_age_seconds)
        self._waits.prevented = None
        closes = self.must_flatten and self._broker.closes_with_bars and self._broker.account.position != 0.0
        wants_flat = self.is_leaving or closes
        is_bar = self._decided_ms < strategy_close_ms <= self.series.end_ms
        is_news = self._broker.has_news and self._decided_ms == strategy_close_ms
        if self.is_halted and not closes:
            return self._withdrawn(moment)
        if not (wants_flat or is_bar or is_news):
            return None
        pause = "" if wants_flat else self.pause.reason(now_ms)
        missed = "" if wants_flat else self._waits.missed_at(close_ms)
        if (
            reason := self._broker.waits_for
            or too_old(now_ms - close_ms, self.plan.execution_step_ms)
            or pause
            or missed
        ):
            self._waits.prevented = Prevented(close_ms, reason, is_planned=reason == pause)
            return None
        known = self.series.bars.between(0, strategy_close_ms - self.plan.step_ms + 1)
        known, told = (known, {}) if wants_flat else self.inputs.attach(known)
        why = self.closes_for if closes else None
        moment = moment._replace(is_leaving=wants_flat, is_bar=is_bar, inputs=told, exit_reason=why)
        with self._waits.asking(close_ms):
            return self._decided(known, moment)

    def _decided(self, known: Bars, moment: Moment) -> Decided:
        broker, is_reducing = self._broker, self.breaker.only_reduces
        if (desk := broker.at_desk) is not None:
            decided = decide_event(self.plan, self._rules, desk, known, moment)
            if not desk.broker.needs_approval:
                return decided
            return self._approval.approved_orders(decided, moment, desk, broker, is_reducing=is_reducing)
        self._approval.report(broker, moment.close_ms)  # the account sees the book after the bar, as it does
        decided = decide_on(self.plan, self._rules, broker, known, moment)
        approved = self._approval.approved(decided, moment, broker.n_fills, is_reducing=is_reducing)
        return broker.complete(approved)

    def _withdrawn(self, moment: Moment) -> Decided | None:
        """While it is halted, nothing rests that could open; at a venue its link sees to that at once."""
        broker = self._broker
        rules = self.plan.rules_at(self._rules, moment.close_ms)
        return withdraw(rules, broker, moment) if isinstance(broker, PaperBroker) else None

    def _take(self, decided: Decided, close_ms: int, now_ms: int) -> None:
        """Hand a committed decision to the broker."""
        self._broker.take(decided, now_ms)
        self._breaker = self._breaker.over("day_loss")
        if trip := trip_of(decided):
            if ROWS[trip.event].ends_by == "person":
                self._journal.write_alert(halt_alert(self.key, trip, from_ms(now_ms)))
            self.n_trips += 1  # who has read the rows before must not undo it
            self._breaker = self._breaker.tripped(trip)
        if decided.denied_by not in REPEATED:
            self._decided_ms = floor_ms(close_ms, self.plan.step_ms)
        for intent in (*([decided.intent] if decided.intent else []), *decided.resting):
            _log.info("order", extra={"deployment": self.plan.deployment.id, **shown(intent)})
