"""The paper screen's decision, pure: which candidates get paper money, and why the others don't.

It admits to paper money and proves nothing; what guards real capital are the capital gates.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from quant_pipelines.core.verdict_decisions import ADMITTED, CANDIDATE, REJECTED, VerdictDecision
from quant_pipelines.lifecycle.places import Bet, Days, seat
from quant_pipelines.optimize.gates import PAPER
from quant_pipelines.optimize.judge import clean_data_gate
from quant_pipelines.optimize.verdict import VerdictRecord

Unit: TypeAlias = tuple[str, str, str, str]
"""Strategy, exchange, symbol and timeframe: one deployment at most trades it."""


@dataclass(frozen=True, slots=True)
class ScreenCandidate:
    """Verdict that waits for a decision.

    Parameters
    ----------
    verdict
        As it was stored.
    findings
        Unresolved blocking faults of its data, as of now.
    archive
        Folder that its data came from; None for stored market data.
    days
        Its out-of-sample days, by which copies of what trades already are known.
    off_the_list
        Those of its symbols that a person took off the whitelist.
    """

    verdict: VerdictRecord
    findings: tuple[str, ...] = ()
    archive: str | None = None
    days: Days = field(default_factory=dict)
    off_the_list: tuple[str, ...] = ()

    @property
    def bet(self) -> Bet:
        """The same, as one who asks for a place."""
        verdict = self.verdict
        return Bet(f"verdict:{verdict.id}", verdict.strategy, verdict.exchange, verdict.symbol, self.days)


@dataclass(frozen=True, slots=True)
class ScreenDecision:
    """What the screen decided about one verdict.

    Parameters
    ----------
    verdict
        The verdict.
    decision
        ``admitted``, ``rejected``, or ``candidate`` when it waits for a free place.
    reasons
        One sentence for each reason.
    challenges
        Deployment that trades its unit, whose place it is to be tried for; None where nobody does.
    """

    verdict: VerdictRecord
    decision: VerdictDecision
    reasons: tuple[str, ...]
    challenges: int | None = None


def unit_of(verdict: VerdictRecord) -> Unit:
    """Name what a deployment of this verdict would trade."""
    return (verdict.strategy, verdict.exchange, verdict.symbol, verdict.timeframe)


def decide_all(
    candidates: Sequence[ScreenCandidate], traded: dict[Unit, int], places: int, held: Iterable[Bet] = ()
) -> tuple[ScreenDecision, ...]:
    """Decide on every candidate.

    Parameters
    ----------
    candidates
        Undecided verdicts, oldest first.
    traded
        Deployment that trades each unit now.
    places
        Deployments that may be added.
    held
        What trades now.

    Returns
    -------
    tuple of ScreenDecision
        Those that passed in the order in which they take places (see ``places.seat``), the better one first
        among equals, by PSR, then trades, then age; then the rejected ones.
    """
    newest = {unit_of(candidate.verdict): candidate.verdict.id for candidate in candidates}
    rejected, fit = list[ScreenDecision](), list[ScreenCandidate]()
    challengers = list[ScreenDecision]()
    for candidate in candidates:
        reasons, incumbent = _refusals(candidate, newest), traded.get(unit_of(candidate.verdict))
        if not reasons and incumbent is not None:
            why = (f"passed the paper screen; challenges deployment:{incumbent}",)
            challengers.append(ScreenDecision(candidate.verdict, ADMITTED, why, incumbent))
        elif reasons:
            rejected.append(ScreenDecision(candidate.verdict, REJECTED, reasons))
        else:
            fit.append(candidate)
    ranked = sorted(fit, key=lambda one: _rank(one.verdict))
    seating = seat([one.bet for one in ranked], held, max(places, 0))
    verdicts = [one.verdict for one in ranked]
    waits = ("passed the paper screen; waits for a free deployment",)
    return (
        *(ScreenDecision(verdicts[at], ADMITTED, _admitted_because(verdicts[at])) for at in seating.seated),
        *challengers,
        *(ScreenDecision(verdicts[at], CANDIDATE, waits) for at in seating.waiting),
        *(ScreenDecision(verdicts[at], REJECTED, (found.reason,)) for at, found in seating.alike.items()),
        *rejected,
    )


def _refusals(candidate: ScreenCandidate, newest: dict[Unit, int | None]) -> tuple[str, ...]:
    verdict = candidate.verdict
    unit = unit_of(verdict)
    if newest[unit] != verdict.id:
        return (f"superseded by verdict {newest[unit]} on newer data",)
    if candidate.archive is not None:
        return ("judged on an archive; only verdicts on stored market data are deployed",)
    now = clean_data_gate(candidate.findings)
    gates = [now if gate.name == now.name else gate for gate in verdict.gates]
    reasons = [gate.reason for gate in gates if gate.gate == PAPER and not gate.passed]
    reasons += [f"{symbol} left the whitelist" for symbol in candidate.off_the_list]
    if not verdict.parameters:
        reasons.append("no parameters could be fitted on the newest window")
    return tuple(reasons)


def _admitted_because(verdict: VerdictRecord) -> tuple[str, ...]:
    failed = [gate.name for gate in verdict.gates if not gate.passed]
    if not failed:
        return ("passed the paper screen and the capital gates",)
    return (f"passed the paper screen, which proves nothing; not passed: {', '.join(failed)}",)


def _rank(verdict: VerdictRecord) -> tuple[float, float, int]:
    outside = verdict.out_of_sample
    return (-(outside.get("psr") or 0.0), -(outside.get("trades") or 0), verdict.id or 0)
