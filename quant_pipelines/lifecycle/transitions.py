"""The life of a deployment: one table of stages and what each step needs.

Guards are pure functions of stored evidence; nothing here writes. A step that is not in the table does not
exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.stages import Stage
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, told_decider, told_outcome


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a deployment when a step is asked for.

    Parameters
    ----------
    paper_passed
        Whether its verdict passed the paper screen.
    failed_gates
        Names of the gates that its newest verdict failed, but for that of the capital decision; nothing is
        known by default.
    look
        What the newest look at all records says of its own: no boolean of an old verdict stands for it.
    approved_by
        Names of the operators who approved this step.
    is_flat
        Whether its book holds no position.
    shadow_matches
        Whether its shadow decided like its replay; None when it was never a shadow.
    canary_matches
        Whether its canary executed within its bounds; None when it was never a canary.
    reason
        Why the step is asked for.
    shortfalls
        What its record in the present stage lacks, a sentence each; nothing is known by default.
    blocked
        Unresolved faults of its newest market data, in words.
    too_small
        Why its canary could not send an order, in words.
    """

    paper_passed: bool = False
    failed_gates: tuple[str, ...] = ("no verdict",)
    look: CapitalEvidence = NOT_LOOKED_AT
    approved_by: frozenset[str] = frozenset()
    is_flat: bool = False
    shadow_matches: bool | None = None
    canary_matches: bool | None = None
    reason: str = ""
    shortfalls: tuple[str, ...] = ("nothing is known of its record",)
    blocked: tuple[str, ...] = ()
    too_small: str = ""


Guard = Callable[[Evidence], str]
"""Empty when the step is allowed, else one sentence that says what is missing."""


class Transition(NamedTuple):
    """One row of the table."""

    source: Stage
    target: Stage
    guards: tuple[Guard, ...]


def _passed_paper_screen(evidence: Evidence) -> str:
    return "" if evidence.paper_passed else "the paper screen has not passed"


def _passed_gates(evidence: Evidence) -> str:
    failed = ", ".join(evidence.failed_gates)
    return f"gates of its newest verdict have not passed: {failed}" if failed else ""


def _decided_for_capital(evidence: Evidence) -> str:
    look = evidence.look
    if look.decision == "passed":
        return ""
    return f"its capital decision is {told_outcome(look)} ({told_decider(look)})"


def _approved(evidence: Evidence) -> str:
    return "" if evidence.approved_by else "no operator has approved it"


def _approved_by_two(evidence: Evidence) -> str:
    count = len(evidence.approved_by)
    return "" if count >= 2 else f"{count} operators have approved it; expected two different ones"


def _shadow_matched(evidence: Evidence) -> str:
    return "" if evidence.shadow_matches else "its shadow has not matched its replay"


def _canary_matched(evidence: Evidence) -> str:
    return "" if evidence.canary_matches else "its canary has not stayed within its bounds"


def _flat(evidence: Evidence) -> str:
    return "" if evidence.is_flat else "its book still holds a position"


def _record_suffices(evidence: Evidence) -> str:
    return "; ".join(evidence.shortfalls)


def _data_are_clean(evidence: Evidence) -> str:
    count = len(evidence.blocked)
    return f"{count} findings block its newest data: {evidence.blocked[0]}" if count else ""


def _tradable(evidence: Evidence) -> str:
    return f"one_lot: {evidence.too_small}" if evidence.too_small else ""


def _explained(evidence: Evidence) -> str:
    return "" if evidence.reason else "no reason is given"


_PROVEN = (_passed_gates, _decided_for_capital, _record_suffices, _data_are_clean)

TRANSITIONS: tuple[Transition, ...] = (
    Transition("candidate", "paper", (_passed_paper_screen,)),
    Transition("candidate", "rejected", (_explained,)),
    Transition("paper", "shadow", _PROVEN),
    Transition("paper", "cooling", (_explained,)),
    Transition("paper", "retired", (_explained, _flat)),
    Transition("shadow", "canary", (*_PROVEN, _shadow_matched, _tradable, _approved_by_two)),
    Transition("shadow", "rolled_back", (_explained,)),
    Transition("shadow", "retired", (_explained, _flat)),
    Transition("canary", "live", (*_PROVEN, _canary_matched, _approved_by_two)),
    Transition("canary", "rolled_back", (_explained,)),
    Transition("live", "cooling", (_explained,)),
    Transition("live", "rolled_back", (_explained,)),
    Transition("cooling", "paper", (_passed_paper_screen, _data_are_clean, _approved)),
    Transition("cooling", "retired", (_explained, _flat)),
    Transition("rolled_back", "retired", (_explained, _flat)),
)


def approvals_needed(source: Stage, target: Stage) -> int:
    """Count the people whose approval a step needs; 0 for one that is not in the table."""
    guards = next((row.guards for row in TRANSITIONS if (row.source, row.target) == (source, target)), ())
    return 2 if _approved_by_two in guards else int(_approved in guards)


def require_transition(source: Stage, target: Stage, evidence: Evidence) -> None:
    """Prove that a step is in the table and that its guards hold.

    Raises
    ------
    LifecycleError
        If the step does not exist or a guard refuses; the message lists everything that is missing.
    """
    row = next((row for row in TRANSITIONS if (row.source, row.target) == (source, target)), None)
    if row is None:
        allowed = [row.target for row in TRANSITIONS if row.source == source]
        raise LifecycleError(
            f"stage {target!r} can't follow {source!r}; expected {' or '.join(allowed) or 'no further stage'}"
        )
    missing = [refusal for guard in row.guards if (refusal := guard(evidence))]
    if missing:
        raise LifecycleError(f"step from {source} to {target} is refused: {'; '.join(missing)}")
