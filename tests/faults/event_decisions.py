"""I11 for a strategy whose orders rest: told again what is journaled, it places and cancels the same."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import SimpleNamespace
from typing import Any

from quant_pipelines.backtest.book.desk import BookDesk, Close, DeskBook, Wish
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.orders import RestingKind
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.sdk.desk import OpenOrder, OrderEvent
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Intent, Signal
from quant_pipelines.trading import BookView, TradingRules
from quant_pipelines.trading.purposes import number_of
from quant_pipelines.trading.resting import Resting
from tests.faults.at_the_end import AtTheEnd
from tests.faults.decisions import bars_of, strategy_of


def rests(deployment: Deployment) -> bool:
    """Whether it trades by orders that rest; a text that can't be loaded trades by nothing."""
    try:
        return isinstance(strategy_of(deployment.source, **deployment.parameters), EventStrategy)
    except StrategyError:
        return False


class JournaledBook(DeskBook):
    """Book of a deployment as its decisions tell of it, one after the other.

    Parameters
    ----------
    tick_size
        Price step, quote per base.
    """

    def __init__(self, tick_size: Decimal) -> None:
        self._tick_size = tick_size
        self._view = BookView(0.0, 0.0, 0.0, 0.0, 0.0)
        self._orders: dict[int, OpenOrder] = {}
        self._last = 0

    def begin(self, view: BookView, events: tuple[OrderEvent, ...]) -> None:
        """Go on to the next decision: what is seen, and what happened to the orders since the last one."""
        self._view = view
        for event in events:
            order = self._orders.get(event.number)
            if order is not None and event.status == "PARTIALLY_FILLED":
                self._orders[event.number] = replace(order, leaves=event.leaves)
            else:
                self._orders.pop(event.number, None)

    @property
    def account(self) -> Any:
        """Position; what it was entered at is not journaled."""
        return SimpleNamespace(position=self._view.position, entry_price=math.nan)

    @property
    def equity(self) -> float:
        """Quote, at the close."""
        return self._view.equity

    @property
    def price(self) -> float:
        """Close, quote per base."""
        return self._view.price

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, oldest first."""
        return tuple(self._orders.values())

    @property
    def may_open(self) -> Resting:
        """What of them may open on either side, base."""
        leaves = [order.leaves for order in self.orders if not order.reduce_only]
        return Resting(sum(max(one, 0.0) for one in leaves), sum(max(-one, 0.0) for one in leaves))

    def view(self, *, volatility: float = 0.0, data_age_seconds: float = 0.0) -> BookView:
        """Return what was seen."""
        return self._view

    def on_grid(self, price: float, quantity: float, kind: RestingKind) -> float:
        """Price on the venue's grid: a limit is no worse than asked for, a stop waits no shorter."""
        is_below = quantity < 0.0 if kind == "stop_market" else quantity > 0.0
        rounding = ROUND_FLOOR if is_below else ROUND_CEILING
        return float((Decimal(repr(price)) / self._tick_size).to_integral_value(rounding) * self._tick_size)

    def place(self, order: NewOrder) -> int:
        """Let an order rest; returns its number."""
        self._last += 1
        told = order._asdict()
        self._orders[self._last] = OpenOrder(number=self._last, leaves=order.quantity, **told)
        return self._last

    def cancel(self, number: int) -> bool:
        """Take an order back; False if it doesn't rest."""
        return self._orders.pop(number, None) is not None


class EventDecisionRules(AtTheEnd):
    """Asks the strategy again, at every close at which it was asked."""

    def look_at_rest(self) -> None:
        """Compare what the strategy asks for with what is stored, and with the intents that it led to."""
        tables, placed = self._evidence.journal.tables, set[str]()
        again = self._again()
        for (_, closed), signal in sorted(tables.signals.items(), key=lambda row: row[0]):
            told = signal.decision
            if "events" not in told:
                continue  # it was not asked
            asked, expected = (told["orders"], list(told["canceled"])), again(signal)
            if asked != expected:
                self._findings.violated("I11", f"at {closed} it asked for {asked}; again for {expected}")
                return  # nothing behind it can be the same
            placed |= self._intents_of(signal)
        known = ((name, tables.orders[name]) for name in placed if name in tables.orders)
        passed = {
            one.intent.purpose
            for _, one in known
            if one.intent.is_conditional and one.progress.status == "EXPIRED"
        }
        for name, order in tables.orders.items():
            went_on = order.intent.purpose in passed and order.intent.order_type == "market"
            if number_of(order.intent.purpose) and name not in placed and not went_on:
                self._findings.violated("I11", f"intent {name} follows no decision")

    def _again(self) -> Callable[[Signal], tuple[list[dict[str, Any]], list[int]]]:
        """Ask a strategy that begins anew, signal after signal, for what it places and takes back."""
        instrument, strategy = self._deployment.instrument, strategy_of(self._deployment.source)
        assert isinstance(strategy, EventStrategy)
        assert instrument is not None
        bars, book = (
            bars_of(self._evidence, self._market, self._deployment),
            JournaledBook(instrument.tick_size),
        )
        desk = BookDesk(book, MINUTE_MS, strategy.order_kinds)
        strategy.on_start(desk)

        def ask(signal: Signal) -> tuple[list[dict[str, Any]], list[int]]:
            told, close_ms = signal.decision, to_ms(signal.bar_close)
            events = tuple(OrderEvent(**event) for event in told["events"])
            book.begin(BookView(**_numbers(told["view"])), events)
            desk.open(TradingRules.from_document(told["rules"]).terms, Close(close_ms))
            for event in events:
                strategy.on_order(desk, event)
            strategy.on_bar(desk, bars.rows(0, int((bars.ts < close_ms).sum())))
            return [_document(wish) for wish in desk.wishes], desk.canceled

        return ask

    def _intents_of(self, signal: Signal) -> set[str]:
        """Names of the intents that a decision led to; each is what was asked for."""
        told, intents = signal.decision, self._intents_at(signal)
        denied = {int(name.rpartition("-o")[2]) for name in told.get("denied", ())}
        for wish in told["orders"]:
            number = wish["number"]
            if not number or number in told["canceled"] or number in denied:
                continue
            intent = intents.get(number)
            expected = wish["kind"], Decimal(repr(wish["quantity"])), Decimal(repr(wish["price"]))
            if intent is None or _asked(intent) != expected:
                self._findings.violated("I11", f"order {number} of {signal.bar_close} led to {intent}")
        return {intent.client_order_id for intent in intents.values()}

    def _intents_at(self, signal: Signal) -> dict[int, Intent]:
        found = (order.intent for order in self._evidence.journal.tables.orders.values())
        return {
            number_of(one.purpose): one
            for one in found
            if one.bar_close == signal.bar_close and number_of(one.purpose)
        }


def _document(wish: Wish) -> dict[str, Any]:
    return {"number": wish.number, "reason": wish.placement.reason} | wish.order._asdict()


def _asked(intent: Intent) -> tuple[str, Decimal, Decimal]:
    signed = intent.quantity if intent.side == "buy" else -intent.quantity
    return intent.order_type, signed, intent.price or Decimal(0)


def _numbers(document: Mapping[str, Any]) -> dict[str, float]:
    """Values of a document in which infinity is nothing."""
    return {name: math.inf if value is None else value for name, value in document.items()}
