"""The desk of an event strategy over a book: what it sees, and how its wishes become orders.

Sizes and approvals come from ``trading.resting``; nothing here decides how much.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.orders import RestingKind
from quant_pipelines.sdk.desk import Asked, Desk, OpenOrder, require_kind
from quant_pipelines.trading.cycle import BookView
from quant_pipelines.trading.resting import OrderSizer, Placement, Resting, reduce
from quant_pipelines.trading.rules import TradingRules, TradingTerms


class DeskBook(Protocol):
    """Book behind a desk: of paper money, or one whose orders rest at a venue."""

    @property
    def account(self) -> Account:
        """Cash and position."""

    @property
    def equity(self) -> float:
        """Quote, at the last close."""

    @property
    def price(self) -> float:
        """Last close, quote per base; 0 before the first one."""

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest and were not taken back, oldest first."""

    @property
    def may_open(self) -> Resting:
        """What of them may open on either side, base."""

    def view(self, *, volatility: float = 0.0, data_age_seconds: float = 0.0) -> BookView:
        """Return what a decision sees."""

    def on_grid(self, price: float, quantity: float, kind: RestingKind) -> float:
        """Price of an order of this signed quantity and kind as the book takes it."""

    def place(self, order: NewOrder) -> int:
        """Let an order rest from the next bar on; returns its number, or 0 if there can't be one."""

    def cancel(self, number: int) -> bool:
        """Take an order back; False if it doesn't rest."""

    def adopt(self, ahead: Self) -> None:
        """Take over the orders that were placed and taken back at a copy of the book."""

    def is_left_since(self, ahead: Self) -> bool:
        """Whether an exit that no order made was filled since the copy, and no bar has told of it."""
        return False


class Close(NamedTuple):
    """What is known at the close of an execution bar.

    Parameters
    ----------
    ts
        The close, milliseconds UTC.
    features
        Newest value of each feature.
    volatility
        Annualized, as the sizer asks for it; else 0.
    data_age_seconds
        By the wall clock; 0 in a replay.
    part
        What the book is sized on among others in an account; None is its own equity.
    """

    ts: int
    features: Mapping[str, float] = MappingProxyType({})
    volatility: float = 0.0
    data_age_seconds: float = 0.0
    part: Part | None = None

    def view_of(self, book: DeskBook) -> BookView:
        """Return what a decision sees of a book here."""
        view = book.view(volatility=self.volatility, data_age_seconds=self.data_age_seconds)
        return view if self.part is None else view._replace(**self.part._asdict())


class Wish(NamedTuple):
    """An order that a strategy asked for, its number or 0, and what came of it."""

    order: NewOrder
    number: int
    placement: Placement


class BookDesk(Desk):
    """Desk over a book; see ``sdk.desk.Desk``.

    Parameters
    ----------
    book
        Holds position and orders.
    step_ms
        Length of a strategy bar.
    kinds
        Kinds of orders that the strategy declares.
    """

    def __init__(self, book: DeskBook, step_ms: int, kinds: tuple[RestingKind, ...]) -> None:
        self.memory: dict[str, Any] = {}
        self.wishes: list[Wish] = []
        self.canceled: list[int] = []
        self._book = book
        self._step_ms = step_ms
        self._kinds = kinds
        self._sizer = OrderSizer(TradingRules().terms)
        self._close = Close(0)

    def open(self, terms: TradingTerms, close: Close) -> None:
        """Begin a close: terms in force, and what is known."""
        if terms is not self._sizer.terms:
            self._sizer = OrderSizer(terms)
        self._close, self.wishes, self.canceled = close, [], []

    @property
    def position(self) -> float:
        """Base, signed."""
        return self._book.account.position

    @property
    def entry_price(self) -> float:
        """Average price of the position; 0 when flat."""
        return self._book.account.entry_price

    @property
    def equity(self) -> float:
        """Quote, at the last close; among others in an account its share of the whole."""
        part = self._close.part
        return self._book.equity if part is None else part.equity

    @property
    def price(self) -> float:
        """Last close."""
        return self._book.price

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, oldest first."""
        return self._book.orders

    @property
    def features(self) -> Mapping[str, float]:
        """Newest value of each feature."""
        return self._close.features

    def cancel(self, number: int) -> bool:
        """Cancel an order."""
        is_canceled = self._book.cancel(number)
        if is_canceled:
            self.canceled.append(int(number))
        return is_canceled

    def _place(self, asked: Asked) -> int:
        require_kind(asked.kind, self._kinds)
        if asked.reduce_only:
            placement = reduce(self.position, asked.size, self._sizer.terms.lot_size)
        else:
            view = self._close.view_of(self._book)
            price = asked.price or view.price
            placement = self._sizer.place(view, self._book.may_open, asked.size, price)
        expires_ms = self._close.ts + asked.expires_bars * self._step_ms if asked.expires_bars else None
        flags = (placement.is_reducing, asked.post_only, expires_ms)
        quantity = placement.quantity
        is_dropped = quantity == 0.0  # it has no side to be rounded to
        price = asked.price if is_dropped else self._book.on_grid(asked.price, quantity, asked.kind)
        order = NewOrder(asked.kind, quantity, price, *flags)
        number = self._book.place(order) if order.quantity != 0.0 else 0
        self.wishes.append(Wish(order, number, placement))
        return number
