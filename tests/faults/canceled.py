"""What is taken back has a cause in the rows, and what is taken back stands no longer (I1, I10).

An order that a strategy has placed is canceled as the strategy took it back, its time is over, nothing may be
opened, or nothing is left to reduce; a stop of the runner's as it protects nothing, or another one stands.
What enters with a limit follows the price, and is judged by nobody here.
"""

from typing import Any

from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.simulator.venue.records import AlgoOrder
from quant_pipelines.store.venue_orders import PlacedOrder
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import STOP, number_of
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.requests import Asked

_AHEAD_MS = 2_000
"""How much sooner than its end an order may be canceled: the runner has its own idea of the venue's time."""


class CancelRules:
    """Looks for the cause of each cancel.

    Parameters
    ----------
    evidence
        What it reads.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._findings = Findings(evidence)
        self.n_judged = 0

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Nothing: a cancel is looked at where it leaves."""

    def look_at_order(self, asked: Asked) -> None:
        """Nothing: what is sent or changed others look at."""

    def look_at_cancel(self, asked: Asked) -> None:
        """Look for the cause of a cancel that leaves just now."""
        evidence, name = self._evidence, asked.client_id
        order = evidence.journal.tables.orders.get(name)
        if order is None or order.progress.status in FINAL:
            return  # it is nobody's, or was given up
        if evidence.is_hindered() or evidence.is_troubled() or evidence.fills_of_others():
            return  # whoever can look after nothing takes back what may open
        if number_of(order.intent.purpose):
            self.n_judged += 1
            if not self._is_unwished(order):
                self._findings.violated("I1", f"order {name} of a strategy is canceled without a cause")
        elif order.intent.purpose == STOP:
            self.n_judged += 1
            if not self._is_spare(name):
                self._findings.violated("I1", f"stop {name} is canceled, and no other one stands")

    def look_at_rest(self) -> None:
        """Look for what stands although its strategy has taken it back."""
        ledger = self._evidence.ledger
        standing = {
            one.client_id for one in (*self._evidence.orders(), *ledger.algos.values()) if one.is_open
        }
        for name, order in self._evidence.journal.tables.orders.items():
            if name in standing and number_of(order.intent.purpose) and self._is_taken_back(order):
                self._findings.violated("I10", f"order {name} was taken back, and still stands")

    def _is_unwished(self, order: PlacedOrder) -> bool:
        evidence, intent = self._evidence, order.intent
        if self._is_taken_back(order) or self._is_over(order):
            return True
        if intent.reduce_only:
            held = evidence.booked_position()
            return not held or (held > 0) == (intent.side == "buy")
        return bool(evidence.halts()) or any(one.is_leaving for one in evidence.journal.deployments.values())

    def _is_taken_back(self, order: PlacedOrder) -> bool:
        wish = self._wish(order)
        return wish is None or not wish["is_wished"]

    def _is_over(self, order: PlacedOrder) -> bool:
        wish = self._wish(order)
        expires_ms = None if wish is None else wish["order"]["expires_ms"]
        return expires_ms is not None and self._evidence.now_ms() + _AHEAD_MS >= expires_ms

    def _wish(self, order: PlacedOrder) -> dict[str, Any] | None:
        """What the strategy's desk says of an order at the newest close; None once that was told its end.

        An order of a close that is not stored yet is wished: it was sent right behind its commit.
        """
        number, tables = number_of(order.intent.purpose), self._evidence.journal.tables
        for bar_close, state in tables.checkpoints.values():
            wishes = (state.get("desk") or {}).get("wishes", ())
            found: dict[str, Any] | None = next((one for one in wishes if one["number"] == number), None)
            if found is not None or to_ms(bar_close) >= to_ms(order.intent.bar_close):
                return found
        return None

    def _is_spare(self, name: str) -> bool:
        """Whether a stop protects nothing, or another one stands that does."""
        evidence = self._evidence
        held, levels = evidence.held(), evidence.levels()
        mine = next((one for one in levels if one.client_id == name), None)
        side = "SELL" if held > 0 else "BUY"
        if mine is None or not held or not evidence.booked_position() or mine.side != side:
            return True
        return any(one is not mine and _is_alike(one, mine) for one in levels)


def _is_alike(one: AlgoOrder, other: AlgoOrder) -> bool:
    return one.kind == other.kind and one.side == other.side
