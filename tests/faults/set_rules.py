"""What must hold of a set as one, beside all that holds for each leg.

I11: asked again about all bars, the strategy has the same targets for all legs. I12: what all legs decide
at a close is committed at once; no leg is left alone for longer than closing it takes; the money of all legs
is the venue's.
"""

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.simulator.venue.records import IncomeRecord
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Signal
from quant_pipelines.trading.purposes import STOP
from tests.faults.decisions import DecisionRules, bars_of, strategy_of
from tests.faults.evidence import Evidence, Findings, Violation
from tests.faults.legs import market_id_of, of_leg
from tests.faults.requests import Asked

_ZERO = Decimal(0)
_CLOSED_WITHIN_MS = 20_000
"""How long a leg may be held alone: looks are 5 s apart, and an exit is tried again after 2."""


class LegDecisionRules(DecisionRules):
    """Takes every decision of one leg again, by the panel of all.

    Parameters
    ----------
    whole
        Evidence on the set.
    market
        What was really traded.
    legs
        All of the set.
    number
        Which of them.
    """

    def __init__(self, whole: Evidence, market: MarketPort, legs: Sequence[Deployment], number: int) -> None:
        super().__init__(of_leg(whole, legs[number]), market, legs[number])
        self._legs, self._number = legs, number
        self._of_legs = [of_leg(whole, leg) for leg in legs]

    def _targets(self) -> dict[int, float]:
        strategy = strategy_of(self._deployment.source)
        known = zip(self._of_legs, self._legs, strict=True)
        panel = panel_of([bars_of(evidence, self._market, leg) for evidence, leg in known])
        targets = np.asarray(target_of(strategy, panel))[:, self._number]
        return {int(ts) + MINUTE_MS: float(target) for ts, target in zip(panel.ts, targets, strict=True)}

    def _is_the_strategys(self, signal: Signal, targets: dict[int, float]) -> None:
        is_closed = "flat_for" in signal.decision and signal.target == 0.0
        if not is_closed and not math.isnan(signal.target):  # a bar of another leg had not come
            super()._is_the_strategys(signal, targets)


class SetRules:
    """Looks at all legs together.

    Parameters
    ----------
    evidence
        On all of them.
    legs
        Deployments of the legs.
    """

    def __init__(self, evidence: Evidence, legs: Sequence[Deployment]) -> None:
        self._evidence = evidence
        self._legs = legs
        self._findings = Findings(evidence)
        self._alone_since_ms: int | None = None
        self._n_log = 0

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Check that nothing of it is committed alone, or left alone."""
        self._decided_together()
        self._held_together()

    def look_at_order(self, asked: Asked) -> None:
        """Check that the intents of all legs were there before the first order of a decision."""
        self._decided_together()

    def look_at_rest(self) -> None:
        """Check that the money of all legs is the venue's."""
        self.look()
        self._money_is_the_venues()

    def _decided_together(self) -> None:
        """Between the first and the last signal of a close nothing of another commit is logged."""
        log = self._evidence.journal.tables.log
        for number in range(self._n_log, len(log)):
            row = log[number]
            if row.table != "signals":
                continue
            key, close = row.key
            intents = self._evidence.journal.tables.slots
            orders = [intents.get((leg.id, close, "target")) for leg in self._legs]
            signals = {
                leg.id for leg in self._legs if (leg.id, close) in self._evidence.journal.tables.signals
            }
            if any(orders) and not self._is_excused(close, signals) and len(signals) < len(self._legs):
                self._findings.violated("I12", f"at {close} leg {key} has decided, and another has not")
        self._n_log = len(log)

    def _is_excused(self, close: object, signals: set[int]) -> bool:
        """Whether a leg without a decision is halted, or leaves: then it decides nothing."""
        halts = self._evidence.halts()
        names = {name for leg in self._legs if leg.id not in signals for name in leg.names}
        told = {
            one.alert.source for one in self._evidence.journal.tables.alerts if one.alert.severity == "halt"
        }
        return bool(halts) or bool(names & told) or "account:1" in told

    def _held_together(self) -> None:
        """No leg is held while another is flat, but for what a stop has closed, or a person is to see."""
        evidence, now = self._evidence, self._evidence.now_ms()
        held = [evidence.ledger.position(market_id_of(leg.symbol)).quantity for leg in self._legs]
        is_alone = any(held) and not all(held)
        if not is_alone or evidence.is_hindered() or evidence.fills_of_others() or self._is_explained(held):
            self._alone_since_ms = None
            return
        since = self._alone_since_ms = now if self._alone_since_ms is None else self._alone_since_ms
        if now - since > _CLOSED_WITHIN_MS:
            what = ", ".join(f"{leg.symbol} {one}" for leg, one in zip(self._legs, held, strict=True))
            self._findings.violated("I12", f"{what} is held since {since}, and half of it is gone")

    def _is_explained(self, held: Sequence[Decimal]) -> bool:
        """Whether a flat leg was closed by its stop, or something stands that a person must lift."""
        tables = self._evidence.journal.tables
        if self._evidence.halts():
            return True
        for leg, quantity in zip(self._legs, held, strict=True):
            fills = [fill for key, fill in tables.fills.values() if key == leg.id]
            if quantity or not fills:
                continue
            last = fills[-1].client_order_id
            if last in tables.orders and tables.orders[last].intent.purpose == STOP:
                return True
        return False

    def _money_is_the_venues(self) -> None:
        """Cash of the legs is their capital with all that the venue has booked, to the last digit."""
        evidence = self._evidence
        if evidence.fills_of_others():
            return
        tables = evidence.journal.tables
        ours = sum(((fill.realized_pnl or _ZERO) - fill.fee for _, fill in tables.fills.values()), _ZERO)
        ours += sum((row.amount for row in tables.income.values()), _ZERO)
        rows = evidence.ledger.store.select(IncomeRecord)
        theirs = sum((row.amount for row in rows if row.kind != "TRANSFER"), _ZERO)
        if ours != theirs:
            self._findings.violated("I12", f"all legs have earned {ours}, and the venue has booked {theirs}")
