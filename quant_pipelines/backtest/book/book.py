"""Book: the paper broker, and the driver of the event backtest; bars in, fills out."""

from collections.abc import Sequence
from typing import Any, cast

from quant_pipelines.accounting.account import Account, open_account
from quant_pipelines.accounting.margin import NO_BACKING, Backing, with_support
from quant_pipelines.backtest.bar.document import state_document, state_from_document
from quant_pipelines.backtest.bar.resting import OF_PENDING
from quant_pipelines.backtest.bar.resting_step import RestingOutcome, step_orders
from quant_pipelines.backtest.bar.state import (
    NO_ORDER,
    BookState,
    StepBar,
    StepFill,
    StepTerms,
    close_out,
    left_at_close,
    opening_state,
    with_order,
    with_scales,
    with_transfer,
)
from quant_pipelines.backtest.bar.stops import (
    BANKRUPTCY,
    EXIT_REASONS,
    NO_SCALES,
    TARGET,
    StopInputs,
    StopScales,
    moved,
)
from quant_pipelines.backtest.book.resting_play import TS, Course, Strip, play
from quant_pipelines.backtest.book.state_cells import StateCells
from quant_pipelines.backtest.book.values import (
    BookedFill,
    BookEvent,
    BookSettings,
    ExecutionBar,
    OpenPrices,
    Stretch,
    payments,
    step_bar_of,
)
from quant_pipelines.backtest.book.working import NewOrder, WorkingOrders
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.orders import RestingKind
from quant_pipelines.costs import whole_lots
from quant_pipelines.sdk.desk import OpenOrder
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.purposes import Purpose
from quant_pipelines.trading.resting import Resting


