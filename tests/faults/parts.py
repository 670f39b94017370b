"""What enters in parts: never more than was decided (I4), never early and one part at a time (I11).

By the rows and the orders as they leave; the parts of a decision are its order and what follows as remainder.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.ids import deployment_of
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import ENTRIES, TARGET
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.requests import Asked

_EARLY_MS = 300
"""How much later than it was written down the begin of an entry may be seen here."""


class _Sent(NamedTuple):
    """Orders of a decision up to one of them, oldest first, all that was decided, and its slice, if any."""

    orders: list[PlacedOrder]
    whole: Decimal
    slice: Decimal | None


class PartRules:
    """Looks at every entry that is sent.

    Parameters
    ----------
    evidence
        What it reads.
    entry
        Tells how orders enter.
    """

    def __init__(self, evidence: Evidence, entry: Callable[[], EntrySettings]) -> None:
        self._evidence = evidence
        self._entry_of = entry
        self._findings = Findings(evidence)
        self._begun_ms: dict[str, int] = {}
        self._n_read = 0

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Note when orders are about to be sent."""
        log = self._evidence.journal.tables.log
        for one in log[self._n_read :]:
            if one.table == "orders" and one.row[0][0] == "SUBMITTED":
                self._begun_ms.setdefault(one.key[0], self._evidence.now_ms())
        self._n_read = len(log)

    def look_at_rest(self) -> None:
        """Nothing: what was sent was looked at then."""

    def look_at_order(self, asked: Asked) -> None:
        """Compare an entry that is sent just now with the others of its decision."""
        self.look()
        name = asked.client_id
        order = self._evidence.journal.tables.orders.get(name)
        if asked.amends or order is None or order.intent.purpose not in ENTRIES:
            return
        sent = self._sent(name)
        if sent is None:
            return
        out = sum((_out(one) for one in sent.orders), Decimal(0))
        if out > sent.whole:
            self._findings.violated("I4", f"parts up to {name} sum to {out} of {sent.whole}")
        if others := [one.intent.client_order_id for one in sent.orders[:-1] if not _has_ended(one)]:
            self._findings.violated("I11", f"part {name} is sent beside {others}")
        if sent.slice is not None:
            self._is_due(sent, out, order)

    def _is_due(self, sent: _Sent, out: Decimal, order: PlacedOrder) -> None:
        """Whether a part is no larger than it may be by now."""
        name, slice_, entry = order.intent.client_order_id, sent.slice, self._entry_of()
        assert slice_ is not None
        if entry.order == "iceberg" and order.intent.order_type == "limit":
            if order.intent.quantity > slice_:
                self._findings.violated("I11", f"part {name} shows more than {slice_}")
        elif entry.order == "twap":
            begun_ms = self._begun_ms[sent.orders[0].intent.client_order_id]
            n_parts = math.ceil(sent.whole / slice_)
            since = Decimal(self._evidence.now_ms() - begun_ms + _EARLY_MS)
            n_due = 1 + since // (Decimal(str(entry.seconds)) * 1000 / n_parts)
            if out > n_due * slice_:
                self._findings.violated(
                    "I11", f"part {name} is early: {out} are out, {n_due} of {slice_} due"
                )

    def _sent(self, name: str) -> _Sent | None:
        tables, key = self._evidence.journal.tables, deployment_of(name)
        orders = list[PlacedOrder]()
        for known, one in tables.orders.items():
            if deployment_of(known) == key and one.intent.purpose in ENTRIES:
                orders = [one] if one.intent.purpose == TARGET else [*orders, one]
            if known == name:
                break
        if not orders or orders[0].intent.purpose != TARGET:
            return None
        signal = tables.signals.get((key, orders[0].intent.bar_close))
        if signal is None:
            return None
        part = signal.decision.get("slice")
        whole = abs(Decimal(repr(float(signal.decision["order_quantity"]))))
        return _Sent(orders, whole, None if part is None else Decimal(repr(part)))


def _has_ended(order: PlacedOrder) -> bool:
    return order.progress.status in FINAL


def _out(order: PlacedOrder) -> Decimal:
    """What an order has bought or sold, or may yet."""
    return order.progress.filled_quantity if _has_ended(order) else order.intent.quantity
