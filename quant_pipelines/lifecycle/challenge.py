"""The second entrance: new parameters, or a new version, of what trades challenge the incumbent.

One table of steps; its guards are pure functions of stored evidence. A challenger that trades paper money
costs nothing, so beside an incumbent on paper there is no canary.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.stages import ORDER_STAGES, Stage
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, told_outcome

if TYPE_CHECKING:
    from quant_pipelines.optimize.paired_looks import PairedVerdict

Kind: TypeAlias = Literal["parameters", "version"]
Move: TypeAlias = Literal["shadow", "paper", "canary", "full", "rolled_back", "restored"]
"""Where a challenger goes; ``full``: it takes the incumbent's place with all of its capital; ``restored``: an
incumbent goes back to what it traded before."""

PROVES: Final[Mapping[str, str]] = {
    "parameters": "refitted on the calendar, as its record has tested: risk validation suffices",
    "version": "a new version rests on its own record and on the paired test against the incumbent's",
    "paper": "paper beside the incumbent shows gross harm and bad execution by the book's prices, no edge",
    "shadow": "a shadow decides on live data without orders: it shows that it works and does no gross harm",
    "canary": "a canary shows what execution costs and gross harm; after 30 days the standard error of a "
    "Sharpe difference is 1 to 2, so no edge is provable there",
    "full": "it has the incumbent's capital; from here on the triggers and the allocation judge it",
}
"""What each stage can prove, in words."""


MOST_TURNOVER: Final = 10.0
"""Times the incumbent's trades a day; a challenger that trades more often is no new version of the same idea,
and costs that the record underrates would be paid so many times."""


class RiskCheck(NamedTuple):
    """One named check of the risk validation; ``fault`` is empty when it passed."""

    name: str
    fault: str


class NewText(NamedTuple):
    """What would trade: parameters, their declared space, stops, and what its record shows.

    ``exposure`` is the largest notional over equity out of sample, ``trades_a_day`` its trades a day and
    ``incumbent_trades_a_day`` those of whose place it is tried for; None where the record does not tell.
    """

    parameters: Mapping[str, Any]
    space: Mapping[str, Mapping[str, Any]]
    exposure: float | None
    trades_a_day: float | None
    incumbent_trades_a_day: float | None = None
    findings: tuple[str, ...] = ()
    has_stops: bool = False


def validate(new: NewText, limits: RiskLimits) -> tuple[RiskCheck, ...]:
    """Risk validation: every change of parameters passes all of these, by name.

    Examples
    --------
    >>> new = NewText({"fast": 70}, {"fast": {"low": 5, "high": 60}}, exposure=1.0, trades_a_day=2.0)
    >>> [check.name for check in validate(new, RiskLimits()) if check.fault]
    ['parameters_in_space', 'stops_present']
    """
    return (
        RiskCheck("parameters_in_space", _outside(new)),
        RiskCheck("stops_present", "" if new.has_stops else "it declares no stop"),
        RiskCheck("largest_exposure", _above("notional over equity", new.exposure, _most_exposure(limits))),
        RiskCheck("turnover", _above("trades a day", new.trades_a_day, _most_trades(new, limits))),
        RiskCheck("clean_data", new.findings[0] if new.findings else ""),
    )


def _most_exposure(limits: RiskLimits) -> float:
    return min(limits.max_position_fraction, limits.max_leverage)


def _most_trades(new: NewText, limits: RiskLimits) -> float:
    """Take what the limit allows, and not so many times the incumbent's that it is another kind of book."""
    known = new.incumbent_trades_a_day
    return min(limits.max_orders_per_day, MOST_TURNOVER * known if known else math.inf)


def _above(what: str, value: float | None, most: float) -> str:
    return f"{what} was {value:g}; expected at most {most:g}" if value is not None and value > most else ""


def _outside(new: NewText) -> str:
    if not new.parameters:
        return "there are no parameters"
    for name, value in new.parameters.items():
        declared = new.space.get(name)
        if declared is None:
            return f"{name} is not declared"
        options = declared.get("options")
        if options is not None and value not in options:
            return f"{name} is {value}; expected one of {', '.join(options)}"
        low, high = declared.get("low"), declared.get("high")
        if isinstance(value, bool) or not isinstance(value, int | float) or low is None or high is None:
            continue
        if not low <= value <= high:
            return f"{name} is {value}; expected {low} to {high}"
    return ""


