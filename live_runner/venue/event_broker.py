"""The venue broker of an event strategy: its orders rest there, and it is told what becomes of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from live_runner.book.broker import AtDesk, Stepped
from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from live_runner.venue.broker import BookRows, VenueBroker
from live_runner.venue.resting_book import RestingBook
from live_runner.venue.seen import SeenAtVenue
from live_runner.venue.wire import Wire
from quant_pipelines.accounting.margin import NO_BACKING, Backing
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.bar.stops import StopInputs
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.account_view import OpenExposure
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Fill, Intent, OrderState
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.purposes import number_of
from quant_pipelines.trading.wished import RESTS, WishedOrder


class BrokerTerms(TypedDict):
    """The other parameters of a `VenueBroker`."""

    stop_fraction: float
    wire: Wire


class EventVenueBroker(VenueBroker):
    """Book and orders of one deployment of an event strategy; parameters as in `VenueBroker`.

    An order that rests, with all of its fills booked, hinders neither a decision nor a comparison.
    """

    needs_approval = True

    def __init__(
        self,
        journal: Journal,
        plan: DeploymentPlan,
        epoch: int,
        *,
        rows: BookRows,
        **beside: Unpack[BrokerTerms],
    ) -> None:
        super().__init__(journal, plan, epoch, rows=rows, **beside)
        strategy, instrument = plan.strategy, plan.deployment.instrument
        assert isinstance(strategy, EventStrategy)  # noqa: S101 - whoever opens it looked
        assert instrument is not None  # noqa: S101 - a plan has one
        document = rows.book.state["desk"] if rows.book.state else None
        self.resting = RestingBook(
            self,
            instrument.tick_size,
            plan.execution_step_ms,
            fills=rows.book.fills,
            document=document,
        )
        self.run = EventRun(strategy, self.resting, plan.step_ms, document)

    @property
    def has_news(self) -> bool:
        """Whether the strategy has to be told something."""
        return self.run.has_news

    @property
    def at_desk(self) -> AtDesk | None:
        """The strategy at its desk."""
        return AtDesk(self.run, self)

    def step(self, bar: ExecutionBar, backing: Backing = NO_BACKING) -> Stepped:
        """Mark the book, and note what happened since the last bar for the strategy."""
        stepped = super().step(bar, backing)
        self.run.note(self.resting.news(int(bar.ts)))
        return stepped

    def ahead(self, bars: Sequence[ExecutionBar]) -> EventRun:
        """Return the strategy at a copy of its desk, as it is once these bars are booked."""
        book, shown = self._book.ahead(bars, self._unsettled_since_ms()), self.resting.shown
        orders = {name: self.orders[name] for name in shown if name in self.orders}
        seen = SeenAtVenue(
            book.account,
            book.equity,
            book.close,
            self.position(),
            self._view_of(book, volatility=0.0, data_age_seconds=0.0),
            orders,
            booked={name: self.filled(name) for name in shown},
            missing={name: self.unbooked(name) for name in orders},
        )
        resting = self.resting.at(seen)
        run = self.run.at(resting)
        for bar in bars:
            run.note(resting.news(int(bar.ts)))
        return run

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document, with what the strategy wishes and was told."""
        desk = {**self.run.to_document(), **self.resting.to_document()}
        return super().checkpoint() | {"desk": desk}

    def read(self, inputs: StopInputs) -> None:
        """Take over what the stops read at the bar that is decided on."""
        self._book.read(inputs)

    def canceled(self, numbers: tuple[int, ...], reason: str) -> tuple[OrderState, ...]:
        """None: an order that is taken back ends when the venue says so."""
        return ()

    def closing(self, decided: Decided) -> Decided:
        """Return a decision to close, whose order may only do that: one that rests may be filled first."""
        if decided.intent is None:
            return decided
        return decided._replace(intent=replace(decided.intent, reduce_only=True))

    def kept_orders(self) -> tuple[OpenExposure, ...]:
        """Open orders without those that the strategy or the runner has taken back."""
        gone = {order.name for order in self.wished() if not order.is_wished}
        return tuple(one for one in self.open_orders() if one.client_order_id not in gone)

    def take(self, decided: Decided, now_ms: int) -> None:
        """Have committed intents sent, and what was taken back canceled."""
        for intent in decided.resting:
            self._track(intent, "INITIALIZED", from_ms(now_ms))
        self.resting.take(decided.resting)
        if decided.intent is not None:
            self._track(decided.intent, "INITIALIZED", from_ms(now_ms))
            self._wire.put(decided.intent)
        self._wire.wake()

    def _note_fills(self, fills: Sequence[Fill]) -> None:
        """Keep fills until the strategy is told."""
        self.resting.note(fills)

    def add(self, intent: Intent, at: datetime) -> None:
        """Commit an intent, which may be what one of the strategy's orders goes by from now on."""
        super().add(intent, at)
        self.resting.take([intent])

    def at_rest(self) -> list[PlacedOrder]:
        """Orders that rest with all of their fills booked."""
        return [order for order in self._live() if self._rests(order)]

    def filled(self, name: str) -> Decimal:
        """Return the base that is booked of an order."""
        return self.tally.filled(name)

    def wished(self) -> list[WishedOrder]:
        """Orders of the strategy that have not ended, or whose fills are not all booked, oldest first."""
        return self.resting.wished(order for order in self._live() if number_of(order.intent.purpose))

    def _rests(self, order: PlacedOrder) -> bool:
        rests = ("ACCEPTED",) if order.intent.is_conditional else RESTS  # what has triggered takes at once
        is_quiet = order.progress.status in rests and not self.unbooked(order.intent.client_order_id)
        return bool(number_of(order.intent.purpose)) and is_quiet

    def _is_settled(self, order: PlacedOrder) -> bool:
        return self._rests(order) or super()._is_settled(order)

    def _unsettled_since_ms(self) -> int | None:
        """As above; while the venue is away, what rests may have been filled in any bar since."""
        is_away = bool(self._wire.blocked_by) and bool(self.at_rest())
        return self._book.first_bar_ms if is_away else super()._unsettled_since_ms()

    def _open_exposure(self, order: PlacedOrder) -> OpenExposure:
        exposure, price = super()._open_exposure(order), order.intent.price
        if price is None:
            return exposure
        if order.intent.is_conditional:
            return exposure._replace(trigger_price=float(price))
        return exposure._replace(price=float(price))
