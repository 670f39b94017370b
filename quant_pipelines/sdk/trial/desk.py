"""A desk for trials: an event strategy is called on made-up bars, and what it does is written down.

Its fills only keep the strategy going: each order fills whole, at its own price, without costs. What orders
really do is the kernel's.
"""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.orders import OrderStatus, RestingKind
from quant_pipelines.sdk.desk import Asked, Desk, OpenOrder, OrderEvent, require_kind
from quant_pipelines.sdk.event import EventStrategy, features_of, told

_EQUITY = 10_000.0


class Act(NamedTuple):
    """What a strategy did at a bar: ``limit``, ``stop_market``, ``market`` or ``cancel``; size and price.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.desk import TrialDesk
    >>> desk = TrialDesk()
    >>> _ = desk.limit(0.5, 99.0)
    >>> desk.acts
    [Act(bar=0, kind='limit', size=0.5, price=99.0)]
    """

    bar: int
    kind: str
    size: float
    price: float


class TrialDesk(Desk):
    """See ``desk.Desk``; positions are shares of a full one, a full one is one unit.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars
    >>> from quant_pipelines.sdk.trial.desk import TrialDesk
    >>> bars, desk = Bars.of_closes([100, 98, 99]), TrialDesk()
    >>> desk.limit(0.5, 99.0)
    1
    >>> events = [desk.match(bars, at) for at in range(3)]
    >>> [len(found) for found in events], events[1][0].status  # bar 1 trades through the price
    ([0, 1, 0], 'FILLED')
    >>> desk.position, desk.entry_price
    (0.5, 99.0)
    """

    position = 0.0
    entry_price = 0.0
    equity = _EQUITY
    price = 0.0
    orders: tuple[OpenOrder, ...] = ()
    features: Mapping[str, float] = MappingProxyType({})

    def __init__(self, kinds: tuple[RestingKind, ...] = EventStrategy.order_kinds) -> None:
        self.memory: dict[str, Any] = {}
        self._kinds = kinds
        self.acts: list[Act] = []
        self._bar = 0
        self._number = 0

    def cancel(self, number: int) -> bool:
        """Cancel an order."""
        kept = tuple(order for order in self.orders if order.number != number)
        is_canceled = len(kept) < len(self.orders)
        self.orders = kept
        if is_canceled:
            self.acts.append(Act(self._bar, "cancel", float(number), 0.0))
        return is_canceled

    def match(self, bars: Bars, at: int) -> list[OrderEvent]:
        """Fill what a bar reaches, and end what is expired."""
        self._bar, self.price = at, float(bars.close[at])
        reach = (float(bars.low[at]), float(bars.high[at]))
        events, kept = [], []
        for order in self.orders:
            if order.expires_ms is not None and at > order.expires_ms:
                events.append(self._event(order, "EXPIRED", 0.0, int(bars.ts[at])))
            elif order.reduce_only and not order.leaves * self.position < 0.0:
                events.append(self._event(order, "CANCELED", 0.0, int(bars.ts[at])))
            elif _is_reached(order, *reach):
                self._fill(order, order.price or float(bars.open[at]))
                events.append(self._event(order, "FILLED", order.leaves, int(bars.ts[at])))
            else:
                kept.append(order)
        self.orders = tuple(kept)
        return events

    def _event(self, order: OpenOrder, status: OrderStatus, quantity: float, ts: int) -> OrderEvent:
        left = 0.0 if quantity else order.leaves
        return OrderEvent(order.number, status, quantity, order.price, left, f"{order.kind}_order", ts)

    def _fill(self, order: OpenOrder, price: float) -> None:
        held, self.position = self.position, self.position + order.leaves
        if abs(self.position) < 1e-12:
            self.position = 0.0
        if held * self.position <= 0.0:
            self.entry_price = price if self.position else 0.0
        elif abs(self.position) > abs(held):
            self.entry_price += (price - self.entry_price) * order.leaves / self.position

    def _place(self, asked: Asked) -> int:
        require_kind(asked.kind, self._kinds)
        self.acts.append(Act(self._bar, asked.kind, asked.size, asked.price))
        quantity = -asked.size * self.position if asked.reduce_only else asked.size
        room = 1.0 - abs(self.position + quantity)
        if quantity == 0.0 or (not asked.reduce_only and room < 0.0):
            return 0
        self._number += 1
        expires = self._bar + asked.expires_bars if asked.expires_bars else None
        flags = (asked.reduce_only, asked.post_only, expires)
        self.orders += (OpenOrder(self._number, asked.kind, quantity, quantity, asked.price, *flags),)
        return self._number


def trial(strategy: EventStrategy, bars: Bars, first: int = 0) -> TrialDesk:
    """Desk after a strategy was called on bars, from the one at ``first`` on.

    Raises
    ------
    StrategyError
        If it raises, or asks for what can't be.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, EventStrategy
    >>> from quant_pipelines.sdk.trial.desk import trial
    >>> class Rung(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         desk.memory = {"bars": len(bars)}
    ...         desk.limit(0.25, desk.price - 1.0)
    >>> desk = trial(Rung(), Bars.of_closes([100, 98, 99]))
    >>> [act.price for act in desk.acts], desk.position, desk.memory
    ([99.0, 97.0, 98.0], 0.25, {'bars': 3})
    """
    desk = TrialDesk(strategy.order_kinds)
    features = {name: values.tolist() for name, values in features_of(strategy, bars).items()}
    closes = bars.close_ts.tolist()
    for at in range(first, len(bars)):
        events, known = desk.match(bars, at), bars.rows(0, at + 1)
        desk.features = {name: values[at] for name, values in features.items()}
        if at == first:
            told(strategy, desk, partial(strategy.on_start, desk), closes[at])
        for event in events:
            told(strategy, desk, partial(strategy.on_order, desk, event), closes[at])
        told(strategy, desk, partial(strategy.on_bar, desk, known), closes[at])
    return desk


def _is_reached(order: OpenOrder, low: float, high: float) -> bool:
    if order.kind == "market":
        return True
    if order.kind == "limit":
        return low < order.price if order.leaves > 0.0 else high > order.price
    return high >= order.price if order.leaves > 0.0 else low <= order.price
