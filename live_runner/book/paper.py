"""The paper broker: fills come from closed bars, by the step that backtests use."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from live_runner.book.broker import AtDesk, Opened, Stepped
from live_runner.book.decision import Decided
from live_runner.book.ledger import BookLedger
from live_runner.book.plan import DeploymentPlan
from live_runner.book.recovery import Recovered, recover
from live_runner.book.rows import exact, fill_row, income_row, order_state
from quant_pipelines.accounting import Account
from quant_pipelines.accounting.margin import NO_BACKING, Backing
from quant_pipelines.backtest import Book, BookedFill, ExecutionBar, FundingPayment, OrderEnded
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, LIQUIDATION, StopInputs
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.orders import OrderStatus, side_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.account_view import OpenExposure
from quant_pipelines.sdk.desk import OpenOrder
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE
from quant_pipelines.store.trading import (
    Fill,
    Income,
    Intent,
    OrderState,
    Position,
    StoredBook,
)
from quant_pipelines.store.venue_orders import OrderStep
from quant_pipelines.trading import BookView
from quant_pipelines.trading.legs import Loss
from quant_pipelines.trading.orders import OrderProgress, stepped
from quant_pipelines.trading.purposes import number_of

LIQUIDATED = EXIT_REASONS[LIQUIDATION]
STOPPED, REPLACED = "the stop closed the position", "the next decision replaced what was left of it"


def open_paper(journal: Journal, plan: DeploymentPlan, epoch: int) -> Opened:
    """Open the paper broker of a deployment where its rows end.

    Raises
    ------
    StoreError
        If the database does not answer.
    ReconciliationError
        If the rows contradict each other.
    """
    stored = journal.read_book(plan.deployment.id)
    recovered = recover(plan.paper_settings, stored)
    broker = PaperBroker(journal, plan, epoch, recovered=recovered, stored=stored)
    broker.position()
    decided_ms = recovered.decided_ms if broker.run is None else broker.run.asked_ms
    return Opened(broker, recovered.booked_until_ms, decided_ms)


class PaperBroker:
    """Book of paper money with its decimal ledger, the orders that work in it, and who placed them."""

    venue = PAPER_VENUE
    waits_for = ""
    closes_with_bars = True
    needs_approval = False

    def __init__(
        self, journal: Journal, plan: DeploymentPlan, epoch: int, *, recovered: Recovered, stored: StoredBook
    ) -> None:
        self._journal = journal
        self._deployment = plan.deployment
        self._epoch = epoch
        self.book: Book = recovered.book
        self._order = recovered.order
        self._resting = dict(recovered.resting)
        self._filled: dict[str, Decimal] = {}
        self._last_reason = ""
        self._progress = dict(stored.progress)
        self._ledger = BookLedger(plan.deployment.capital, (), ())
        self._add(stored.fills, stored.income)
        self.run: EventRun | None = None
        if isinstance(plan.strategy, EventStrategy):
            document = stored.state["desk"] if stored.state else None
            self.run = EventRun(plan.strategy, self.book, plan.step_ms, document)

    @property
    def account(self) -> Account:
        """Cash and position."""
        return self.book.account

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return self.book.equity

    @property
    def paid_in(self) -> Decimal:
        """Capital that it has, quote."""
        return self._ledger.paid_in

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops."""
        return self.book.stop_tightening

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return self._ledger.n_fills

    @property
    def has_news(self) -> bool:
        """Whether an event strategy has to be told something."""
        return self.run is not None and self.run.has_news

    @property
    def paper_book(self) -> Book:
        """The book itself."""
        return self.book

    @property
    def lost(self) -> Loss | None:
        """``liquidated`` until its target takes another side: it is acted upon again then."""
        state = self.book.state
        if state is None or state.account.position != 0.0 or state.order.quantity != 0.0:
            return None
        is_gone = state.target_side != 0.0 and self._last_reason == LIQUIDATED
        return "liquidated" if is_gone else None

    def learn(self, target: float) -> None:
        """Nothing: it is seen in what was acted upon."""

    def wake(self) -> None:
        """Nothing: it is closed with its bars."""

    @property
    def at_desk(self) -> AtDesk | None:
        """The event strategy at its desk; None for one that has a target."""
        return None if self.run is None else AtDesk(self.run, self)

    def ahead(self, bars: Sequence[ExecutionBar]) -> EventRun | None:
        """Return the event strategy at a copy of its desk, as it is once these bars are booked."""
        if self.run is None:
            return None
        book = Book.from_document(self.book.settings, self.book.to_document())
        run = self.run.at(book)
        for bar in bars:
            run.note(book.step(bar))
        return run

    def stops_at(self, bars: Sequence[ExecutionBar]) -> bool:
        """Whether a stop closes what is held at the close of these bars; the others fill within the next."""
        stops = self.book.terms.stops
        if stops.time_ms <= 0.0 and stops.equity <= 0.0:
            return False
        book = Book.from_document(self.book.settings, self.book.to_document())
        for bar in bars:
            book.step(bar)
        return book.pending != 0.0 and not book.is_ordered

    def is_booked(self, name: str) -> bool:
        """Whether any fill of an order is booked."""
        return name in self._filled

    def is_open(self, name: str) -> bool:
        """Whether an order that may add to the position may be filled yet."""
        is_pending = self._order is not None and self._order.client_order_id == name
        return is_pending or any(one.client_order_id == name for one in self.open_orders())

    def read(self, inputs: StopInputs) -> None:
        """Take over what the stops read at the bar that is decided on."""
        self.book.submit(0.0, inputs=inputs)

    def step(self, bar: ExecutionBar, backing: Backing = NO_BACKING) -> Stepped:
        """Drive the book over a closed bar; orders that it doesn't end go on working."""
        events = self.book.step(bar, backing)
        if self.run is not None:
            self.run.note(events)
        fills, income, ended = list[Fill](), list[Income](), dict[int, OrderEnded]()
        for event in events:
            if isinstance(event, BookedFill):
                order = self._resting.get(event.order) if event.order else self._order
                fills.append(fill_row(self._deployment.id, event, order))
            elif isinstance(event, FundingPayment):
                income.append(income_row(event))
            else:
                ended[event.order] = event
        self._add(fills, income)
        touched = {fill.client_order_id for fill in fills}
        orders = (*self._pending_state(touched), *self._resting_states(touched, ended))
        return Stepped(tuple(fills), tuple(income), orders)

    def pay(self, amount: Decimal, at_ms: int) -> Income:
        """Pay capital in at a bar's close, or out where it is negative: neither profit nor loss."""
        row = Income(TRANSFER, from_ms(at_ms), amount)
        self.book.transfer(float(amount))
        self._add((), [row])
        return row

    def end(self) -> Stepped:
        """Close at the last close, without costs: nothing is left of its set.

        What it is below 0 the insurance fund pays, and takes what it is above: so much the others are below.
        """
        close = from_ms(self.book.last_ts + self.book.terms.step_ms)
        events = self.book.ruin()
        fills = [fill_row(self._deployment.id, one, None) for one in events if isinstance(one, BookedFill)]
        missing = -self.book.account.cash
        self.book.transfer(missing)
        income = [Income("insurance", close, exact(missing))] if missing else []
        self._add(fills, income)
        return Stepped(tuple(fills), tuple(income), self._pending_state(set()))

    @property
    def stop_price(self) -> float | None:
        """Level of the tightest stop that stands, quote per base."""
        return self.book.stop_price

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree."""
        return self._ledger.position(self.book.account, self.stop_price)

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""
        return self.book.view(volatility=volatility, data_age_seconds=data_age_seconds)

    def open_orders(self) -> tuple[OpenExposure, ...]:
        """Orders that rest and may still add to the position."""
        resting = (order for order in self.book.orders if not order.reduce_only)
        names = {number: order.client_order_id for number, order in self._resting.items()}
        return tuple(_exposure(order, names.get(order.number, "")) for order in resting)

    def kept_orders(self) -> tuple[OpenExposure, ...]:
        """All that are open: what is taken back ends at once."""
        return self.open_orders()

    @property
    def expected_position(self) -> float:
        """Position with the market order that works, which goes with the next one; base, signed."""
        return self.book.account.position + self.book.pending

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document."""
        document = self.book.to_document()
        return document if self.run is None else document | {"desk": self.run.to_document()}

    def complete(self, decided: Decided) -> Decided:
        """Return the decision with one intent for what is open and what is ordered besides.

        The rest of an order that still works is taken back, and goes with the new one.
        """
        if decided.intent is None or self.book.pending == 0.0:
            return decided
        net = self.book.pending_with(decided.order_quantity)
        side = side_of(net)
        intent = None if net == 0.0 else replace(decided.intent, side=side, quantity=exact(abs(net)))
        replaced = () if self._order is None else (self.ended(self._order, REPLACED),)
        return decided._replace(intent=intent, orders=(*decided.orders, *replaced))

    def closing(self, decided: Decided) -> Decided:
        """Return a decision to close with one intent for all that is open, and submit its order."""
        completed = self.complete(decided)
        self.book.submit(decided.order_quantity)
        return completed

    def canceled(self, numbers: tuple[int, ...], reason: str) -> tuple[OrderState, ...]:
        """States of resting orders that were taken back at a close; unknown ones never reached a bar."""
        known = [self._resting[number] for number in numbers if number in self._resting]
        return tuple(self.ended(order, reason) for order in known)

    def ended(self, order: Intent, reason: str) -> OrderState:
        """State of an order that is taken back."""
        return self._changed(order, is_working=False, reason=reason)

    def take(self, decided: Decided, now_ms: int) -> None:
        """Submit the order to the book, where the next bar fills it; those that rest are there already."""
        if self.run is None:
            side, inputs = decided.target_side, decided.stop_inputs
            self.book.submit(decided.order_quantity, target_side=side, inputs=inputs)
        if decided.order_quantity != 0.0:
            self._order = decided.intent
        gone = {state.client_order_id for state in decided.orders}
        self._resting = {n: order for n, order in self._resting.items() if order.client_order_id not in gone}
        self._resting |= {number_of(order.purpose): order for order in decided.resting}
        for intent in (*([decided.intent] if decided.intent else []), *decided.resting):
            state = self._followed(OrderState(intent.client_order_id, "SUBMITTED"))
            step = OrderStep(state.client_order_id, OrderProgress(state.status, state.filled_quantity))
            self._journal.follow_order(self._epoch, step, from_ms(now_ms))

    def _add(self, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        self._ledger.add(fills, income)
        for fill in fills:
            self._last_reason = fill.reason
            name = fill.client_order_id
            if name is not None:
                self._filled[name] = self._filled.get(name, Decimal(0)) + fill.quantity

    def _pending_state(self, touched: set[str | None]) -> tuple[OrderState, ...]:
        """State of the order that follows a target, if the bar changed it."""
        order = self._order
        if order is None:
            return ()
        name, is_working = order.client_order_id, self.book.is_ordered
        if is_working and name not in touched:
            return ()
        if not is_working:
            self._order = None
        return (self._changed(order, is_working=is_working, reason=STOPPED),)

    def _resting_states(
        self, touched: set[str | None], ended: dict[int, OrderEnded]
    ) -> tuple[OrderState, ...]:
        """States of the resting orders that the bar changed."""
        working = {order.number for order in self.book.orders}
        states = []
        for number, order in list(self._resting.items()):
            if number in working and order.client_order_id not in touched:
                continue
            end = ended.get(number)
            is_working, reason = number in working, end.reason if end else ""
            status: OrderStatus = "EXPIRED" if end and end.status == "EXPIRED" else "CANCELED"
            states.append(self._changed(order, is_working=is_working, reason=reason, status=status))
            if not is_working:
                del self._resting[number]
        return tuple(states)

    def _changed(
        self, order: Intent, *, is_working: bool, reason: str, status: OrderStatus = "CANCELED"
    ) -> OrderState:
        """State of an order by what is filled of it by now."""
        filled = self._filled.get(order.client_order_id, Decimal(0))
        state = order_state(order, filled, is_working=is_working, reason=reason, status=status)
        return self._followed(state)

    def _followed(self, state: OrderState) -> OrderState:
        """Return a new state, once the order table lets it follow the one before."""
        name = state.client_order_id
        known = self._progress.get(name, OrderProgress("INITIALIZED"))
        self._progress[name] = stepped(name, known, OrderProgress(state.status, state.filled_quantity))
        return state


def _exposure(order: OpenOrder, name: str) -> OpenExposure:
    exposure = OpenExposure(order.leaves, client_order_id=name)
    if not order.price:
        return exposure
    if order.kind == "stop_market":
        return exposure._replace(trigger_price=order.price)
    return exposure._replace(price=order.price)
