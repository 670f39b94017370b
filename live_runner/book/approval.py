"""What the account says of one deployment's orders, before an intent is committed and before it is sent."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from live_runner.book.account import OPEN_GATE, AccountGate
from live_runner.book.announcer import Announce, silent
from live_runner.book.broker import AtDesk, Broker
from live_runner.book.decision import Decided, Moment, without_exposure
from live_runner.book.plan import DeploymentPlan
from live_runner.book.recall import at_its_price
from live_runner.book.recovery import REPEATED, signed_quantity
from live_runner.book.rows import exact
from quant_pipelines.core.errors import ExchangeError, ExchangeRefused
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.risk.account_view import AccountOrder, BookExposure, OpenExposure
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.breaker import EVENT_OF_DENIAL, Trip
from quant_pipelines.trading.purposes import REMAINDER, number_of
from quant_pipelines.trading.trips import Signs


class Relations(NamedTuple):
    """Whom a trader tells what was committed, and what its orders must pass besides its own rules.

    ``funding_pause_seconds``: nothing is decided so long before and after a funding slot. ``signs``: what is
    known of its surroundings now. ``fills_ms``: times of the fills that were booked before; ``working``:
    orders of an earlier life that may be filled yet.
    """

    announce: Announce = silent
    gate: AccountGate = OPEN_GATE
    funding_pause_seconds: float = 0.0
    signs: Callable[[], Signs] = Signs
    fills_ms: tuple[int, ...] = ()
    working: tuple[AccountOrder, ...] = ()


def trip_of(decided: Decided) -> Trip | None:
    """Event that a decision's denial is for the breaker; None if it is none."""
    event = EVENT_OF_DENIAL.get(decided.denied_by or "")
    return None if event is None else Trip(event, str(decided.signal.decision.get("risk", event)))


class _Count(NamedTuple):
    """Number of fills at the begin of a UTC day."""

    day: int
    n_fills: int


class _InBook(NamedTuple):
    """What a book holds, base, signed, and what it has open."""

    position: float = 0.0
    orders: tuple[OpenExposure, ...] = ()


