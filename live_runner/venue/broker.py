"""The venue broker: orders go to a venue, fills come back when they come; every change is committed first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from live_runner.book.broker import AtDesk, Stepped
from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from live_runner.book.rows import exact
from live_runner.venue.book import VenueBook
from live_runner.venue.order_steps import came_to_nothing, gone_on
from live_runner.venue.tally import BookTally
from live_runner.venue.venue_orders import VenueOrders
from live_runner.venue.wire import Wire
from quant_pipelines.accounting import Account
from quant_pipelines.accounting.margin import NO_BACKING, Backing
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.backtest.market.stop_rules import inputs_from_document
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.core.timeframes import DAY_MS, from_ms, to_ms
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Fill, Income, Intent, Position, StoredBook
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder, Received
from quant_pipelines.trading import BookView
from quant_pipelines.trading.cycle import sign_of
from quant_pipelines.trading.legs import Loss
from quant_pipelines.trading.orders import OrderProgress
from quant_pipelines.trading.purposes import CLOSE, ENTRIES, REMAINDER, is_decided, number_of
from quant_pipelines.trading.release import SliceTerms, slice_size

_ZERO = Decimal(0)
_MOST_SLOTS = 24


class Slot(NamedTuple):
    """Funding of one slot: milliseconds UTC, the fraction that longs pay, quote per base."""

    ts_ms: int
    rate: float
    price: float


class _DecidedOn(NamedTuple):
    """Newest order of a decision: its name, the position that it was decided on, and all that it ordered."""

    name: str
    held: Decimal
    whole: Decimal


class BookRows(NamedTuple):
    """What is stored of one deployment: its book, and every order of it, oldest first."""

    book: StoredBook
    orders: list[PlacedOrder]


class VenueBroker(VenueOrders):
    """Book and orders of one deployment.

    Parameters
    ----------
    journal
        Rows of the runner.
    plan
        Whose book.
    epoch
        Epoch of the writer.
    rows
        What is stored of it.
    stop_fraction
        Distance of the protective stop where the strategy has none.
    wire
        Where committed intents go.
    """

    paper_book = None

    def __init__(
        self,
        journal: Journal,
        plan: DeploymentPlan,
        epoch: int,
        *,
        rows: BookRows,
        stop_fraction: float,
        wire: Wire,
    ) -> None:
        stored, orders = rows
        document = stored.state
        self._journal, self._epoch, self._wire = journal, epoch, wire
        self._deployment = plan.deployment
        self._book = VenueBook(plan, stop_fraction, stored.fills, stored.income, document)
        super().__init__(orders, BookTally(stored))
        intents = [one.intent for one in orders if _counts(one.intent)]
        self._decided = Counter(to_ms(one.bar_close) // DAY_MS for one in intents)
        self.swept_trade_id: str | None = document["swept_trade_id"] if document else None
        self._decided_on = _DecidedOn("", _ZERO, _ZERO)
        self.decided_ms = to_ms(stored.last_signal.bar_close) if stored.last_signal else 0
        self.slots = [Slot(*slot) for slot in (document or {}).get("slots", ())]
        self._recover_target(stored)
        self.position()

    @property
    def venue(self) -> str:
        """Ccxt id of the exchange."""
        return self._deployment.venue

    @property
    def account(self) -> Account:
        """Cash and position."""
        return self._book.account

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        return self._book.equity

    @property
    def paid_in(self) -> Decimal:
        """Capital that it has, quote."""
        return self._book.paid_in

    @property
    def stop_price(self) -> float | None:
        """Level of the stop in force, quote per base; None when flat."""
        return self._book.stop_price

    @property
    def stop_name(self) -> str:
        """Which stop that level is of."""
        return self._book.stop_name

    @property
    def goal_price(self) -> float | None:
        """Price of the take-profit, quote per base; None without one."""
        return self._book.goal_price

    @property
    def leaves_by(self) -> str:
        """Which stop closes the position at a bar's close; empty if none does."""
        return self._book.leaves_by

    @property
    def n_fills(self) -> int:
        """Number of fills."""
        return self._book.n_fills

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops."""
        return self._book.stop_tightening

    @property
    def closes_with_bars(self) -> bool:
        """The link closes at once."""
        return False

    @property
    def waits_for(self) -> str:
        """Why nothing may be decided now."""
        if self._wire.blocked_by:
            return self._wire.blocked_by
        waiting = self.unsettled()
        return f"order {waiting[0].intent.client_order_id} is not settled" if waiting else ""

    @property
    def has_news(self) -> bool:
        """Never: it follows targets."""
        return False

    @property
    def at_desk(self) -> AtDesk | None:
        """None: it follows targets."""
        return None

    @property
    def lost(self) -> Loss | None:
        """None: it is no leg."""
        return None

    def learn(self, target: float) -> None:
        """Nothing: it is no leg."""

    def wake(self) -> None:
        """Have the link look at the book."""
        self._wire.wake()

    def ahead(self, bars: Sequence[ExecutionBar]) -> EventRun | None:
        """None: it follows targets."""
        return None

    def stops_at(self, bars: Sequence[ExecutionBar]) -> bool:
        """Whether a stop closes what is held, or moves, at the close of these bars."""
        if not self._book.account.position:
            return False
        ahead = self._book.ahead(bars, self._unsettled_since_ms())
        return bool(ahead.leaves_by) or ahead.stop_price != self.stop_price

    def complete(self, decided: Decided) -> Decided:
        """Return the decision with its first order as it is sent: what opens or adds is an entry.

        It does nothing to other orders: nothing is decided while one works.
        """
        adds = decided.order_quantity * self._book.account.position >= 0.0
        if decided.intent is None or not adds:
            return decided
        entering = self._entering(decided.intent, decided.signal.price)
        if entering.quantity < decided.intent.quantity:  # the others follow it
            decided = decided.noting({"slice": float(entering.quantity)})
        return decided._replace(intent=entering)

    def _entering(self, intent: Intent, price: float) -> Intent:
        """Return the first order of an entry: all of it, or its first slice."""
        kind, n_parts = self._wire.entry
        instrument = self._deployment.instrument
        if n_parts == 1 or instrument is None:
            return replace(intent, order_type=kind)
        terms = SliceTerms(instrument.lot_size, instrument.min_notional)
        return replace(intent, order_type=kind, quantity=slice_size(intent.quantity, n_parts, price, terms))

    def step(self, bar: ExecutionBar, backing: Backing = NO_BACKING) -> Stepped:
        """Mark the book and move its stops; the venue's fills and payments are booked when they come."""
        self._book.step(bar, self._unsettled_since_ms())
        prices = ((slot, slot.mark_price or slot.last_price or bar.close) for slot in bar.funding)
        new = [Slot(int(slot.ts), float(slot.rate), float(price)) for slot, price in prices]
        self.slots = [*self.slots, *new][-_MOST_SLOTS:]
        self._wire.wake()  # who wakes waits for the bar's transaction
        return Stepped()

    def pay(self, amount: Decimal, at_ms: int) -> Income:
        """Pay capital in at a bar's close, or out where it is negative."""
        return self._book.pay(amount, at_ms)

    def _unsettled_since_ms(self) -> int | None:
        """When the oldest order was decided whose fills may still come; None without one."""
        return min((to_ms(order.intent.bar_close) for order in self.unsettled()), default=None)

    def position(self) -> Position:
        """Position by the decimals, once it is proven that the floats agree."""
        return self._book.position()

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees; what is open or unknown at the venue counts as held."""
        return self._view_of(self._book, volatility=volatility, data_age_seconds=data_age_seconds)

    def _view_of(self, book: VenueBook, *, volatility: float, data_age_seconds: float) -> BookView:
        ordered = sum((self._exposure(order) for order in self.unsettled()), _ZERO)
        today = sum(n for day, n in self._decided.items() if day >= book.day_start_ms // DAY_MS)
        return book.view(ordered, today, volatility=volatility, data_age_seconds=data_age_seconds)

    @property
    def expected_position(self) -> float:
        """Position as it is booked, base, signed: nothing is certain at a venue."""
        return self._book.account.position

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document."""
        known = {"swept_trade_id": self.swept_trade_id, "slots": [list(slot) for slot in self.slots]}
        return {**self._book.to_document(), **known}

    def take(self, decided: Decided, now_ms: int) -> None:
        """Have the committed intent sent."""
        self._book.act_upon(decided.target_side)
        self._book.read(decided.stop_inputs)
        self.decided_ms = to_ms(decided.signal.bar_close)
        if decided.intent is not None:
            if not self.leaves_by:  # else it counted as closed, and is by the time that this is sent
                name, whole = decided.intent.client_order_id, exact(abs(decided.order_quantity))
                self._decided_on = _DecidedOn(name, self.position().quantity, whole)
            self._track(decided.intent, "INITIALIZED", from_ms(now_ms))
            self._wire.put(decided.intent)

    def held_for(self, name: str) -> Decimal:
        """Position that an order was decided on, base, signed; the one now where that is not known."""
        decided = self._decided_on
        return decided.held if decided.name == name else self.position().quantity

    def whole_of(self, name: str) -> Decimal | None:
        """Quantity that was decided on with an order, base; None where that is not known."""
        decided = self._decided_on
        return decided.whole if decided.name == name else None

    def at_rest(self) -> list[PlacedOrder]:
        """Orders of an event strategy that rest; here there are none."""
        return []

    def add(self, intent: Intent, at: datetime) -> None:
        """Commit an intent that no bar's booking carries; it is to be sent at once."""
        self._journal.add_order(self._epoch, self._deployment, intent, at)
        self._track(intent, "SUBMITTED", at)
        if intent.purpose == REMAINDER:  # its target is acted upon, whatever became of the order before
            ordered = intent.quantity if intent.side == "buy" else -intent.quantity
            self._book.act_upon(sign_of(self._book.account.position + float(ordered)))

    def follow(self, step: OrderStep, at: datetime) -> bool:
        """Commit an order's progress; False if it tells nothing new."""
        new = gone_on(self.orders[step.client_order_id], step)
        if new is None:
            return False
        self._journal.follow_order(self._epoch, new, at)
        self._went_on(new, at)
        return True

    def _went_on(self, new: OrderStep, at: datetime) -> None:
        name, progress = new.client_order_id, new.progress
        known = self.orders[name]
        stamp = known.stamp if progress.status == "UNKNOWN" else at  # it was sent when it was submitted
        number = new.venue_order_id or known.venue_order_id
        self.orders[name] = replace(known, progress=progress, venue_order_id=number, stamp=stamp)
        self._open[name] = None
        is_nothing = came_to_nothing(progress)
        if is_nothing and known.intent.purpose in ENTRIES:
            self._book.forget_target()
        if not is_nothing and known.intent.purpose == CLOSE:
            self._book.clear_target()  # once it is resumed, the strategy's target counts again

    def stage(
        self,
        fills: Sequence[Fill],
        income: Sequence[Income],
        *,
        orders: Sequence[OrderStep] = (),
        halt: str = "",
        at: datetime,
    ) -> Received:
        """Book fills and payments, and return the rows; unless they are committed, the broker is outdated."""
        self._book.book(fills, income)
        self.tally.add(fills, income)
        for step in orders:
            self._went_on(step, at)
        whose = (self._deployment.id, self.venue, self._deployment.symbol)
        received = Received(*whose, fills, income, self.position(), halt, orders)
        self._note_fills(fills)
        return received

    def _note_fills(self, fills: Sequence[Fill]) -> None:
        """Nothing: what follows targets keeps no fills beside its book."""

    def disaster_price(self, fraction: float) -> float | None:
        """Level that a stop over several books leaves to this one; None when flat."""
        return self._book.disaster_price(fraction)

    @property
    def close(self) -> float:
        """Close of the last bar, quote per base; NaN before the first one."""
        return self._book.close

    @property
    def close_since_entry(self) -> float:
        """Close of the last bar, quote per base; NaN while none has ended since the entry."""
        return self._book.close_since_entry

    def _track(self, intent: Intent, status: OrderStatus, at: datetime) -> None:
        name = intent.client_order_id
        self._decided[to_ms(intent.bar_close) // DAY_MS] += _counts(intent)
        self.orders[name] = PlacedOrder(intent, self._epoch, None, OrderProgress(status), at)
        self._open[name] = None

    def _recover_target(self, stored: StoredBook) -> None:
        """Take over what the checkpoint itself does not know: its bar's decision, and an operator's close."""
        self._recover_decision(stored)
        done = [one for one in self.orders.values() if one.progress.filled_quantity]
        if done and done[-1].intent.purpose == CLOSE:
            self._book.clear_target()

    def _recover_decision(self, stored: StoredBook) -> None:
        signal = stored.last_signal
        if signal is None:
            return
        mine = [one for one in self.orders.values() if one.intent.bar_close == signal.bar_close]
        if mine and (view := signal.decision.get("view")):
            held = Decimal(f"{float(view['position']):.12g}")  # a float of sums: its last digits mean nothing
            whole = exact(abs(float(signal.decision.get("order_quantity") or 0.0)))
            self._decided_on = _DecidedOn(mine[-1].intent.client_order_id, held, whole)
        if signal.bar_close != stored.bar_close:
            return
        self._book.act_upon(float(signal.decision["target_side"]))
        if signal.decision.get("stop_inputs"):
            self._book.read(inputs_from_document(signal.decision["stop_inputs"]))
        has_more = any(one.intent.purpose == REMAINDER for one in list(self.orders.values())[-1:])
        if not has_more and any(came_to_nothing(one.progress) for one in mine):
            self._book.forget_target()


def _counts(intent: Intent) -> bool:
    """Whether an intent is an order of its day: what a strategy's stop goes at market by was counted."""
    return is_decided(intent.purpose) and not (number_of(intent.purpose) and intent.exit_reason)