class Book:
    """One book of paper money: cash, position, its stops, one pending market order, and orders that rest.

    It books bars through the same step as the batch backtest, to the last bit. Restored from its document
    it goes on as if nothing had happened.

    Parameters
    ----------
    settings
        Capital, rules, stop and execution timeframe.

    Attributes
    ----------
    working
        Orders that rest.

    Examples
    --------
    >>> from quant_pipelines.backtest import Book, BookSettings, ExecutionBar
    >>> from quant_pipelines.trading.rules import TradingRules
    >>> book = Book(BookSettings(10_000.0, TradingRules()))
    >>> _ = book.step(ExecutionBar(0, 100.0, 101.0, 99.0, 100.0))
    >>> book.submit(2.0)
    >>> (fill,) = book.step(ExecutionBar(60_000, 100.0, 101.0, 99.0, 101.0))  # at the next open
    >>> round(fill.price, 4), round(fill.fee, 4), book.account.position
    (100.01, 0.1, 2.0)
    """

    def __init__(self, settings: BookSettings) -> None:
        self.settings = settings
        self._dated_terms = settings.dated_terms
        self._scales = NO_SCALES
        self._cells = StateCells()
        self._last_ts = self._inside_ts = -1
        self._fills = 0
        self._purpose: Purpose = "target"
        self.working = WorkingOrders()

    @property
    def terms(self) -> StepTerms:
        """Terms in force in the last bar."""
        return self.terms_at(self._last_ts)

    def terms_at(self, ts_ms: int) -> StepTerms:
        """Terms in force in a bar that opens then."""
        return self._dated_terms[self.settings.specifications.span_at(ts_ms)]

    @property
    def account(self) -> Account:
        """Cash and position after the last bar."""
        return self._cells.account or open_account(self.settings.capital)

    @property
    def state(self) -> BookState | None:
        """State after the last bar, or None before the first one."""
        return self._cells.state

    @property
    def last_ts(self) -> int:
        """Open time of the last bar that was booked, milliseconds UTC; -1 before the first one."""
        return self._last_ts

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""
        equity = self._cells.equity
        return self.settings.capital if equity is None else equity

    @property
    def price(self) -> float:
        """Last close, quote per base; 0 before the first one."""
        return self._cells.close or 0.0

    @property
    def stop_price(self) -> float | None:
        """Level of the stop that is in force in the next bar, or None."""
        state = self.state
        if state is None or state.account.position == 0.0:
            return None
        return float(moved(state.account, state.stop, state.seen, self.terms.stops).price) or None

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops, as of the last close."""
        return float(self.state.seen.tightening) if self.state else 1.0

    @property
    def pending(self) -> float:
        """Signed base quantity that fills at the next open."""
        return self.state.order.quantity if self.state else 0.0

    def pending_with(self, quantity: float) -> float:
        """Signed base quantity at the next open if this were submitted too, free of float noise."""
        state = self._known_state()
        pending = with_order(state, float(quantity), state.target_side).order.quantity
        return float(whole_lots(pending, self.terms.lot_size))

    @property
    def is_ordered(self) -> bool:
        """Whether what is pending was submitted; a stop that fires at a close makes an order of its own."""
        order = self.state.order if self.state else NO_ORDER
        return order.quantity != 0.0 and order.reason == TARGET

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, oldest first."""
        return self.working.orders

    @property
    def order_rows(self) -> FloatArray:
        """The same as rows of ``resting_rows``, shape (n_orders, WIDTH); they change with the next bar."""
        return self.working.sheet.orders

    @property
    def may_open(self) -> Resting:
        """What of them may open on either side, base."""
        return self.working.may_open

    def on_grid(self, price: float, quantity: float, kind: RestingKind) -> float:
        """Price of an order as it is asked for: paper knows no steps."""
        return price

    def place(self, order: NewOrder) -> int:
        """Let an order rest from the next bar on, or after the latency, and count it; returns its number.

        Raises
        ------
        BacktestError
            If no bar has been booked yet, or as many orders rest as there is room for.
        """
        self._require_open()
        number = self.working.place(order, self.terms.fills.latency_bars)
        self._cells.count_order()
        return number

    def cancel(self, number: int) -> bool:
        """Take back an order at once; False if it doesn't rest."""
        return self.working.cancel(number)

    def adopt(self, ahead: "Book") -> None:
        """Take over the orders that were placed and taken back at a copy, which has booked the same bars."""
        if ahead.state is not None:
            state = self._known_state()
            self._cells.state = state._replace(day=state.day._replace(n_orders=ahead.state.day.n_orders))
        self.working = ahead.working

    def is_left_since(self, ahead: "Book") -> bool:
        """Never: only bars fill anything here, and each tells what it did."""
        return False

    def liquidate_orders(self) -> list[BookEvent]:
        """End what rests: the margin behind it is liquidated."""
        return list(self.working.liquidated(self._last_ts))

    def step(self, bar: ExecutionBar, backing: Backing = NO_BACKING) -> list[BookEvent]:
        """Book one closed bar and return what happened, in order.

        Raises
        ------
        BacktestError
            If the bar is not after the last one.
        """
        self._inside_ts = max((slot.ts for slot in bar.funding if slot.ts > bar.ts), default=bar.ts)
        return self.advance(self.seen(bar), backing)

    def seen(self, bar: ExecutionBar) -> StepBar:
        """Bar as the step takes it: with the funding per unit that the prices of its slots make."""
        close_ts = self._last_ts + self.terms.step_ms if self.price > 0.0 else -1
        return step_bar_of(bar, OpenPrices(close_ts, self.price, bar.open))

    def advance(self, bar: StepBar, backing: Backing = NO_BACKING) -> list[BookEvent]:
        """Book one closed bar whose funding per unit is known; else as ``step``."""
        if bar.ts <= self._last_ts:
            raise BacktestError(f"bar is at {bar.ts}; expected one after {self._last_ts}")
        state = self.state or opening_state(open_account(self.settings.capital), bar.ts)
        self._last_ts = bar.ts
        terms = self.terms._replace(margin=with_support(self.terms.margin, *backing))
        outcome = step_orders(state, bar, terms, self.working.sheet)
        self._cells.state = outcome.state
        return self._told(outcome)

    def open(self, ts_ms: int) -> None:
        """Begin flat before a bar that opens then; without it a book begins with its first bar."""
        self._cells.state = opening_state(open_account(self.settings.capital), ts_ms)

    def transfer(self, amount: float) -> None:
        """Pay cash in, or out where it is negative; what the book is measured by moves with it."""
        self._cells.state = with_transfer(self._known_state(), amount)

    def close(self, funding_per_unit: float = 0.0, *, debt: float = 0.0) -> tuple[StepFill, float]:
        """Close the position at the last close with its costs, and drop what is pending.

        ``funding_per_unit`` is that of a slot at the very time of the close; it is paid first, and the amount
        is returned beside the fill. ``debt`` is as in ``MarginTerms``.

        Raises
        ------
        BacktestError
            If no bar has been booked yet.
        """
        terms = self.terms._replace(margin=with_support(self.terms.margin, debt, debt, debt))
        self._cells.state, fill, funding_paid = close_out(self._known_state(), terms, funding_per_unit)
        return fill, funding_paid

    def end(self) -> StepFill:
        """Close the position at the last close without costs and drop all orders: nothing is left."""
        state = self._known_state()
        fill = StepFill(-state.account.position, state.close, 0.0)
        self._cells.state = left_at_close(state, fill)
        for order in self.orders:
            self.cancel(order.number)
        return fill

    def ruin(self) -> list[BookEvent]:
        """Do as ``end``, and tell of it."""
        fill = self.end()
        return [self._booked(fill, EXIT_REASONS[BANKRUPTCY], 0, 0.0)] if fill.quantity != 0.0 else []

    def play(self, strip: Strip, first: int, end: int) -> Stretch:
        """Book bars of ``[first, end)`` as ``advance`` does until something happens in one, or to the end.

        One specification is in force within them.
        """
        self._last_ts = int(strip.bars[first, TS])
        if self._cells.close is None:
            self.open(self._last_ts)
        orders = self.working.table
        cells = self._cells.started(self.terms, first, end, orders.n)
        until = play(cells, orders.rows, self.working.room_of_fills, *strip)
        self._last_ts = int(strip.bars[until - 1, TS])
        course = self._cells.course
        return Stretch(self._told(course) if course else [], until)

    def _told(self, outcome: RestingOutcome | Course) -> list[BookEvent]:
        """Tell what was paid in the last bar, and what orders and stops did in it."""
        n_at_open, fills = outcome.n_at_open, self.working.fills(outcome.n_fills)
        events: list[BookEvent] = payments(outcome.funding_paid, self._last_ts)
        events.extend(self._filled(row) for row in fills[:n_at_open])
        events.extend(payments(outcome.funding_inside, max(self._inside_ts, self._last_ts)))
        events.extend(self._filled(row) for row in fills[n_at_open:])
        if outcome.has_ended:
            events.extend(self.working.ended(self._last_ts))
        return events

    def _filled(self, row: Sequence[float]) -> BookedFill:
        """Take a fill over, which was written as a row."""
        order, reason, quantity, price, fee, left = row
        name = self._reason(int(reason)) if order == OF_PENDING else EXIT_REASONS[int(reason)]
        number = max(int(order), 0)
        return self._booked(StepFill(quantity, price, fee), name, number, left if number else 0.0)

    def _reason(self, reason: int) -> str:
        """Reason of the pending order's fills: its own, or the stop that fires at a close."""
        return self._purpose if reason == TARGET else EXIT_REASONS[reason]

    def view(self, *, volatility: float = 0.0, data_age_seconds: float = 0.0) -> BookView:
        """Return what a decision sees at the last bar's close; pending quantity counts as held.

        Raises
        ------
        BacktestError
            If no bar has been booked yet.
        """
        self._require_open()
        return self._cells.view(float(volatility), float(data_age_seconds))

    def submit(
        self,
        quantity: float,
        *,
        purpose: Purpose = "target",
        target_side: float | None = None,
        inputs: StopInputs | None = None,
    ) -> None:
        """Submit a market order for the next open; it adds to what is pending.

        Parameters
        ----------
        quantity
            Signed base quantity; 0 submits nothing.
        purpose
            Reason that the fills will carry: ``target`` or ``flatten``.
        target_side
            Side that counts as acted upon; unchanged if None.
        inputs
            What the stops read at the bar that was decided on; unchanged if None.
        """
        if inputs is not None:
            self.read(inputs)
        state = self._known_state()
        side = state.target_side if target_side is None else float(target_side)
        self._cells.state = with_order(state, float(quantity), side, self.terms.fills.latency_bars)
        if quantity != 0.0:
            self._purpose = purpose

    def read(self, inputs: StopInputs) -> None:
        """Let the stops read what is known at the bar that is decided on."""
        self._require_open()
        self._cells.read(inputs.atr, inputs.deviation)
        self._scale(inputs.scales)

    def to_document(self) -> dict[str, Any]:
        """State as a JSON document; floats keep their last digit."""
        state = self.state
        return {
            "last_ts": self._last_ts,
            "fills": self._fills,
            "purpose": self._purpose,
            "scales": self._scales._asdict(),
            "state": state_document(state) if state else None,
            **self.working.to_document(),
        }

    @classmethod
    def from_document(cls, settings: BookSettings, document: dict[str, Any]) -> "Book":
        """Book of a document that ``to_document`` made."""
        book = cls(settings)
        book._last_ts = int(document["last_ts"])
        book._fills = int(document["fills"])
        book._purpose = document["purpose"]
        book._scale(StopScales(**document.get("scales", {})))
        if document["state"] is not None:
            book._cells.state = state_from_document(document["state"])
        book.working = WorkingOrders.from_document(document)
        return book

    def _scale(self, scales: StopScales) -> None:
        """Keep the factors that the strategy gave last, and the terms that follow from them."""
        if scales != self._scales:
            self._scales = scales
            self._dated_terms = tuple(with_scales(terms, scales) for terms in self.settings.dated_terms)

    def _known_state(self) -> BookState:
        self._require_open()
        return cast(BookState, self.state)

    def _require_open(self) -> None:
        if self._cells.close is None:
            raise BacktestError("the book has no bar yet; expected a step before an order or a decision")

    def _booked(self, fill: StepFill, reason: str, order: int = 0, leaves: float = 0.0) -> BookedFill:
        self._fills += 1
        number, ts = self._fills, self._last_ts
        return BookedFill(number, ts, fill.quantity, fill.price, fill.fee, reason, order, leaves)