class ChallengeEvidence(NamedTuple):
    """What is known of a challenger when a step is asked for; nothing is known by default.

    Parameters
    ----------
    kind
        Whether only its parameters are new.
    incumbent
        Stage of the incumbent.
    failed_checks
        What its risk validation found.
    look, paired
        What the newest look says of its own record, and how that compares with the incumbent's.
    short, harm
        What is missing for the next step, and what takes it back, a sentence each.
    blocked
        Unresolved faults of its newest data.
    halted
        What stands of halts on it, the incumbent or their account.
    in_flight
        Another challenger of the same incumbent.
    too_small
        Why its canary can't trade.
    pinned
        Who wants the incumbent to stay as it is.
    turned_back
        When the same text with the same parameters was taken back before, and why.
    people, needed
        Operators who approve the step, and how many must.
    reason
        Why it is asked for.
    """

    kind: Kind = "version"
    incumbent: Stage = "live"
    failed_checks: tuple[str, ...] = ("nothing was validated",)
    look: CapitalEvidence = NOT_LOOKED_AT
    paired: "PairedVerdict | None" = None
    short: tuple[str, ...] = ("nothing is known of its stage",)
    harm: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    halted: str = ""
    in_flight: str = ""
    too_small: str = ""
    pinned: str = ""
    turned_back: str = ""
    people: frozenset[str] = frozenset()
    needed: int = 2
    reason: str = ""


Guard = Callable[[ChallengeEvidence], str]
"""Empty when the step is allowed, else one sentence that begins with the rule's name."""


def validated(evidence: ChallengeEvidence) -> str:
    """Hold the risk validation against it."""
    return f"risk_validation: {'; '.join(evidence.failed_checks)}" if evidence.failed_checks else ""


def alone(evidence: ChallengeEvidence) -> str:
    """Want one challenger of an incumbent at a time."""
    return f"one_in_flight: {evidence.in_flight}" if evidence.in_flight else ""


def unpinned(evidence: ChallengeEvidence) -> str:
    """Want nobody to have pinned the incumbent to its version and parameters."""
    return f"pinned: {evidence.pinned}" if evidence.pinned else ""


def untried(evidence: ChallengeEvidence) -> str:
    """Want it not to have been taken back before: the same parameters of the same text are no new idea."""
    return f"taken_back: {evidence.turned_back}" if evidence.turned_back else ""


def not_halted(evidence: ChallengeEvidence) -> str:
    """Want nothing of it to be halted."""
    return f"halted: {evidence.halted}" if evidence.halted else ""


def clean(evidence: ChallengeEvidence) -> str:
    """Want its newest data without a fault that blocks."""
    return f"blocked_data: {evidence.blocked[0]}" if evidence.blocked else ""


def proven(evidence: ChallengeEvidence) -> str:
    """Want a record of its own that earned capital of a version; refitted parameters are that record's."""
    is_proven = evidence.kind == "parameters" or evidence.look.decision == "passed"
    return "" if is_proven else f"capital_decision: of its own record it is {told_outcome(evidence.look)}"


def better(evidence: ChallengeEvidence) -> str:
    """Want a new version to earn more than the incumbent on the days of both records."""
    if evidence.kind == "parameters":
        return ""
    paired = evidence.paired
    if paired is None:
        return "paired_test: no weekly look has seen days of both records yet"
    if paired.passed:
        return ""
    return (
        f"paired_test: at the look of {paired.look_day} on {paired.days} common days it earns "
        f"{paired.difference:+.1%} a year more, {paired.statistic:.2f} standard errors; expected more than "
        f"{paired.critical:.2f}"
    )


def complete(evidence: ChallengeEvidence) -> str:
    """Want its stage to have lasted long enough, with enough to judge it by."""
    return f"stage_complete: {'; '.join(evidence.short)}" if evidence.short else ""


def harmless(evidence: ChallengeEvidence) -> str:
    """Want no bound of its stage to be broken."""
    return f"harm: {'; '.join(evidence.harm)}" if evidence.harm else ""


