"""The verdict on one strategy, symbol and timeframe, as it is stored and shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quant_pipelines.core.verdict_decisions import CANDIDATE, VerdictDecision
from quant_pipelines.optimize.capital_gates import DecidedCapital, decided_capital, with_decision
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, Freshness, fresh_evidence
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate, passed


def told_folds(out_of_sample: Mapping[str, Any]) -> str:
    """How many folds of the wanted ones were run, and how many of them began without a warm strategy.

    Examples
    --------
    >>> from quant_pipelines.optimize.verdict import told_folds
    >>> told_folds({"folds": 3, "configured_folds": 6, "cold_folds": 1})
    '3 of 6, 1 cold'
    """
    told = f"{out_of_sample.get('folds', '?')} of {out_of_sample.get('configured_folds', '?')}"
    cold = out_of_sample.get("cold_folds")
    return f"{told}, {cold} cold" if cold else told


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """What a walk-forward proved.

    Parameters
    ----------
    strategy, content_hash
        Strategy and its version.
    exchange, symbol, timeframe
        What it was tried on.
    window_start_ms, window_end_ms
        All bars that any fold saw open in ``[start, end)``, but for those before it that warmed one up.
    parameters
        Final fit on the newest window: what would be deployed; empty when nothing could be fitted.
    in_sample, out_of_sample
        Evidence; see ``judge``.
    gates
        Paper screen first.
    decision
        ``candidate`` until the paper screen has decided: then ``admitted`` or ``rejected``.
    reasons
        One sentence for each reason behind the decision.
    daily_returns
        Stitched out-of-sample returns after costs, one a UTC day, fractions.
    evidence
        What the newest look says of the record: the gate of the capital decision shows it.
    id, task_id
        Keys of the stored rows; None when nothing is stored.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import at_least
    >>> from quant_pipelines.optimize.verdict import VerdictRecord
    >>> record = VerdictRecord(
    ...     *("ema_cross", "0a1b2c", "binanceusdm", "BTC/USDT:USDT", "1h", 0, 86_400_000),
    ...     parameters={"fast": 12}, in_sample={}, out_of_sample={},
    ...     gates=(at_least("trades", 12, 30, gate="paper", detail="closed trades out of sample"),),
    ... )
    >>> record.decision, record.paper_passed, record.failures
    ('candidate', False, ('trades is 12, threshold 30: closed trades out of sample',))
    """

    strategy: str
    content_hash: str
    exchange: str
    symbol: str
    timeframe: str
    window_start_ms: int
    window_end_ms: int
    parameters: dict[str, Any]
    in_sample: dict[str, Any]
    out_of_sample: dict[str, Any]
    gates: tuple[Gate, ...]
    decision: VerdictDecision = CANDIDATE
    reasons: tuple[str, ...] = ()
    daily_returns: tuple[float, ...] = ()
    evidence: CapitalEvidence = NOT_LOOKED_AT
    id: int | None = None
    task_id: int | None = None

    @property
    def paper_passed(self) -> bool:
        """Whether the paper screen's gates passed."""
        return bool(self.parameters) and passed(self.gates, PAPER)

    @property
    def capital_passed(self) -> bool:
        """Whether all gates passed."""
        return bool(self.parameters) and passed(self.gates, PAPER, CAPITAL)

    @property
    def capital(self) -> DecidedCapital:
        """What was decided on capital, and by which rule."""
        return decided_capital(self.gates, self.evidence)

    def at_look(self, evidence: CapitalEvidence) -> "VerdictRecord":
        """Verdict as a newer look at its record has it."""
        return replace(self, evidence=evidence, gates=with_decision(self.gates, evidence))

    def counted(self, fresh: Freshness) -> "VerdictRecord":
        """Verdict as it counts on a day: whoever shows it to a person shows this one."""
        return self.at_look(fresh_evidence(self.evidence, fresh))

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each gate that failed."""
        return tuple(gate.reason for gate in self.gates if not gate.passed)
