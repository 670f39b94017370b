"""Orders that rest, as rows of one array of fixed capacity: placed, taken back, and swept once they end.

Rows are changed in place. Nothing is matched or sized here; see ``resting_step`` and ``trading.resting``.
"""

from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.jit import change_of, inlined, kernel, scalar, shared
from quant_pipelines.trading.resting import Resting

(
    NUMBER,
    KIND,
    QUANTITY,
    LEAVES,
    PRICE,
    REDUCE_ONLY,
    POST_ONLY,
    WAIT,
    EXPIRES,
    AGE,
    STATUS,
    TRIED,
) = range(12)
"""Columns of an order: its number, kind, signed base quantity as placed and what is left of it, limit or
trigger price (0 for a market order), two flags, execution bars that it still waits for (latency), time from
which on it is expired (infinite is never), whether it has rested in a bar, status, and whether this bar has
had its turn."""
WIDTH = TRIED + 1
CAPACITY = 1_024
"""Orders that can rest at one book; venues allow a few hundred for a symbol."""
MARKET, LIMIT, STOP = range(3)
(
    OPEN,
    FILLED,
    POSITION_CLOSED,
    WOULD_CROSS,
    EXPIRED,
    NOTHING_TO_REDUCE,
    CANCELED,
    LIQUIDATED,
    NOTHING_LEFT,
) = range(9)


class Orders(NamedTuple):
    """Orders of one book, oldest first.

    Parameters
    ----------
    rows
        Shape (CAPACITY, WIDTH), float64; what stands from row ``n`` on has no meaning.
    n
        Orders that rest.
    last
        Number of the newest order that was ever placed; 0 before the first.
    """

    rows: FloatArray
    n: int
    last: int


class Wanted(NamedTuple):
    """Order to place; ``expires_ms`` is infinite for never, ``wait_bars`` the latency in execution bars."""

    kind: int
    quantity: float
    price: float
    reduce_only: bool
    post_only: bool
    expires_ms: float
    wait_bars: int


_grown = change_of(Orders, "n", "last")
_shrunk = change_of(Orders, "n")


def no_orders() -> Orders:
    """Room for the orders of one book."""
    return Orders(np.zeros((CAPACITY, WIDTH)), 0, 0)


@shared
def write_row(row: Any, number: int, wanted: Wanted) -> None:
    """Write an order that was just placed."""
    row[NUMBER], row[KIND] = number, wanted.kind
    row[QUANTITY] = row[LEAVES] = wanted.quantity
    row[PRICE], row[EXPIRES] = wanted.price, wanted.expires_ms
    row[REDUCE_ONLY], row[POST_ONLY] = wanted.reduce_only, wanted.post_only
    row[WAIT], row[AGE], row[STATUS], row[TRIED] = wanted.wait_bars, 0.0, OPEN, 0.0


@inlined
def placed(orders: Orders, wanted: Wanted) -> Orders:
    """Orders with a new one, whose number is ``last``; the same ones where no row is free."""
    if orders.n >= orders.rows.shape[0]:
        return orders
    number = orders.last + 1
    write_row(orders.rows[orders.n], number, wanted)
    return _grown(orders, n=orders.n + 1, last=number)


@inlined
def _open_rows(orders: Orders) -> int:
    """Move the rows that are open together; how many there are."""
    n = 0
    for at in range(orders.n):
        if orders.rows[at, STATUS] != OPEN:
            continue
        if n < at:
            for column in range(WIDTH):
                orders.rows[n, column] = orders.rows[at, column]
        n += 1
    return n


@scalar
def swept(orders: Orders) -> Orders:
    """Orders without those that have ended."""
    return _shrunk(orders, _open_rows(orders))


@inlined
def none_left(orders: Orders) -> Orders:
    """No orders, with the number of the newest one."""
    return _shrunk(orders, 0)


@scalar
def canceled(orders: Orders, number: int) -> Orders:
    """Orders without the one of a number; the same ones if it doesn't rest."""
    for at in range(orders.n):
        if orders.rows[at, NUMBER] == number:
            orders.rows[at, STATUS] = CANCELED
    return _shrunk(orders, _open_rows(orders))


@kernel
def n_without(rows: FloatArray, n: int, number: int) -> int:
    """Take the order of a number out of rows; how many are left."""
    return canceled(Orders(rows, n, 0), number).n


@kernel
def n_swept(rows: FloatArray, n: int) -> int:
    """Take the orders that have ended out of rows; how many are left."""
    return swept(Orders(rows, n, 0)).n


@scalar
def canceled_exits(orders: Orders, position: float) -> Orders:
    """Orders without those that only reduce, or are against a position."""
    for at in range(orders.n):
        if orders.rows[at, REDUCE_ONLY] > 0.0 or orders.rows[at, LEAVES] * position < 0.0:
            orders.rows[at, STATUS] = CANCELED
    return _shrunk(orders, _open_rows(orders))


@scalar
def may_open(orders: Orders) -> Resting:
    """Return the base quantities that may open on either side."""
    buys = sells = 0.0
    for at in range(orders.n):
        if orders.rows[at, REDUCE_ONLY] == 0.0:
            buys += max(orders.rows[at, LEAVES], 0.0)
            sells += max(-orders.rows[at, LEAVES], 0.0)
    return Resting(buys, sells)


@kernel
def may_open_of(rows: FloatArray, n: int, found: FloatArray) -> None:
    """Write what of rows may open on either side; see ``may_open``."""
    found[0], found[1] = may_open(Orders(rows, n, 0))