class Approval:
    """Between one deployment and its account.

    Parameters
    ----------
    gate
        The account.
    plan
        Whose orders.
    fills_ms
        Times of the fills that were booked before, milliseconds UTC.
    working
        Orders of an earlier life that count as executed once they are filled.

    Attributes
    ----------
    has_left
        Whether the deployment was dropped: another book may have its place at the account.
    """

    def __init__(
        self,
        gate: AccountGate,
        plan: DeploymentPlan,
        fills_ms: tuple[int, ...] = (),
        working: tuple[AccountOrder, ...] = (),
    ) -> None:
        self._gate = gate
        self._plan = plan
        self._price = math.nan
        self._asked: AccountOrder | None = None
        self._is_open = False
        self._n_fills = 0
        self._held, self._held_then = _InBook(), 0.0
        self._resting: dict[str, AccountOrder] = {}
        self._recalled = {order.client_order_id: order for order in working}
        self._count = _Count(-1, 0)
        self._fills_ms = fills_ms
        self.has_left = False

    def report(self, broker: Broker, booked_until_ms: int | None) -> None:
        """Tell the account what the book holds now; None before its first bar, nothing once it has left."""
        if self.has_left:
            return
        self._gate.report(lambda: self._exposure(broker, booked_until_ms))
        if self._is_open and self._asked is not None and broker.n_fills > self._n_fills:
            self._is_open = False
            self._gate.executed(self._asked)
        self._count_executed(self._resting, broker)
        self._count_executed(self._recalled, broker)

    def _count_executed(self, waiting: dict[str, AccountOrder], broker: Broker) -> None:
        """Tell the account of those that are filled now, and forget them and those that have ended."""
        for name, order in list(waiting.items()):
            is_booked = broker.is_booked(name)
            if is_booked:
                self._gate.executed(order)
            if is_booked or not broker.is_open(name):
                del waiting[name]

    def approved(self, decided: Decided, moment: Moment, n_fills: int, *, is_reducing: bool) -> Decided:
        """Return the decision, or what the account leaves of it."""
        if decided.intent is None:
            return decided
        intent = self.priced(decided.intent, decided.signal.price)
        decided = decided._replace(intent=intent)
        order = self._order(intent, decided.order_quantity, decided.signal.price)
        order = order._replace(data_age_seconds=moment.data_age_seconds)
        denial = self._gate.ask(order, is_reducing=is_reducing)
        if denial is not None:
            return without_exposure(self._plan, decided, denial, moment)
        self._asked, self._is_open, self._n_fills = order, True, n_fills
        self._held_then = self._held.position
        return decided

    def unasked(self, decided: Decided) -> Decided:
        """Return a decision whose orders wait for no leave; they count all the same once they are filled."""
        for intent in (intent for intent in decided.resting if not intent.reduce_only):
            order = self._order(intent, signed_quantity(intent), decided.signal.price)
            self._resting[intent.client_order_id] = order
        return decided

    def approved_orders(
        self, decided: Decided, moment: Moment, desk: AtDesk, broker: Broker, *, is_reducing: bool
    ) -> Decided:
        """Return what an event strategy has decided without the orders that the account denies.

        The strategy is told of each of them when it is asked again. What it has taken back counts as ended:
        nothing of the rest is sent before it is.
        """
        kept, denied = list[Intent](), dict[str, str]()
        held = self._exposure(broker, moment.close_ms)._replace(orders=desk.broker.kept_orders())
        self._gate.report(lambda: held)
        denied_by = decided.denied_by
        for intent in decided.resting:
            priced = self.priced(intent, decided.signal.price)
            order = self._order(priced, signed_quantity(priced), decided.signal.price)
            order = order._replace(data_age_seconds=moment.data_age_seconds)
            denial = None if priced.reduce_only else self._gate.ask(order, is_reducing=is_reducing)
            if denial is None:
                kept.append(priced)
                self._resting[priced.client_order_id] = order
                continue
            denied[priced.client_order_id] = str(denial)
            desk.run.take_back([number_of(priced.purpose)], f"denied ({denial})")
            if denied_by is None and denial.rule not in REPEATED:  # it is told, and not asked about it again
                denied_by = denial.rule
        if not denied:
            return decided._replace(resting=tuple(kept))
        journal = decided.signal.decision | {"denied": denied, "denied_by": denied_by}
        journal |= {"risk": next(iter(denied.values()))}
        signal = replace(decided.signal, decision=journal)
        return decided._replace(resting=tuple(kept), signal=signal, denied_by=denied_by)

    def priced(self, intent: Intent, decision_price: float = math.nan) -> Intent:
        """Return the intent with the prices that what it costs will be measured against."""
        last = self._gate.prices(self._plan.deployment.symbol).last
        if math.isfinite(decision_price):
            intent = replace(intent, decision_price=exact(decision_price))
        return replace(intent, arrival_price=exact(last)) if math.isfinite(last) else intent

    def take_over(self, intent: Intent, ordered: float, held: float) -> None:
        """Take an entry of an earlier life as approved: signed base in all, and what was held without it.

        What has filled of it is held by now, and asked about no more.
        """
        price = self._price if intent.decision_price is None else float(intent.decision_price)
        self._asked, self._held_then = self._order(intent, ordered, price), held

    def refusal_to_send(self, intent: Intent, *, is_reducing: bool) -> str:
        """Why a committed order is not sent, in one sentence; empty if it is.

        What can only reduce is asked nothing: beside what rests on its side it would count as one that adds.
        """
        if intent.reduce_only:
            return ""
        denial = self._gate.ask_again(self._asked_as(intent), is_reducing=is_reducing)
        return "" if denial is None else str(denial)

    def refusal_to_go_on(self, intent: Intent, *, is_reducing: bool) -> str:
        """Why an entry that was sent in part may not go on; empty if it may.

        It is judged by the limit that it would have now, or by the mark: its decision's price is of another
        time.
        """
        denial = self._gate.ask_again(
            self._at_price_of_now(self._asked_as(intent), intent), is_reducing=is_reducing
        )
        return "" if denial is None else str(denial)

    def refusal_to_add(self, intent: Intent, *, is_reducing: bool) -> str:
        """Why an order that takes the net of all books further from flat is not sent; empty if it is.

        For the account such an order opens, also one that closes its book.
        """
        order = self._asked_as(intent)._replace(quantity=signed_quantity(intent), adds_to_net=True)
        denial = self._gate.ask_again(order, is_reducing=is_reducing)
        return "" if denial is None else str(denial)

    def refused(self, error: ExchangeError, at_ms: int) -> None:
        """Tell the account of an order that the venue has refused; one that it never got says nothing."""
        if isinstance(error, ExchangeRefused):
            self._gate.refused(self._plan.deployment.id, at_ms)

    def _asked_as(self, intent: Intent) -> AccountOrder:
        """Return the order as the account was asked about it: a part as what is left of that whole.

        It is never less than what is sent: what else has filled meanwhile is no part of the whole.
        """
        asked = self._asked
        if intent.purpose == REMAINDER and asked is not None:
            name = intent.client_order_id
            part = asked._replace(client_order_id=name, part_of=asked.client_order_id)
            quantity = max(self._left_of(part).quantity, signed_quantity(intent), key=abs)
            at_ms = to_ms(intent.bar_close)
            part = part._replace(quantity=quantity, at_ms=at_ms, data_age_seconds=math.nan)
            return self._at_price_of_now(part, intent)
        order = self._resting.get(intent.client_order_id, self._asked)
        if order is None or order.client_order_id != intent.client_order_id:
            return self._order(intent, signed_quantity(intent), self._price)
        return self._left_of(order) if order is asked else order

    def _at_price_of_now(self, order: AccountOrder, intent: Intent) -> AccountOrder:
        """Return an order at the limit of its intent, else at the mark; where none is known, as it was."""
        prices = self._gate.prices(order.symbol)
        limit = math.nan if intent.price is None else float(intent.price)
        known = (price for price in (limit, prices.mark, prices.last) if math.isfinite(price))
        return order._replace(price=next(known, order.price))

    def _left_of(self, order: AccountOrder) -> AccountOrder:
        """Return what was approved without what its book holds of it, or has open of it, by now."""
        names = (order.client_order_id, order.part_of)
        others = sum(one.quantity for one in self._held.orders if one.client_order_id not in names)
        left = order.quantity - (self._held.position + others - self._held_then)
        sign = math.copysign(1.0, order.quantity)
        return order._replace(quantity=sign * min(max(sign * left, 0.0), abs(order.quantity)))

    def _order(self, intent: Intent, quantity: float, price: float) -> AccountOrder:
        deployment = self._plan.deployment
        at_ms, name = to_ms(intent.bar_close), intent.client_order_id
        order = AccountOrder(deployment.id, deployment.symbol, quantity, price, at_ms, client_order_id=name)
        return at_its_price(order, intent)

    def _exposure(self, broker: Broker, booked_until_ms: int | None) -> BookExposure:
        deployment = self._plan.deployment
        self._held = _InBook(broker.expected_position, broker.open_orders())
        whose = (deployment.id, deployment.symbol, *self._held)
        if booked_until_ms is None:
            return BookExposure(*whose, broker.equity, broker.equity, paid_in=float(broker.paid_in))
        view = broker.view(volatility=0.0, data_age_seconds=0.0)
        self._price = view.price
        day = booked_until_ms // DAY_MS
        if day != self._count.day:
            is_first, booked = self._count.day == -1, sum(at_ms // DAY_MS == day for at_ms in self._fills_ms)
            self._count = _Count(day, broker.n_fills - booked * is_first)
        n_fills = broker.n_fills - self._count.n_fills
        counts = (int(view.orders_today), n_fills, day)
        paid_in = float(broker.paid_in)
        return BookExposure(*whose, view.equity, view.day_start_equity, view.price, *counts, paid_in)
