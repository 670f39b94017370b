"""What may be sent: I4 within the limit, I8 not on old or unequal inputs or in a halt, I9 by one writer.

An order is looked at when it leaves the runner; what only reduces is let through.
"""

from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.core.ids import deployment_of
from quant_pipelines.store.trading import Signal
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import ENTRIES, EXITS, REMAINDER, STOP, number_of
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.requests import Asked

_TOLERANCE = Decimal("1.02")
"""Prices and equity may move so far between the bar that was decided on and the sending."""
_HALTS_WITHIN_MS = 2_000
_OLDEST_DATA_SECONDS = 95.0
"""Age that is refused, and the seconds from the decision to the sending."""
_DIFFERS_WITHIN_MS = 12_000
"""The runner compares every 5 s, and asks four times before it believes a difference."""
_IN_FLIGHT_MS = 1_000
"""What was committed in an epoch may leave so long after the next one has begun; the venue takes no older."""


class _Worst(NamedTuple):
    """Position before and after an order, if everything is filled that still may be."""

    before: Decimal
    after: Decimal


class SendingRules:
    """Looks at every order that is sent.

    Parameters
    ----------
    evidence
        What it reads.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._findings = Findings(evidence)
        self._n_epochs = 0
        self._epoch_began_ms = 0
        self._halted_since_ms: dict[str, int] = {}
        self._differs_since_ms: int | None = None

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Note since when there is a halt, a difference, and a writer."""
        evidence, now = self._evidence, self._evidence.now_ms()
        n_epochs = len(evidence.journal.tables.epochs)
        if n_epochs != self._n_epochs:
            self._n_epochs, self._epoch_began_ms = n_epochs, now
        before = self._halted_since_ms
        self._halted_since_ms = {source: before.get(source, now) for source in evidence.halts()}
        differs = evidence.booked_position() != evidence.held()
        self._differs_since_ms = _since(self._differs_since_ms, now, holds=differs)

    def look_at_rest(self) -> None:
        """Nothing: what was sent was looked at then."""

    def look_at_order(self, asked: Asked) -> None:
        """Check an order that is sent or changed just now."""
        self.look()
        name = asked.client_id
        order = self._evidence.journal.tables.orders.get(name)
        if order is None:
            self._findings.violated("I1", f"order {name} is sent without an intent")
            return
        if asked.amends:
            self._is_allowed(name, order)
            return
        self._is_of_the_writer(name, order)
        if order.intent.purpose in (*EXITS, STOP) or order.intent.reduce_only:
            return
        worst = self._worst(order)
        if abs(worst.after) <= abs(worst.before):
            return
        self._is_allowed(name, order)
        self._is_within_the_limit(name, order, worst)

    def _is_of_the_writer(self, name: str, order: PlacedOrder) -> None:
        epoch, now = int(name[1:].partition("-")[0]), self._evidence.now_ms()
        if order.epoch != epoch:
            self._findings.violated("I9", f"order {name} has an intent of epoch {order.epoch}")
        if epoch != self._n_epochs and now - self._epoch_began_ms > _IN_FLIGHT_MS:
            self._findings.violated("I9", f"order {name} is sent in epoch {self._n_epochs}")

    def _is_allowed(self, name: str, order: PlacedOrder) -> None:
        now, evidence = self._evidence.now_ms(), self._evidence
        for source, since in self._halted_since_ms.items():
            is_of_another = source.startswith("deployment:") and source != f"deployment:{deployment_of(name)}"
            if not is_of_another and now - since > _HALTS_WITHIN_MS:
                self._findings.violated("I8", f"order {name} is sent in a halt of {source} since {since}")
        if evidence.silent_seconds() > _OLDEST_DATA_SECONDS:
            silence = evidence.silent_seconds()
            self._findings.violated("I8", f"order {name} is sent {silence:.0f} s after the last word")
        differs_since_ms = self._differs_since_ms
        if differs_since_ms is not None and now - differs_since_ms > _DIFFERS_WITHIN_MS:
            what = f"order {name} is sent while positions differ since {differs_since_ms}"
            self._findings.violated("I8", what)

    def _worst(self, order: PlacedOrder) -> _Worst:
        """Position at the venue with everything that may still be filled, or was and we may not know it."""
        evidence = self._evidence
        by_hand = evidence.fills_of_others()
        before = evidence.booked_position() if by_hand else evidence.known_position()
        filled = {one.client_id: one.filled for one in evidence.orders()}
        for name, other in evidence.journal.tables.orders.items():
            may_open = (
                other.intent.purpose in ENTRIES or number_of(other.intent.purpose)
            ) and not other.intent.reduce_only
            is_entry = may_open and other.progress.status not in FINAL
            if is_entry and name != order.intent.client_order_id:
                before += _signed(
                    other, max(other.intent.quantity - filled.get(name, Decimal(0)), Decimal(0))
                )
        return _Worst(before, before + _signed(order, order.intent.quantity))

    def _is_within_the_limit(self, name: str, order: PlacedOrder, worst: _Worst) -> None:
        signals, close = self._evidence.journal.tables.signals, order.intent.bar_close
        if order.intent.purpose == REMAINDER:  # its time is its own
            close = max((decided for _, decided in signals if decided <= close), default=close)
        if not any(decided == close for _, decided in signals):
            self._findings.violated("I4", f"order {name} follows no decision")
            return
        known = dict[int, Signal]()
        for (key, decided), one in sorted(signals.items(), key=lambda row: row[0]):
            if decided <= close or key not in known:  # a book that has decided since then holds by its first
                known[key] = one
        most = sum((_most_of(one) for one in known.values()), Decimal(0))
        if abs(worst.after) > most * _TOLERANCE:
            self._findings.violated(
                "I4", f"order {name} may lead from {worst.before} to {worst.after}; the limit is {most:.4f}"
            )


def _most_of(signal: Signal) -> Decimal:
    """Quantity that a book may hold by its own limits, as of a decision."""
    view, limits = signal.decision["view"], signal.decision["rules"]["limits"]
    fraction = min(limits["max_position_fraction"], limits["max_leverage"])
    return Decimal(str(fraction)) * Decimal(str(view["equity"])) / Decimal(str(view["price"]))


def _signed(order: PlacedOrder, quantity: Decimal) -> Decimal:
    return quantity if order.intent.side == "buy" else -quantity


def _since(before: int | None, now_ms: int, *, holds: bool) -> int | None:
    if not holds:
        return None
    return now_ms if before is None else before
