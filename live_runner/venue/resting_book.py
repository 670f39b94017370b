"""Book behind the desk of an event strategy at a venue: what it wishes, and what it was not told yet.

What became of its orders is in their rows; nothing is sent and nothing is booked here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Protocol, Self

from live_runner.book.rows import exact
from quant_pipelines.accounting import Account
from quant_pipelines.backtest import BookedFill, OrderEnded
from quant_pipelines.backtest.book.desk import DeskBook
from quant_pipelines.backtest.book.values import BookEvent
from quant_pipelines.backtest.book.working import NewOrder
from quant_pipelines.core.orders import OrderStatus, RestingKind, side_of
from quant_pipelines.core.timeframes import HOUR_MS, floor_ms, to_ms
from quant_pipelines.sdk.desk import OpenOrder
from quant_pipelines.store.trading import Fill, Intent, Position
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading import BookView
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import number_of
from quant_pipelines.trading.resting import Resting
from quant_pipelines.trading.wished import WishedOrder

_SENT_WITHIN_MS = 10_000
_REMEMBERED_MS = HOUR_MS
"""How much older than the newest fill one may be that is told yet."""
_ENDS: dict[OrderStatus, str] = {
    "DENIED": "it was not sent",
    "REJECTED": "the venue refused it",
    "EXPIRED": "the venue refused it",
}
_TIME_OVER, _TAKEN_BACK = "its time is over", "the runner or the venue took it back"
_ZERO = Decimal(0)


class AtVenue(Protocol):
    """Position and orders of the deployment."""

    @property
    def orders(self) -> Mapping[str, PlacedOrder]:
        """Orders by their names."""

    @property
    def account(self) -> Account:
        """Cash and position."""

    @property
    def equity(self) -> float:
        """Equity at the last bar's close, quote."""

    @property
    def close(self) -> float:
        """Close of the last bar, quote per base; NaN before the first one."""

    def position(self) -> Position:
        """Position by the decimals."""

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""

    def filled(self, name: str) -> Decimal:
        """Return the base that is booked of an order."""

    def unbooked(self, name: str) -> Decimal:
        """Quantity that the venue says was filled, and is not booked yet."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """Order that a strategy has placed; ``most`` as in `WishedOrder`."""

    order: NewOrder
    is_wished: bool = True
    most: Decimal | None = None


class RestingBook(DeskBook):
    """Wishes of one deployment.

    Parameters
    ----------
    at_venue
        Position and orders as they are booked and committed.
    tick_size, step_ms
        Price step, quote per base; length of an execution bar.
    fills
        What was booked so far.
    document
        What ``to_document`` gave with the newest bar; None before the first one.

    Attributes
    ----------
    wishes, last_order
        Orders by number that were not told as ended, and the newest number.
    """

    def __init__(
        self,
        at_venue: AtVenue,
        tick_size: Decimal,
        step_ms: int,
        *,
        fills: Iterable[Fill],
        document: dict[str, Any] | None,
    ) -> None:
        document = document or {}
        self._at_venue, self._tick_size, self._step_ms = at_venue, tick_size, step_ms
        self.last_order = int(document.get("last_order", 0))
        self.wishes = {
            int(one["number"]): _Wish(NewOrder(**one["order"]), one["is_wished"], _known(one.get("most")))
            for one in document.get("wishes", ())
        }
        self._names: dict[int, str] = {}
        self.take(order.intent for order in at_venue.orders.values())
        self._told: dict[str, int] = dict(document.get("told", {}))
        oldest = max(self._told.values(), default=0) - _REMEMBERED_MS
        new = (fill for fill in fills if fill.trade_id not in self._told and to_ms(fill.ts) > oldest)
        self._untold = sorted(new, key=lambda fill: (fill.ts, len(fill.trade_id), fill.trade_id))

    @property
    def account(self) -> Account:
        """Cash and position."""
        return self._at_venue.account

    @property
    def equity(self) -> float:
        """Quote, at the last close."""
        return self._at_venue.equity

    @property
    def price(self) -> float:
        """Last close, quote per base."""
        return self._at_venue.close

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, or are to, and were not taken back; oldest first."""
        return tuple(
            OpenOrder(
                number,
                wish.order.kind,
                wish.order.quantity,
                self._leaves(number),
                wish.order.price,
                wish.order.reduce_only,
                wish.order.post_only,
                wish.order.expires_ms,
            )
            for number, wish in self.wishes.items()
            if wish.is_wished and not self._has_ended(number)
        )

    @property
    def may_open(self) -> Resting:
        """What of them may open on either side, base."""
        leaves = [order.leaves for order in self.orders if not order.reduce_only]
        return Resting(sum(max(one, 0.0) for one in leaves), sum(max(-one, 0.0) for one in leaves))

    def view(self, *, volatility: float = 0.0, data_age_seconds: float = 0.0) -> BookView:
        """Return what a decision sees."""
        return self._at_venue.view(volatility=volatility, data_age_seconds=data_age_seconds)

    def on_grid(self, price: float, quantity: float, kind: RestingKind) -> float:
        """Price on the venue's grid, on the side where it is filled or triggers later."""
        rounding = ROUND_FLOOR if (quantity > 0.0) != (kind == "stop_market") else ROUND_CEILING
        steps = (Decimal(repr(float(price))) / self._tick_size).to_integral_value(rounding)
        return float(steps * self._tick_size)

    def place(self, order: NewOrder) -> int:
        """Wish an order; returns its number, or 0 if the venue has no such price."""
        if order.kind != "market" and order.price <= 0.0:
            return 0
        self.last_order += 1
        self.wishes[self.last_order] = _Wish(order)
        side = 1 if order.quantity > 0.0 else -1
        opening = (exact(one.leaves) for one in self.orders if not one.reduce_only)
        opens = sum((one for one in opening if side * one > 0), _ZERO)
        most = side * (self._at_venue.position().quantity + opens)
        self.wishes[self.last_order] = _Wish(order, most=most)
        return self.last_order

    def cancel(self, number: int) -> bool:
        """Take a wish back; False if there is none, or its order has ended."""
        wish = self.wishes.get(number)
        if wish is None or not wish.is_wished or self._has_ended(number):
            return False
        if number in self._names:
            self.wishes[number] = replace(wish, is_wished=False)
        else:
            del self.wishes[number]  # its intent is not committed, and never will be
        return True

    @property
    def shown(self) -> set[str]:
        """Names of the orders that the strategy sees, or is to be told of."""
        names = {self._names[number] for number in self.wishes if number in self._names}
        return names | {fill.client_order_id for fill in self._untold if fill.client_order_id}

    def at(self, seen: AtVenue) -> "RestingBook":
        """Return a copy over what was seen at one moment."""
        at_grid = (self._tick_size, self._step_ms)
        return RestingBook(seen, *at_grid, fills=self._untold, document=self.to_document())

    def adopt(self, ahead: Self) -> None:
        """Take over what was wished and taken back at a copy; what ended meanwhile can't be taken back."""
        for number, wish in ahead.wishes.items():
            if number > self.last_order:
                self.wishes[number] = wish
            elif not wish.is_wished:
                self.cancel(number)
        self.last_order = ahead.last_order

    def is_left_since(self, ahead: Self) -> bool:
        """Whether something was filled without an order of the strategy's that a copy does not know.

        No bar need have been booked since: a late decision is about the last one.
        """
        seen = {fill.trade_id for fill in ahead._untold} | ahead._told.keys()
        return any(fill.trade_id not in seen and not self._number_of(fill) for fill in self._untold)

    def take(self, intents: Iterable[Intent]) -> None:
        """Note the names of orders whose intents are committed."""
        self._names |= {
            number: intent.client_order_id for intent in intents if (number := number_of(intent.purpose))
        }

    def post_only(self, name: str) -> bool:
        """Whether an order is not to take."""
        return self.wishes[number_of(self._at_venue.orders[name].intent.purpose)].order.post_only

    def wished(self, unended: Iterable[PlacedOrder]) -> list[WishedOrder]:
        """Orders that have not ended, or whose fills are not all booked, oldest first.

        Nobody wishes one any more whose end was told, and that the venue has taken after all: of those that
        are ``unended``.
        """
        return [*self._given_up(unended), *self._wished()]

    def _given_up(self, unended: Iterable[PlacedOrder]) -> Iterator[WishedOrder]:
        for row in unended:
            intent, name = row.intent, row.intent.client_order_id
            if number_of(intent.purpose) not in self.wishes:
                leaves, is_booked = self._left_of(row), not self._at_venue.unbooked(name)
                yield WishedOrder(
                    name,
                    intent.side,
                    leaves,
                    row.progress.status,
                    is_booked,
                    is_wished=False,
                    reduce_only=intent.reduce_only,
                    is_conditional=intent.is_conditional,
                )

    def _wished(self) -> Iterator[WishedOrder]:
        for number, wish in self.wishes.items():
            name = self._names.get(number, "")
            if not name or self._is_over(name):
                continue
            row = self._at_venue.orders[name]
            yield WishedOrder(
                name,
                row.intent.side,
                self._left_of(row),
                row.progress.status,
                not self._at_venue.unbooked(name),
                wish.is_wished,
                wish.order.reduce_only,
                wish.order.expires_ms,
                wish.most,
                to_ms(row.stamp) + _SENT_WITHIN_MS,
                row.intent.is_conditional,
            )

    def note(self, fills: Iterable[Fill]) -> None:
        """Keep fills that are booked now until they are told."""
        self._untold.extend(fills)

    def news(self, bar_ms: int) -> list[BookEvent]:
        """Tell what happened since the last time, each thing once; ``bar_ms`` opens the newest bar."""
        events: list[BookEvent] = list(self._fills())
        for number, wish in list(self.wishes.items()):
            name = self._names.get(number, "")
            if not name or not self._is_over(name):
                continue
            del self.wishes[number]
            status, leaves = self._at_venue.orders[name].progress.status, self._leaves(number, wish)
            if wish.is_wished and status != "FILLED":
                is_late = bar_ms + self._step_ms >= (wish.order.expires_ms or math.inf)
                reason = _TIME_OVER if is_late else _ENDS.get(status, _TAKEN_BACK)
                ended: OrderStatus = "EXPIRED" if is_late else "CANCELED"
                events.append(OrderEnded(bar_ms, number, ended, leaves, reason))
        return events

    def to_document(self) -> dict[str, Any]:
        """State as a JSON document."""
        wishes = [
            {
                "number": number,
                "order": wish.order._asdict(),
                "is_wished": wish.is_wished,
                "most": None if wish.most is None else str(wish.most),
            }
            for number, wish in self.wishes.items()
        ]
        return {"wishes": wishes, "last_order": self.last_order, "told": self._told}

    def _fills(self) -> Iterator[BookedFill]:
        """Tell the fills that were not told yet."""
        new, self._untold = self._untold, []
        left = {fill.client_order_id: self._at_venue.filled(fill.client_order_id or "") for fill in new}
        for fill in new:
            left[fill.client_order_id] -= fill.quantity
        for fill in new:
            name = fill.client_order_id
            left[name] += fill.quantity
            row, number = self._at_venue.orders.get(name or ""), self._number_of(fill)
            leaves = _ZERO if row is None else row.intent.quantity - left[name]
            bar_ms = floor_ms(to_ms(fill.ts), self._step_ms)
            sign = 1 if fill.side == "buy" else -1
            amounts = (float(fill.signed_quantity), float(fill.price), float(fill.fee))
            rest = float(sign * leaves) if number else 0.0
            yield BookedFill(0, bar_ms, *amounts, fill.reason, number, rest)
        self._told |= {fill.trade_id: to_ms(fill.ts) for fill in new}
        oldest = max(self._told.values(), default=0) - _REMEMBERED_MS
        self._told = {name: ts_ms for name, ts_ms in self._told.items() if ts_ms > oldest}

    def _number_of(self, fill: Fill) -> int:
        """Return the number of the strategy's order that was filled; 0 if it was none of them."""
        row = self._at_venue.orders.get(fill.client_order_id or "")
        return 0 if row is None else number_of(row.intent.purpose)

    def _leaves(self, number: int, wish: _Wish | None = None) -> float:
        """Return what is left of an order, base, signed."""
        quantity = (wish or self.wishes[number]).order.quantity
        if number not in self._names:
            return quantity
        left = exact(abs(quantity)) - self._at_venue.filled(self._names[number])
        return float(left if side_of(quantity) == "buy" else -left)

    def _left_of(self, row: PlacedOrder) -> Decimal:
        return abs(row.intent.quantity) - self._at_venue.filled(row.intent.client_order_id)

    def _has_ended(self, number: int) -> bool:
        name = self._names.get(number)
        return name is not None and self._at_venue.orders[name].progress.status in FINAL

    def _is_over(self, name: str) -> bool:
        """Whether an order has ended with all of its fills booked."""
        is_final = self._at_venue.orders[name].progress.status in FINAL
        return is_final and not self._at_venue.unbooked(name)


def _known(most: str | None) -> Decimal | None:
    """Quantity of a document, base; None where that is of an older version."""
    return None if most is None else Decimal(most)
