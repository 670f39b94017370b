"""What an event strategy trades at: its position, its orders, its memory; the driver stands behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.orders import OrderStatus, RestingKind


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """Order that rests.

    Parameters
    ----------
    number
        1, 2, 3 … over the life of the book.
    kind
        ``market``, ``limit`` or ``stop_market``.
    quantity, leaves
        Base, signed: positive buys; as it was placed, and what is left of it.
    price
        Limit or trigger, quote per base; 0 for a market order.
    reduce_only
        Whether it can only bring the position nearer to flat.
    post_only
        Whether it is canceled rather than take.
    expires_ms
        Bars that open from then on don't fill it, milliseconds UTC; None is never.

    Examples
    --------
    >>> from quant_pipelines.sdk import OpenOrder
    >>> order = OpenOrder(1, "limit", quantity=-2.0, leaves=-0.5, price=101.0)
    >>> order.quantity - order.leaves  # sold so far
    -1.5
    """

    number: int
    kind: RestingKind
    quantity: float
    leaves: float
    price: float = 0.0
    reduce_only: bool = False
    post_only: bool = False
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """What happened to an order, or to the position without one.

    Parameters
    ----------
    number
        Of the order; 0 for an exit of the position's own stops.
    status
        ``PARTIALLY_FILLED``, ``FILLED``, ``CANCELED`` or ``EXPIRED``.
    quantity, price
        Of the fill: base, signed, and quote per base; 0 without one.
    leaves
        What is left of the order, base, signed.
    reason
        Exit reason of a fill, such as ``limit_order`` or ``hard_stop``; else why the order ended.
    ts
        Open time of the bar in which it happened, milliseconds UTC.

    Examples
    --------
    >>> from quant_pipelines.sdk import OrderEvent
    >>> event = OrderEvent(1, "PARTIALLY_FILLED", 1.5, price=99.0, leaves=0.5, reason="limit_order", ts=0)
    >>> event.quantity * event.price  # quote that the fill cost, before its fee
    148.5
    """

    number: int
    status: OrderStatus
    quantity: float
    price: float
    leaves: float
    reason: str
    ts: int


class Asked(NamedTuple):
    """Order that a strategy asks a desk for, of a size and a price that can be; see ``Desk``.

    Examples
    --------
    >>> from quant_pipelines.sdk.desk import Asked
    >>> Asked("stop_market", size=-0.5, price=97.0).reduce_only
    False
    """

    kind: RestingKind
    size: float
    price: float = 0.0
    reduce_only: bool = False
    post_only: bool = False
    expires_bars: int = 0


def require_kind(kind: RestingKind, kinds: Sequence[RestingKind]) -> None:
    """Prove that a strategy declares the kind of an order.

    Raises
    ------
    StrategyError
        If it doesn't.

    Examples
    --------
    >>> from quant_pipelines.sdk.desk import require_kind
    >>> require_kind("market", ("limit",))
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: order is market; expected one of order_kinds: limit
    """
    if kind not in kinds:
        raise StrategyError(f"order is {kind}; expected one of order_kinds: {', '.join(kinds)}")


class Desk(Protocol):
    """Position, orders and memory of one event strategy, as of the close of the last execution bar.

    Sizes are in [-1, 1]: the share of a full position that the sizer allows, positive buys. All orders that
    could open and have not filled, taken together with what is held, never exceed a full position nor a
    limit: what goes beyond is cut off or refused. An order that only brings the position nearer to flat is
    never refused and becomes ``reduce_only``; such an order ends with the position. With
    ``reduce_only=True`` the size is the share of the held position, in (0, 1].

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.desk import TrialDesk
    >>> desk = TrialDesk()
    >>> desk.limit(0.5, 99.0)  # buy half of a full position below 99
    1
    >>> [(order.number, order.leaves, order.price) for order in desk.orders]
    [(1, 0.5, 99.0)]
    >>> desk.cancel(1), desk.orders
    (True, ())
    """

    memory: dict[str, Any]
    """JSON document that is kept from one call to the next, and over restarts."""

    @property
    def position(self) -> float:
        """Base, signed; positive is long."""

    @property
    def entry_price(self) -> float:
        """Average price of the position, quote per base; 0 when flat."""

    @property
    def equity(self) -> float:
        """Quote, at the last close."""

    @property
    def price(self) -> float:
        """Last close, quote per base."""

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """Orders that rest, oldest first."""

    @property
    def features(self) -> Mapping[str, float]:
        """Newest value of each of the strategy's ``features``, at the last bar that it was given."""

    def limit(
        self,
        size: float,
        price: float,
        *,
        reduce_only: bool = False,
        post_only: bool = False,
        expires_bars: int = 0,
    ) -> int:
        """Place a limit order; it fills only when the price trades through it.

        Returns
        -------
        int
            Its number, or 0 if it is refused or too small. ``expires_bars`` counts strategy bars; 0 is never.

        Raises
        ------
        StrategyError
            If size or price can't be.
        """
        flags = (reduce_only, post_only, int(expires_bars))
        return self._place(Asked("limit", _share(size), _positive(price), *flags))

    def stop_market(self, size: float, price: float, *, reduce_only: bool = False) -> int:
        """Place an order that is a market order once the price is at its trigger; returns as ``limit``."""
        return self._place(Asked("stop_market", _share(size), _positive(price), reduce_only))

    def market(self, size: float, *, reduce_only: bool = False) -> int:
        """Place an order for the next open; returns as ``limit``."""
        return self._place(Asked("market", _share(size), 0.0, reduce_only))

    def cancel(self, number: int) -> bool:
        """Cancel an order; False if it doesn't rest."""

    def cancel_all(self) -> None:
        """Cancel every order that rests."""
        for order in self.orders:
            self.cancel(order.number)

    def _place(self, asked: Asked) -> int:
        """Size it, and let it rest if it may; returns its number or 0."""


def _share(size: float) -> float:
    size = float(size)
    if not abs(size) <= 1.0:
        raise StrategyError(f"size is {size}; expected -1 to 1")
    return size


def _positive(price: float) -> float:
    price = float(price)
    if not 0.0 < price < math.inf:
        raise StrategyError(f"price is {price}; expected a positive number")
    return price
