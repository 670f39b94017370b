"""Gates before real money: the one decision on the record, and the rules that refuse whatever it says.

References
----------
.. [1] Hanley, Lippman-Hand (1983), If Nothing Goes Wrong, Is Everything All Right? Interpreting Zero
   Numerators, Journal of the American Medical Association 249(13): what did not happen once in n days may
   still have a rate of up to 3/n a day (95 % confidence), three times in as many days.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.evidence import CapitalEvidence, told_decider, told_outcome
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate, at_least
from quant_pipelines.optimize.outcome import CapitalDecision

CAPITAL_DECISION = "capital_decision"
GAPS_NOT_RULED_OUT = 3.0
"""So many may come in as many days as a record has that saw none, at the upper end of what is open, [1]_."""
_REFUSING = ("pbo", "gaps_paid_for")
LOSS_IS_LIKELY = 0.5
"""Beyond it the best of a search loses in more splits than not."""


class DecidedCapital(NamedTuple):
    """What was decided on capital, and by which rule.

    Parameters
    ----------
    decision
        ``refused`` where a rule refuses whatever the look says.
    decided_by
        The question that decided, see ``DecidedBy``, or the name of the gate that refuses.
    reason
        The same in words.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital_gates import DecidedCapital
    >>> DecidedCapital("passed", "symbol", reason="passed; asked by itself").decided_by
    'symbol'
    """

    decision: CapitalDecision
    decided_by: str
    reason: str


def capital_gates(inside: dict[str, Any], outside: dict[str, Any], limits: GateSettings) -> tuple[Gate, ...]:
    """Rules of a verdict that guard capital beside the decision.

    Parameters
    ----------
    inside, outside
        Evidence; see ``judge``.
    limits
        Thresholds.

    Examples
    --------
    >>> from quant_pipelines.core.settings import GateSettings
    >>> from quant_pipelines.optimize.capital_gates import capital_gates
    >>> inside = {"pbo": 0.6, "probability_of_loss": 0.1}
    >>> outside = {"gaps_paid_for": 1.2, "largest_exposure": 1.0, "days_unseen": 30}
    >>> gates = capital_gates(inside, outside, GateSettings())
    >>> {gate.name: gate.passed for gate in gates}
    {'pbo': True, 'gaps_paid_for': False, 'days_unseen': True}
    """
    return (
        _overfitting_gate(inside, limits.capital_max_pbo),
        at_least(
            "gaps_paid_for",
            outside["gaps_paid_for"],
            GAPS_NOT_RULED_OUT,
            gate=CAPITAL,
            detail=f"gaps of {limits.capital_stress_gap:.0%} against the largest position held, "
            f"{outside['largest_exposure']:.0%} of the equity, that the profit would pay for; "
            "days without a single one rule out no fewer",
        ),
        at_least(
            "days_unseen",
            outside["days_unseen"],
            limits.capital_min_unseen_days,
            gate=CAPITAL,
            detail="days out of sample after the text was first seen; its author may have known the others",
        ),
    )


def with_decision(gates: Sequence[Gate], evidence: CapitalEvidence) -> tuple[Gate, ...]:
    """Gates with that of the capital decision, in place of the one that they may have.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital_gates import with_decision
    >>> from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
    >>> (gate,) = with_decision((), NOT_LOOKED_AT)
    >>> gate.passed, gate.detail
    (False, "not yet decidable: how many more days it takes can't be told; no look has seen it yet")
    >>> (now,) = with_decision((gate,), CapitalEvidence("passed", "symbol", tests=24, statistic=4.1))
    >>> now.passed, now.value
    (True, 4.1)
    """
    others = [gate for gate in gates if gate.name != CAPITAL_DECISION]
    decision = Gate(
        CAPITAL_DECISION,
        evidence.statistic,
        evidence.critical,
        evidence.decision == "passed",
        CAPITAL,
        f"{told_outcome(evidence)}; {told_decider(evidence)}",
    )
    paper = [gate for gate in others if gate.gate == PAPER]
    return (*paper, decision, *(gate for gate in others if gate.gate != PAPER))


def decided_capital(gates: Sequence[Gate], evidence: CapitalEvidence) -> DecidedCapital:
    """Decide on capital by both: what the looks pass, a rule may still refuse.

    A record that has not passed stays what the newest look calls it: a young one has hardly earned what a gap
    would cost. Unseen days that are still to come are no refusal, they keep capital waiting.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital_gates import decided_capital
    >>> from quant_pipelines.optimize.evidence import CapitalEvidence
    >>> from quant_pipelines.optimize.gates import at_least
    >>> evidence = CapitalEvidence("passed", "record", tests=1)
    >>> decided_capital((), evidence).decided_by
    'record'
    >>> gate = at_least("gaps_paid_for", 1.2, 3.0, gate="capital", detail="of 25 %")
    >>> decided_capital([gate], evidence)[:2]
    ('refused', 'gaps_paid_for')
    """
    refusing = [gate for gate in gates if gate.name in _REFUSING and not gate.passed]
    if refusing and evidence.decision == "passed":
        return DecidedCapital("refused", refusing[0].name, f"refused: {refusing[0].reason}")
    return DecidedCapital(
        evidence.decision, evidence.decided_by, f"{told_outcome(evidence)}; {told_decider(evidence)}"
    )


def _overfitting_gate(inside: dict[str, Any], highest: float) -> Gate:
    """Refuse a search whose best ranks low *and* loses: where all sets earn alike, a low rank is no fault."""
    overfitting, loss, broken = inside["pbo"], inside["probability_of_loss"], _told_broken(inside)
    if overfitting is None or loss is None:
        detail = (
            "probability of backtest overfitting over the Sobol set; "
            f"too few days{' or sets' if broken else ''} to know it, refuses nothing"
        )
        return Gate("pbo", None, highest, True, CAPITAL, detail + broken)
    detail = (
        f"probability of backtest overfitting over the Sobol set; refuses only where the best also loses in "
        f"more than half of the splits, here in {loss:.0%}"
    )
    is_refused = overfitting > highest and loss > LOSS_IS_LIKELY
    return Gate("pbo", overfitting, highest, not is_refused, CAPITAL, detail + broken)


def _told_broken(inside: dict[str, Any]) -> str:
    """Tell what of the Sobol set broke the strategy; an older verdict does not know."""
    sets, days = inside.get("cover_sets_broken", 0), inside.get("cover_days_broken", 0)
    told = f"; {sets} of its sets broke: {'it is' if sets == 1 else 'they are'} left out" if sets else ""
    return told + (f"; on {days} days every set broke: they are left out" if days else "")
