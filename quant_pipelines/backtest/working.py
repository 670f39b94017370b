"""The orders that rest at a book: placed and taken back at a close, matched in a bar, stored in JSON."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_pipelines.backtest.resting import (
    AGE,
    EXPIRED,
    EXPIRES,
    FILL_WIDTH,
    FILLED,
    KIND,
    LEAVES,
    NOTHING_TO_REDUCE,
    NUMBER,
    OPEN,
    POSITION_CLOSED,
    POST_ONLY,
    PRICE,
    REDUCE_ONLY,
    STATUS,
    WAIT,
    WIDTH,
    WOULD_CROSS,
    room_for,
)
from quant_pipelines.backtest.resting_step import RestingOutcome, step_orders
from quant_pipelines.backtest.state import BookState, StepBar, StepTerms
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.sdk.desk import OpenOrder
from quant_pipelines.trading.resting import Resting

KINDS = ("market", "limit", "stop_market")
_ENDS = {
    POSITION_CLOSED: ("CANCELED", "the position that it reduces is closed"),
    WOULD_CROSS: ("CANCELED", "post-only, and the open was through its price"),
    EXPIRED: ("EXPIRED", "its time is over"),
    NOTHING_TO_REDUCE: ("CANCELED", "it only reduces, and there was nothing to reduce"),
}


@dataclass(frozen=True, slots=True)
class NewOrder:
    """Order to place; see ``sdk.desk.OpenOrder``."""

    kind: str
    quantity: float
    price: float = 0.0
    reduce_only: bool = False
    post_only: bool = False
    expires_ms: int | None = None


class WorkingOrders:
    """Orders of one book, oldest first.

    They are rows of a list between two bars and of an array within one: a strategy that places many orders
    at a close would copy an array for each.
    """

    def __init__(self) -> None:
        self._rows: list[list[float]] = []
        self._placed: list[NewOrder] = []
        self._array: FloatArray | None = None
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def orders(self) -> tuple[OpenOrder, ...]:
        """What rests."""
        return tuple(
            OpenOrder(
                int(row[NUMBER]),
                KINDS[int(row[KIND])],
                placed.quantity,
                row[LEAVES],
                placed.price,
                placed.reduce_only,
                placed.post_only,
                placed.expires_ms,
            )
            for row, placed in zip(self._rows, self._placed, strict=True)
        )

    @property
    def may_open(self) -> Resting:
        """Base quantities that may open on either side."""
        buys = sells = 0.0
        for row in self._rows:
            if not row[REDUCE_ONLY]:
                buys += max(row[LEAVES], 0.0)
                sells += max(-row[LEAVES], 0.0)
        return Resting(buys, sells)

    def place(self, order: NewOrder, wait_bars: int) -> int:
        """Add an order; returns its number."""
        self._last_number += 1
        row = [0.0] * WIDTH
        row[NUMBER], row[KIND] = float(self._last_number), float(KINDS.index(order.kind))
        row[LEAVES], row[PRICE] = order.quantity, order.price
        row[REDUCE_ONLY], row[POST_ONLY] = float(order.reduce_only), float(order.post_only)
        row[WAIT] = float(wait_bars)
        row[EXPIRES] = math.inf if order.expires_ms is None else float(order.expires_ms)
        self._rows.append(row)
        self._placed.append(order)
        self._array = None
        return self._last_number

    def cancel(self, number: int) -> bool:
        """Take an order back; False if it doesn't rest."""
        for at, row in enumerate(self._rows):
            if row[NUMBER] == number:
                del self._rows[at], self._placed[at]
                self._array = None
                return True
        return False

    def step(
        self, state: BookState, bar: StepBar, terms: StepTerms
    ) -> tuple[RestingOutcome, list[list[float]], list[tuple[int, str, float, str]]]:
        """Match a bar: the outcome, its fills in order, and number, status, rest and reason of what ended."""
        orders, fills = self.arrays()
        outcome = step_orders(state, bar, terms, orders, fills)
        return outcome, *self.read(fills, outcome.n_fills)

    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Orders as compiled code changes them, and room for the fills of a bar."""
        if self._array is None:
            self._array = np.array(self._rows).reshape(-1, WIDTH)
        return self._array, np.empty((room_for(len(self)), FILL_WIDTH))

    def read(
        self, fills: FloatArray, n_fills: int
    ) -> tuple[list[list[float]], list[tuple[int, str, float, str]]]:
        """Take over what compiled code made of the arrays: fills, and what ended unfilled."""
        if self._array is not None:
            self._rows = self._array.tolist()
        ended: list[tuple[int, str, float, str]] = []
        if any(row[STATUS] != OPEN for row in self._rows):
            ended = self._take_out()
        return fills[:n_fills].tolist(), ended

    def _take_out(self) -> list[tuple[int, str, float, str]]:
        """Keep what is still open."""
        ended = []
        for row in self._rows:
            if row[STATUS] > FILLED:
                status, reason = _ENDS[int(row[STATUS])]
                ended.append((int(row[NUMBER]), status, row[LEAVES], reason))
        stays = [row[STATUS] == OPEN for row in self._rows]
        self._rows = [row for row, kept in zip(self._rows, stays, strict=True) if kept]
        self._placed = [order for order, kept in zip(self._placed, stays, strict=True) if kept]
        self._array = None
        return ended

    def to_document(self) -> dict[str, Any]:
        """State as JSON members; floats keep their last digit."""
        orders = [
            {
                "number": int(row[NUMBER]),
                "kind": KINDS[int(row[KIND])],
                "quantity": placed.quantity,
                "leaves": row[LEAVES],
                "price": placed.price,
                "reduce_only": placed.reduce_only,
                "post_only": placed.post_only,
                "expires_ms": placed.expires_ms,
                "wait_bars": int(row[WAIT]),
                "has_rested": bool(row[AGE]),
            }
            for row, placed in zip(self._rows, self._placed, strict=True)
        ]
        return {"orders": orders, "last_order": self._last_number}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "WorkingOrders":
        """Orders of a document that ``to_document`` made; an older one has none."""
        working = cls()
        for one in document.get("orders", ()):
            order = NewOrder(
                one["kind"],
                float(one["quantity"]),
                float(one["price"]),
                one["reduce_only"],
                one["post_only"],
                one["expires_ms"],
            )
            working._last_number = one["number"] - 1
            working.place(order, one["wait_bars"])
            row = working._rows[-1]
            row[LEAVES], row[AGE] = float(one["leaves"]), float(one["has_rested"])
        working._last_number = int(document.get("last_order", 0))
        return working
