"""An event strategy at its book: what happened to its orders is told it at the next close, then it acts."""

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from quant_pipelines.backtest.book.desk import BookDesk, Close, DeskBook, Wish
from quant_pipelines.backtest.book.values import BookedFill, BookEvent, OrderEnded
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.orders import OrderStatus
from quant_pipelines.sdk.desk import OrderEvent
from quant_pipelines.sdk.event import EventStrategy, told
from quant_pipelines.trading.rules import TradingTerms


class Acted(NamedTuple):
    """What a strategy was told at a close and what it did: events, orders asked for, orders canceled."""

    events: tuple[OrderEvent, ...] = ()
    wishes: tuple[Wish, ...] = ()
    canceled: tuple[int, ...] = ()


class EventRun:
    """Calls of one strategy, the same in every driver.

    Parameters
    ----------
    strategy
        Is called.
    book
        Holds its orders.
    step_ms
        Length of a strategy bar.
    document
        State from which a restart goes on; None at the beginning.

    Attributes
    ----------
    asked_ms
        Close at which the strategy was given its newest bar, milliseconds UTC; 0 before the first one.
    book
        As given.
    """

    def __init__(
        self, strategy: EventStrategy, book: DeskBook, step_ms: int, document: dict[str, Any] | None = None
    ) -> None:
        self.book = book
        self._strategy, self._step_ms = strategy, step_ms
        self._desk = BookDesk(book, step_ms, strategy.order_kinds)
        self._waiting: list[OrderEvent] = []
        self._is_started = False
        self.asked_ms = 0
        if document is not None:
            self._resume(document)

    @property
    def has_news(self) -> bool:
        """Whether something happened that the strategy wasn't told yet."""
        return bool(self._waiting)

    def is_left_since(self, ahead: "EventRun") -> bool:
        """Whether something was filled without an order of the strategy's since a copy was taken over."""
        is_noted = any(not event.number for event in self._waiting)
        return is_noted or self.book.is_left_since(ahead.book)

    def at(self, book: DeskBook) -> "EventRun":
        """Return the strategy at a copy of its book, where it goes on from here by itself."""
        return EventRun(self._strategy, book, self._step_ms, deepcopy(self.to_document()))

    def adopt(self, ahead: "EventRun", acted: Acted) -> None:
        """Take over what was done at a copy of the book; what was not told there waits to be told.

        Parameters
        ----------
        ahead
            The strategy there.
        acted
            What it has done since it was copied.
        """
        untold = _untold(self._waiting, acted.events)
        self._resume(ahead.to_document())
        self._waiting = untold
        self.book.adopt(ahead.book)

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep what a bar did for the next close at which the strategy is asked."""
        for event in events:
            if isinstance(event, BookedFill):
                self._waiting.append(_filled(event))
            elif isinstance(event, OrderEnded):
                ended = (event.order, event.status, 0.0, 0.0, event.leaves, event.reason, event.ts)
                self._waiting.append(OrderEvent(*ended))

    def act(self, terms: TradingTerms, close: Close, bars: Bars | None) -> Acted:
        """Tell the strategy what happened, and the newest bar if there is one.

        Parameters
        ----------
        terms
            Sizer, limits and steps in force.
        close
            What is known.
        bars
            The strategy's bars up to the close; None if none of them closed at it.

        Raises
        ------
        StrategyError
            If it raises or leaves a memory that is no document; the sentence names strategy and bar.
        """
        strategy, desk = self._strategy, self._desk
        events, self._waiting = tuple(self._waiting), []
        desk.open(terms, close)
        if bars is not None and not self._is_started:
            self._is_started = True
            told(strategy, desk, partial(strategy.on_start, desk), close.ts)
        for event in events:
            told(strategy, desk, partial(strategy.on_order, desk, event), close.ts)
        if bars is not None:
            self.asked_ms = close.ts
            told(strategy, desk, partial(strategy.on_bar, desk, bars), close.ts)
        return Acted(events, tuple(desk.wishes), tuple(desk.canceled))

    def leave(self, *, only_opening: bool) -> tuple[int, ...]:
        """Cancel what rests without asking the strategy, all of it or what could open; returns the numbers.

        The strategy is told when it is asked again.
        """
        numbers = [one.number for one in self._desk.orders if not (one.reduce_only and only_opening)]
        return self.take_back(numbers, "the runner took it back")

    def take_back(self, numbers: Iterable[int], reason: str) -> tuple[int, ...]:
        """Cancel orders by their numbers, and tell the strategy why when it is asked again."""
        self._desk.canceled = []
        leaves = {order.number: order.leaves for order in self._desk.orders}
        for number in numbers:
            self._desk.cancel(number)
            self._waiting.append(OrderEvent(number, "CANCELED", 0.0, 0.0, leaves[number], reason, 0))
        return tuple(self._desk.canceled)

    def to_document(self) -> dict[str, Any]:
        """State as a JSON document; the orders themselves are in the book's."""
        return {
            "memory": self._desk.memory,
            "is_started": self._is_started,
            "asked_ms": self.asked_ms,
            "events": [asdict(event) for event in self._waiting],
        }

    def _resume(self, document: dict[str, Any]) -> None:
        self._desk.memory = document["memory"]
        self._is_started = document["is_started"]
        self.asked_ms = document["asked_ms"]
        self._waiting = [OrderEvent(**event) for event in document["events"]]


def _untold(waiting: Iterable[OrderEvent], told: Iterable[OrderEvent]) -> list[OrderEvent]:
    known, untold = Counter(map(_identity, told)), list[OrderEvent]()
    for event in waiting:
        if known[_identity(event)]:
            known[_identity(event)] -= 1
        else:
            untold.append(event)
    return untold


def _identity(event: OrderEvent) -> tuple[float, ...]:
    """Return what tells events apart: an order ends once, and what is left may be known better later."""
    is_fill = event.quantity != 0.0
    return (event.number, event.quantity, event.price, event.ts) if is_fill else (event.number,)


def _filled(fill: BookedFill) -> OrderEvent:
    status: OrderStatus = "PARTIALLY_FILLED" if fill.order and fill.leaves != 0.0 else "FILLED"
    return OrderEvent(fill.order, status, fill.quantity, fill.price, fill.leaves, fill.reason, fill.ts)
