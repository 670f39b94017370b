"""The orders that rest at a book, as Python sees them: placed and taken back at a close, stored in JSON."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import numpy as np

from quant_pipelines.backtest.bar.resting import FILL_WIDTH, Sheet, room_for
from quant_pipelines.backtest.bar.resting_rows import (
    AGE,
    CAPACITY,
    EXPIRED,
    EXPIRES,
    FILLED,
    KIND,
    LEAVES,
    LIQUIDATED,
    NOTHING_LEFT,
    NOTHING_TO_REDUCE,
    NUMBER,
    POSITION_CLOSED,
    POST_ONLY,
    PRICE,
    QUANTITY,
    REDUCE_ONLY,
    STATUS,
    WAIT,
    WOULD_CROSS,
    Orders,
    Wanted,
    may_open_of,
    n_swept,
    n_without,
    no_orders,
    write_row,
)
from quant_pipelines.backtest.book.values import OrderEnded
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.cells import view_of
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.orders import OrderStatus, RestingKind
from quant_pipelines.sdk.desk import OpenOrder
from quant_pipelines.trading.resting import Resting

KINDS: tuple[RestingKind, ...] = get_args(RestingKind)
_ENDS: dict[int, tuple[OrderStatus, str]] = {
    POSITION_CLOSED: ("CANCELED", "the position that it reduces is closed"),
    WOULD_CROSS: ("CANCELED", "post-only, and the open was through its price"),
    LIQUIDATED: ("CANCELED", "its margin is liquidated"),
    EXPIRED: ("EXPIRED", "its time is over"),
    NOTHING_LEFT: ("CANCELED", "nothing is left of the account to open with"),
    NOTHING_TO_REDUCE: ("CANCELED", "it only reduces, and there was nothing to reduce"),
}


class NewOrder(NamedTuple):
    """Order to place; see ``sdk.desk.OpenOrder``."""

    kind: RestingKind
    quantity: float
    price: float = 0.0
    reduce_only: bool = False
    post_only: bool = False
    expires_ms: int | None = None


class WorkingOrders:
    """Orders of one book, oldest first."""

    def __init__(self) -> None:
        self._orders = no_orders()
        self._fills = np.empty((room_for(CAPACITY), FILL_WIDTH))
        self._may_open = np.zeros(2)

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """What rests."""
        return tuple(map(_open_order, self._rows()))

    @property
    def table(self) -> Orders:
        """What rests, as compiled code has it."""
        return self._orders

    @property
    def room_of_fills(self) -> FloatArray:
        """Rows that a bar's fills are written to; see ``Sheet``."""
        return self._fills

    @classmethod
    def of(cls, orders: Orders) -> "WorkingOrders":
        """Orders as compiled code has left them."""
        working = cls()
        working._orders = orders
        return working

    @property
    def may_open(self) -> Resting:
        """Base quantities that may open on either side."""
        may_open_of(self._orders.rows, self._orders.n, self._may_open)
        return Resting(*self._may_open.tolist())

    @property
    def sheet(self) -> Sheet:
        """Arrays that a bar changes; see ``ended`` and ``fills``."""
        return Sheet(self._orders.rows[: self._orders.n], self._fills)

    def place(self, order: NewOrder, wait_bars: int) -> int:
        """Add an order; returns its number.

        Raises
        ------
        BacktestError
            If as many rest as there is room for.
        """
        expires = math.inf if order.expires_ms is None else float(order.expires_ms)
        amounts = (float(order.quantity), float(order.price))
        flags = (bool(order.reduce_only), bool(order.post_only))
        wanted = Wanted(KINDS.index(order.kind), *amounts, *flags, expires, int(wait_bars))
        rows, n, last = self._orders
        if n >= CAPACITY:
            raise BacktestError(f"{n} orders rest at the book; expected fewer to place another")
        write_row(view_of(rows[n]), last + 1, wanted)
        self._orders = Orders(rows, n + 1, last + 1)
        return last + 1

    def cancel(self, number: int) -> bool:
        """Take an order back; False if it doesn't rest."""
        rows, n_before, last = self._orders
        n = n_without(rows, n_before, int(number))
        self._orders = Orders(rows, n, last)
        return n < n_before

    def fills(self, n_fills: int) -> list[list[float]]:
        """Rows of the fills of a bar, in order."""
        rows: list[list[float]] = self._fills[:n_fills].tolist()
        return rows

    def liquidated(self, ts: int) -> Iterator[OrderEnded]:
        """Take out all of them after the bar that opened at ``ts``; each is told."""
        self.sheet.orders[:, STATUS] = LIQUIDATED
        return self.ended(ts)

    def ended(self, ts: int) -> Iterator[OrderEnded]:
        """Take out what has ended in the bar that opened at ``ts``; what ended unfilled is told."""
        rows = self._rows()
        (table, n, last) = self._orders
        self._orders = Orders(table, n_swept(table, n), last)
        for row in rows:
            if row[STATUS] > FILLED:
                status, reason = _ENDS[int(row[STATUS])]
                yield OrderEnded(ts, int(row[NUMBER]), status, row[LEAVES], reason)

    def to_document(self) -> dict[str, Any]:
        """State as JSON members; floats keep their last digit."""
        orders = [
            {
                "number": int(row[NUMBER]),
                "kind": KINDS[int(row[KIND])],
                "quantity": row[QUANTITY],
                "leaves": row[LEAVES],
                "price": row[PRICE],
                "reduce_only": bool(row[REDUCE_ONLY]),
                "post_only": bool(row[POST_ONLY]),
                "expires_ms": _known(row[EXPIRES]),
                "wait_bars": int(row[WAIT]),
                "has_rested": bool(row[AGE]),
            }
            for row in self._rows()
        ]
        return {"orders": orders, "last_order": self._orders.last}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "WorkingOrders":
        """Orders of a document that ``to_document`` made; an older one has none.

        Raises
        ------
        BacktestError
            If there are more than there is room for, as only a document from before there was a limit has.
        """
        working, stored = cls(), document.get("orders", ())
        if len(stored) > CAPACITY:
            raise BacktestError(
                f"{len(stored):,} orders rest at the stored book; expected at most {CAPACITY:,}"
            )
        for one in stored:
            given = ("kind", "quantity", "price", "reduce_only", "post_only", "expires_ms")
            working._orders = working._orders._replace(last=one["number"] - 1)
            working.place(NewOrder(*(one[name] for name in given)), one["wait_bars"])
            row = working._orders.rows[working._orders.n - 1]
            row[LEAVES], row[AGE] = float(one["leaves"]), float(one["has_rested"])
        working._orders = working._orders._replace(last=int(document.get("last_order", 0)))
        return working

    def _rows(self) -> list[list[float]]:
        rows: list[list[float]] = self._orders.rows[: self._orders.n].tolist()
        return rows


def _open_order(row: list[float]) -> OpenOrder:
    return OpenOrder(
        int(row[NUMBER]),
        KINDS[int(row[KIND])],
        row[QUANTITY],
        row[LEAVES],
        row[PRICE],
        bool(row[REDUCE_ONLY]),
        bool(row[POST_ONLY]),
        _known(row[EXPIRES]),
    )


def _known(expires_ms: float) -> int | None:
    return int(expires_ms) if expires_ms < math.inf else None