def approved(evidence: ChallengeEvidence) -> str:
    """Want as many different people as the settings do."""
    count, needed = len(evidence.people), evidence.needed
    return "" if count >= needed else f"approved: {count} operators have; expected {needed} different ones"


def tradable(evidence: ChallengeEvidence) -> str:
    """Want its share of the capital to be enough for an order."""
    return f"one_lot: {evidence.too_small}" if evidence.too_small else ""


def at_venue(evidence: ChallengeEvidence) -> str:
    """Want the incumbent's orders to go to a venue."""
    is_there = evidence.incumbent in ORDER_STAGES
    return "" if is_there else f"incumbent: it is in {evidence.incumbent}, where no order goes to a venue"


def on_paper(evidence: ChallengeEvidence) -> str:
    """Want the incumbent to trade paper money."""
    is_paper = evidence.incumbent not in ORDER_STAGES
    return "" if is_paper else f"incumbent: it is in {evidence.incumbent}; a canary comes first"


def explained(evidence: ChallengeEvidence) -> str:
    """Want a reason."""
    return "" if evidence.reason else "reason: none is given"


class ChallengeStep(NamedTuple):
    """One row of the table; ``needs_people`` as the settings want them."""

    source: Stage
    move: Move
    guards: tuple[Guard, ...]
    needs_people: bool = False


_OPENED = (validated, untried, clean, not_halted, unpinned, alone)
_FORWARD = (validated, clean, not_halted, unpinned, harmless, complete)
_RESTORED = (explained, unpinned, alone, validated)

STEPS: Final = (
    ChallengeStep("candidate", "shadow", (*_OPENED, at_venue)),
    ChallengeStep("candidate", "paper", (*_OPENED, on_paper)),
    ChallengeStep("paper", "full", (*_FORWARD, on_paper, proven, better)),
    ChallengeStep(
        "shadow", "canary", (*_FORWARD, at_venue, proven, better, tradable, approved), needs_people=True
    ),
    ChallengeStep("canary", "full", (*_FORWARD, at_venue, proven, better, approved), needs_people=True),
    ChallengeStep("paper", "rolled_back", (explained,)),
    ChallengeStep("shadow", "rolled_back", (explained,)),
    ChallengeStep("canary", "rolled_back", (explained,)),
    ChallengeStep("paper", "restored", _RESTORED),
    ChallengeStep("shadow", "restored", _RESTORED),
    ChallengeStep("canary", "restored", (*_RESTORED, approved), needs_people=True),
    ChallengeStep("live", "restored", (*_RESTORED, approved), needs_people=True),
)
"""Every step of a challenger, and the way back of what trades. What is not here does not exist."""


def step_of(source: Stage, move: str) -> ChallengeStep:
    """Row of a step.

    Raises
    ------
    LifecycleError
        If it is not in the table.
    """
    row = next((row for row in STEPS if (row.source, row.move) == (source, move)), None)
    if row is None:
        allowed = [row.move for row in STEPS if row.source == source]
        raise LifecycleError(
            f"stage: a challenger in {source!r} can't go to {move!r}; "
            f"expected {' or '.join(allowed) or 'no further step'}"
        )
    return row


def refusals(step: ChallengeStep, evidence: ChallengeEvidence) -> tuple[str, ...]:
    """Return what keeps a step from being taken, a sentence for each rule."""
    return tuple(refusal for guard in step.guards if (refusal := guard(evidence)))


_BACK: Final[tuple[Move, ...]] = ("rolled_back", "restored")


def forward_of(source: Stage) -> Move | None:
    """Step forward from a stage; None where there is none."""
    found = (row.move for row in STEPS if row.source == source and row.move not in _BACK)
    return next(found, None) if source != "candidate" else None


def agreement(mine: Mapping[Any, float], other: Mapping[Any, float]) -> float | None:
    """Share of the closes that both decided on at which their targets have the same side; None without any.

    Examples
    --------
    >>> agreement({1: 1.0, 2: -1.0, 3: 0.0}, {1: 0.5, 2: 1.0})
    0.5
    """
    both: Sequence[Any] = sorted(mine.keys() & other.keys())
    if not both:
        return None
    same = sum((mine[at] > 0) - (mine[at] < 0) == (other[at] > 0) - (other[at] < 0) for at in both)
    return same / len(both)
