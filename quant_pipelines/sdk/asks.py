"""What a compiled handler is called with, and the compiled functions by which it asks for orders.

They only write down what is asked for: whoever has called the handler sizes each order, asks the risk
rules and places it, in this order, as soon as the handler is done.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import scalar

ACT, SIZE, PRICE, REDUCE_ONLY, POST_ONLY, EXPIRES_BARS = range(6)
"""Columns of what is asked for: an act, the size or the number of an order, and the order's other terms."""
MARKET, LIMIT, STOP_MARKET, CANCEL, CANCEL_ALL, CANCEL_EXITS = range(6)
CAPACITY = 128
"""Acts of one call; row 0 counts them, and what is beyond the capacity is counted only."""
NO_REASON = -1.0
Named: TypeAlias = Any
"""Numbers by name, in the annotation of a handler: ``row``, ``params`` and ``memory``."""


class View(NamedTuple):
    """Book at the close of the last execution bar, as a handler sees it.

    Parameters
    ----------
    price
        Last close, quote per base.
    position, entry_price
        Base, signed, and its average price; 0 when flat.
    equity
        Quote.
    n_orders
        Orders that rest.

    Examples
    --------
    >>> from quant_pipelines.sdk import View
    >>> View(price=100.0, position=-2.0, entry_price=101.0, equity=10_000.0, n_orders=1.0).position < 0.0
    True
    """

    price: float
    position: float
    entry_price: float
    equity: float
    n_orders: float


class OrderNews(NamedTuple):
    """What happened to an order, or to the position without one; see ``OrderEvent``.

    Parameters
    ----------
    number
        Of the order; 0 for an exit of the position's own stops.
    quantity, price
        Of the fill: base, signed, and quote per base; 0 where the order ended without one.
    leaves
        What is left of the order, base, signed.
    reason
        Of a fill, to be compared with names such as ``HARD_STOP``; -1 where an order ended without one.

    Examples
    --------
    >>> from quant_pipelines.core.exits import HARD_STOP
    >>> from quant_pipelines.sdk import OrderNews
    >>> OrderNews(0.0, -1.5, price=95.0, leaves=0.0, reason=float(HARD_STOP)).reason == HARD_STOP
    True
    """

    number: float
    quantity: float
    price: float
    leaves: float
    reason: float


NO_EVENT = OrderNews(0.0, 0.0, 0.0, 0.0, NO_REASON)


def no_asks() -> FloatArray:
    """Room for what a handler asks for.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import cancel_all, limit, no_asks
    >>> orders = no_asks()
    >>> cancel_all(orders)
    >>> limit(orders, 0.5, 99.0, post_only=True)
    >>> orders[: int(orders[0, 0]) + 1, :5].tolist()  # their number, then the act, size, price and two flags
    [[2.0, 0.0, 0.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.5, 99.0, 0.0, 1.0]]
    """
    return np.zeros((CAPACITY + 1, EXPIRES_BARS + 1))


@scalar
def _asked(orders: FloatArray, act: int, size: float, price: float) -> int:
    """Row of a new act, without its other terms; beyond the capacity the last one is written over."""
    row = min(int(orders[0, 0]) + 1, CAPACITY)
    orders[0, 0] += 1.0
    orders[row, ACT], orders[row, SIZE], orders[row, PRICE] = act, size, price
    orders[row, REDUCE_ONLY] = orders[row, POST_ONLY] = orders[row, EXPIRES_BARS] = 0.0
    return row


@scalar
def limit(
    orders: FloatArray,
    size: float,
    price: float,
    reduce_only: bool = False,
    post_only: bool = False,
) -> None:
    """Ask for a limit order; the terms are those of ``Desk.limit``.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import limit, no_asks
    >>> orders = no_asks()
    >>> limit(orders, 1.0, 101.0, reduce_only=True)
    >>> orders[1].tolist()
    [1.0, 1.0, 101.0, 1.0, 0.0, 0.0]
    """
    row = _asked(orders, LIMIT, size, price)
    orders[row, REDUCE_ONLY], orders[row, POST_ONLY] = reduce_only, post_only


@scalar
def limit_until(orders: FloatArray, size: float, price: float, expires_bars: float) -> None:
    """Ask for a limit order that ends after so many strategy bars.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import limit_until, no_asks
    >>> orders = no_asks()
    >>> limit_until(orders, 0.5, 99.0, 3)
    >>> orders[1].tolist()
    [1.0, 0.5, 99.0, 0.0, 0.0, 3.0]
    """
    row = _asked(orders, LIMIT, size, price)
    orders[row, EXPIRES_BARS] = expires_bars


@scalar
def stop_market(orders: FloatArray, size: float, price: float, reduce_only: bool = False) -> None:
    """Ask for an order that is a market order once the price is at its trigger; see ``Desk.stop_market``.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import no_asks, stop_market
    >>> orders = no_asks()
    >>> stop_market(orders, 0.5, 105.0)
    >>> orders[1].tolist()
    [2.0, 0.5, 105.0, 0.0, 0.0, 0.0]
    """
    row = _asked(orders, STOP_MARKET, size, price)
    orders[row, REDUCE_ONLY] = reduce_only


@scalar
def market(orders: FloatArray, size: float, reduce_only: bool = False) -> None:
    """Ask for an order for the next open; see ``Desk.market``.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import market, no_asks
    >>> orders = no_asks()
    >>> market(orders, -0.25)
    >>> orders[1].tolist()
    [0.0, -0.25, 0.0, 0.0, 0.0, 0.0]
    """
    row = _asked(orders, MARKET, size, 0.0)
    orders[row, REDUCE_ONLY] = reduce_only


@scalar
def cancel(orders: FloatArray, number: float) -> None:
    """Ask to take back the order of a number; nothing happens if it doesn't rest.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import cancel, no_asks
    >>> orders = no_asks()
    >>> cancel(orders, 7.0)
    >>> orders[1, :2].tolist()
    [3.0, 7.0]
    """
    _asked(orders, CANCEL, number, 0.0)


@scalar
def cancel_all(orders: FloatArray) -> None:
    """Ask to take back every order that rests.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import cancel_all, no_asks
    >>> orders = no_asks()
    >>> cancel_all(orders)
    >>> int(orders[1, 0])
    4
    """
    _asked(orders, CANCEL_ALL, 0.0, 0.0)


@scalar
def cancel_exits(orders: FloatArray) -> None:
    """Ask to take back every order that only reduces, or is against the position that is held.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import cancel_exits, no_asks
    >>> orders = no_asks()
    >>> cancel_exits(orders)
    >>> int(orders[1, 0])
    5
    """
    _asked(orders, CANCEL_EXITS, 0.0, 0.0)


@scalar
def smaller(one: float, other: float) -> float:
    """Return what Python's ``min`` returns, NaN included, which compiled code's does not.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import smaller
    >>> smaller(1.0, 2.0), smaller(float("nan"), 1.0)
    (1.0, nan)
    """
    return min(one, other)


@scalar
def larger(one: float, other: float) -> float:
    """Return what Python's ``max`` returns; see ``smaller``.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import larger
    >>> larger(1.0, 2.0)
    2.0
    """
    return max(one, other)


@scalar
def root(value: float) -> float:
    """Square root; NaN of a negative value.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import root
    >>> root(9.0), root(-1.0)
    (3.0, nan)
    """
    return math.sqrt(value) if value >= 0.0 else math.nan


@scalar
def whole(value: float) -> float:
    """Largest whole number that is not above; NaN and infinite values stay what they are.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import whole
    >>> whole(2.7), whole(-2.2)
    (2.0, -3.0)
    """
    return float(np.floor(value))
