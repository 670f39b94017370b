"""What a deployment's record in its stage proves, pure: the evidence that the table of stages asks for.

Thin on purpose: a shadow or canary that traded its days without a halt, a rejected order or a standing
trigger counts as matching until the replay of every day is compared.
"""

from dataclasses import dataclass

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import Stage
from quant_pipelines.hotlist.regime import RegimeDays
from quant_pipelines.lifecycle.transitions import Evidence
from quant_pipelines.lifecycle.triggers import CORRELATION
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What is stored of a deployment since it entered its stage.

    Parameters
    ----------
    stage
        The stage.
    days
        Whole days since it was entered.
    paper_passed
        Whether its verdict passed the paper screen.
    failed_gates
        Names of the gates that its newest verdict failed, but for that of the capital decision; nothing is
        known by default.
    look
        What the newest look says of its record.
    is_flat
        Whether its book holds no position.
    is_behind
        Whether its newest scorecard falls behind what its verdict promised.
    halts
        Halts of it since it entered the stage.
    refused_orders
        Orders that the venue rejected, or whose outcome is unknown, since then.
    active_triggers
        Names of the performance triggers that stand.
    blocked
        Unresolved blocking faults of its newest data, in words.
    away
        What the runner needs and does not reach now, where the next stage trades real money.
    too_small
        Why its canary could not send an order.
    regime
        Regime of its market; None where it is not known, or nothing rests on it.
    """

    stage: Stage
    days: int
    paper_passed: bool
    is_flat: bool
    failed_gates: tuple[str, ...] = ("no verdict",)
    look: CapitalEvidence = NOT_LOOKED_AT
    is_behind: bool = False
    halts: int = 0
    refused_orders: int = 0
    active_triggers: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    away: str = ""
    too_small: str = ""
    regime: RegimeDays | None = None


def evidence_of(
    record: StageRecord, settings: LadderSettings, approved_by: frozenset[str], reason: str
) -> Evidence:
    """Evidence for the guards of the next step.

    Parameters
    ----------
    record
        What is stored.
    settings
        How long each stage lasts at least.
    approved_by
        Names of the operators who approved the step.
    reason
        Why it is asked for.
    """
    is_calm = record.halts == 0
    return Evidence(
        paper_passed=record.paper_passed,
        failed_gates=record.failed_gates,
        look=record.look,
        approved_by=approved_by,
        is_flat=record.is_flat,
        shadow_matches=is_calm if record.stage == "shadow" else None,
        canary_matches=is_calm and record.refused_orders == 0 if record.stage == "canary" else None,
        reason=reason,
        shortfalls=_shortfalls(record, settings),
        blocked=record.blocked,
        too_small=record.too_small,
    )


def _shortfalls(record: StageRecord, settings: LadderSettings) -> tuple[str, ...]:
    needed = {
        "paper": settings.paper_min_days,
        "shadow": settings.shadow_min_days,
        "canary": settings.canary_min_days,
    }.get(record.stage, 0)
    found = []
    if record.days < needed:
        found.append(f"it has been in {record.stage} for {record.days} days, at least {needed} are asked for")
    if record.away:
        found.append(f"what it trades by is away: {record.away}")
    if record.regime is not None and record.regime.n_days < settings.regime_min_days:
        name = "turbulent" if record.regime.is_turbulent else "calm"
        found.append(
            f"its market is {name} now, and {record.regime.n_days} days of its record ended so; at least "
            f"{settings.regime_min_days} are asked for (ladder.regime_min_days)"
        )
    if record.is_behind:
        found.append("it is behind what its verdict promised")
    standing = [name for name in record.active_triggers if name != CORRELATION]
    if standing:
        found.append(f"its performance trigger stands: {', '.join(standing)}")
    return tuple(found)
