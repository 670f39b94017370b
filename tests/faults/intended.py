"""What is sent is what was intended (I1), an exit only reduces (I8), and a new writer sends nothing old (I9).

At rest an order has filled as much with us as there (I2), and no stop stands that closes nothing (I10).
"""

from decimal import Decimal

from quant_pipelines.trading.purposes import EXITS, STOP, number_of
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.requests import Asked


class IntentRules:
    """Compares orders with their intents.

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

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Note since when there is a writer."""
        n_epochs = len(self._evidence.journal.tables.epochs)
        if n_epochs != self._n_epochs:
            self._n_epochs, self._epoch_began_ms = n_epochs, self._evidence.now_ms()

    def look_at_order(self, asked: Asked) -> None:
        """Compare an order that is sent or changed just now with its intent."""
        told, name = asked.parameters, asked.client_id
        order = self._evidence.journal.tables.orders.get(name)
        if order is None:
            return  # told elsewhere
        intent = order.intent
        sent = told["side"].lower(), Decimal(told.get("quantity", intent.quantity))
        is_netted = self._evidence.is_shared and sent[1] < intent.quantity
        if sent != (intent.side, sent[1] if is_netted else intent.quantity):
            self._findings.violated("I1", f"order {name} is sent as {sent}; intended is {intent}")
        if asked.amends:
            return  # it was sent, by whoever wrote then, as what it is
        only_reduces = "true" in (told.get("reduceOnly"), told.get("closePosition"))
        is_netted_exit = self._evidence.is_shared and intent.purpose != STOP
        if intent.purpose in (*EXITS, STOP) and not only_reduces and not is_netted_exit:
            self._findings.violated("I8", f"order {name} of purpose {intent.purpose} may open")

        if order.epoch != self._n_epochs and int(told["timestamp"]) > self._epoch_began_ms:
            self._findings.violated("I9", f"order {name} is stamped in epoch {self._n_epochs}")

    def look_at_rest(self) -> None:
        """Compare what has filled, and look for stops that close nothing."""
        filled = {one.client_id: one.filled for one in self._evidence.orders()}
        crossed = self._evidence.crossed()
        for name, order in self._evidence.journal.tables.orders.items():
            ours, theirs = order.progress.filled_quantity - crossed[name], filled.get(name, Decimal(0))
            if order.intent.purpose != STOP and ours != theirs:
                self._findings.violated(
                    "I2", f"order {name} has filled {ours} with us, {theirs} at the venue"
                )
        if self._evidence.fills_of_others():
            return  # what somebody changed by hand is left to a person
        held = self._evidence.held()
        for algo in self._evidence.ledger.algos.values():
            may_open = not (algo.reduce_only or algo.close_position)
            if may_open and self._is_placed(algo.client_id):
                continue  # it waits for its price
            if not held or algo.side != ("SELL" if held > 0 else "BUY"):
                self._findings.violated("I10", f"stop {algo.client_id} closes nothing: {held} is held")

    def _is_placed(self, name: str) -> bool:
        """Whether a strategy has placed an order, which may open."""
        order = self._evidence.journal.tables.orders.get(name)
        return order is not None and bool(number_of(order.intent.purpose)) and not order.intent.reduce_only
