"""What is booked of one deployment, counted by trade, by order and by time."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.trading import Fill, Income, StoredBook

_ZERO = Decimal(0)


class Traded(NamedTuple):
    """Base and quote that were traded, unsigned."""

    quantity: Decimal = _ZERO
    notional: Decimal = _ZERO


class BookTally:
    """Counts of one book.

    Parameters
    ----------
    stored
        What was booked so far, here and in other books.
    """

    def __init__(self, stored: StoredBook) -> None:
        self._trades = set[str]()
        self._changes: list[tuple[datetime, Decimal]] = []
        self._traded: dict[str, Traded] = {}
        self._elsewhere = dict(stored.elsewhere)
        self._paid = set[tuple[str, int]]()
        self._paid_elsewhere = {(kind, to_ms(ts)) for kind, ts in stored.paid_elsewhere}
        self.add(stored.fills, stored.income)

    def add(self, fills: Iterable[Fill], income: Iterable[Income]) -> None:
        """Count what is booked now."""
        for fill in fills:
            self._trades.add(fill.trade_id)
            self._changes.append((fill.ts, fill.signed_quantity))
            if fill.client_order_id is not None:
                before, notional = self.traded(fill.client_order_id), fill.quantity * fill.price
                after = Traded(before.quantity + fill.quantity, before.notional + notional)
                self._traded[fill.client_order_id] = after
        self._paid |= {(row.kind, to_ms(row.ts)) for row in income if row.kind != TRANSFER}

    def add_elsewhere(self, name: str, quantity: Decimal) -> None:
        """Count what an order of this book has filled in another one."""
        if quantity:
            self._elsewhere[name] = self._elsewhere.get(name, _ZERO) + quantity

    def has_trade(self, trade_id: str) -> bool:
        """Whether a trade, or a part of it, is booked here."""
        return trade_id in self._trades

    def has_payment(self, kind: str, ts_ms: int) -> bool:
        """Whether a payment, or a part of it, is booked here, or was in another book when this was opened."""
        return (kind, ts_ms) in self._paid or (kind, ts_ms) in self._paid_elsewhere

    @property
    def paid_until_ms(self) -> int | None:
        """Time of the last payment, milliseconds UTC; None before the first one."""
        return max((ts_ms for _, ts_ms in self._paid), default=None)

    def held_before(self, ts_ms: int) -> Decimal:
        """Position before a moment, base, signed."""
        return sum((change for ts, change in self._changes if to_ms(ts) < ts_ms), _ZERO)

    def traded(self, name: str) -> Traded:
        """Return what an order has traded in this book."""
        return self._traded.get(name, Traded())

    def filled(self, name: str) -> Decimal:
        """Return the base that is booked of an order, in whichever book."""
        return self.traded(name).quantity + self._elsewhere.get(name, _ZERO)
