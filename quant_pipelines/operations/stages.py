"""Steps of a deployment's life: promote, roll back, disable. The table of stages decides.

Each step is one transaction: the deployment is locked, the guards look at stored evidence, the stage, the
approval and the audit row change together.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, UnknownRow
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import LADDER, RESTS, Stage
from quant_pipelines.core.time_away import stands
from quant_pipelines.lifecycle.challenge import Move
from quant_pipelines.lifecycle.challengers import JudgedChallenger, too_small
from quant_pipelines.lifecycle.record import StageRecord, evidence_of
from quant_pipelines.lifecycle.rivals import standing_of
from quant_pipelines.lifecycle.transitions import approvals_needed, require_transition
from quant_pipelines.operations import challenges
from quant_pipelines.operations.controlled import control, release
from quant_pipelines.operations.proposals import Case, expire, proposal_of, propose, shown_evidence
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.voided import clause_of, detail_of
from quant_pipelines.optimize.evidence import Freshness, fresh_evidence
from quant_pipelines.store import approvals, audit
from quant_pipelines.store.deployments import REAL_ORDERS_APPROVED, announce_deployments, venue_account
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocking_now
from quant_pipelines.store.lifecycle import known_paper_account, traded_units
from quant_pipelines.store.regimes import days_in_regime
from quant_pipelines.store.stages import (
    StoredStage,
    change_stage,
    deployment_ids,
    is_at_venue,
    open_venue_book,
    read_stage,
    read_stages,
    rest_until,
)
from quant_pipelines.store.whitelist import off_the_list

CANARY: Final = "canary"
PAPER: Final = "paper"
_SECOND_PERSON = "(a second operator)"
_TWO_PEOPLE = frozenset({"one", "two"})


@dataclass(frozen=True, slots=True)
class Step:
    """Promotion whose evidence suffices.

    Parameters
    ----------
    deployment_id, source, target
        The step.
    people
        Operators who must approve it; 0 lets it happen by itself.
    overdue
        Why a person must decide although the evidence does not suffice; empty where it does.
    """

    deployment_id: int
    source: Stage
    target: Stage
    people: int
    overdue: str = ""


def promote(
    engine: Engine,
    ladder: LadderSettings,
    signature: Signature,
    *,
    deployment_id: int,
    target: str,
    clock: Clock,
) -> Receipt:
    """Take a deployment one stage up; a step that needs two people is proposed by the first one.

    Parameters
    ----------
    engine
        Product database.
    ladder
        How long each stage lasts at least, how many days of data must be clean, and for how long a look's
        answer counts.
    signature
        Who, and why.
    deployment_id
        Which deployment.
    target
        Stage that it is meant to reach: ``paper`` (from cooling), ``shadow``, ``canary`` or ``live``.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the deployment is unknown, the step does not exist from its stage, a guard refuses, another
        deployment trades its unit, or the second person is the first one.
    """
    now = clock_time(clock)
    if target not in LADDER:
        raise LifecycleError(f"target is {target!r}; expected one of {', '.join(LADDER)}")
    with transaction(engine) as connection:
        stored = locked_stage(connection, deployment_id)
        expire(connection, now)
        case = Case(connection, stored, signature, now)
        proposal = proposal_of(case, ladder, target)
        challenge = _challenging(case, target)
        needed = challenge.people(ladder) if challenge else approvals_needed(stored.stage, target)
        is_first = needed > 1 and proposal is None
        approved_by = {signature.operator, proposal.proposer if proposal else signature.operator}
        people = frozenset(approved_by | {_SECOND_PERSON} if is_first else approved_by)
        known = challenge and challenge.require(ladder, people)
        if challenge is None:
            _require(case, ladder, target, people)
        if is_first:
            return propose(case, ladder, target)
        if proposal:
            approvals.approve(connection, proposal.id, signature.operator, now)
        if challenge and known:
            return challenges.take_step(challenge.asked, ladder, challenge.move, people, known)
        _require_free_unit(connection, stored)
        if target == CANARY:
            return _open_canary(case, ladder, sorted(people))
        if target == PAPER and is_at_venue(connection, deployment_id):
            return _reopen_on_paper(case)
        return _move(case, target, "deployment.promoted")


def roll_back(engine: Engine, signature: Signature, *, deployment_id: int, clock: Clock) -> Receipt:
    """Take a shadow, canary or live deployment out again.

    Raises
    ------
    LifecycleError
        If the deployment is unknown or its stage has no way back.
    """
    with transaction(engine) as connection:
        return rolled_back(connection, signature, deployment_id=deployment_id, now=clock_time(clock))


def rolled_back(
    connection: Connection, signature: Signature, *, deployment_id: int, now: datetime
) -> Receipt:
    """Do the same in the caller's transaction."""
    case = Case(connection, locked_stage(connection, deployment_id), signature, now)
    if case.stored.challenges is not None and case.stored.stage in LADDER:
        standing = standing_of(connection, case.stored)
        asked = challenges.Challenging(connection, standing, signature, now)
        return challenges.take_back(asked, LadderSettings())
    _require(case, LadderSettings(), "rolled_back", frozenset({signature.operator}))
    return _move(case, "rolled_back", "deployment.rolled_back")


def disable(
    engine: Engine, signature: Signature, *, deployment_id: int, target: str = "cooling", clock: Clock
) -> Receipt:
    """Stop a deployment: ``cooling`` (it may come back) or ``retired`` (it may not, and must be flat).

    Raises
    ------
    LifecycleError
        If the deployment is unknown, the step does not exist from its stage, or a guard refuses.
    """
    if target not in RESTS:
        raise LifecycleError(f"target is {target!r}; expected {' or '.join(RESTS)}")
    now = clock_time(clock)
    with transaction(engine) as connection:
        case = Case(connection, locked_stage(connection, deployment_id), signature, now)
        challenges.require_incumbent(case.stored)
        _require(case, LadderSettings(), target, frozenset({signature.operator}))
        return _move(case, target, "deployment.disabled")


def let_rest(
    engine: Engine, signature: Signature, *, deployment_id: int, rest: timedelta, clock: Clock
) -> Receipt:
    """Let a deployment cool for a time, after which it comes back to paper by itself.

    Raises
    ------
    LifecycleError
        If the deployment is unknown or does not trade in a stage that may cool.
    """
    with transaction(engine) as connection:
        now = clock_time(clock)
        return rested(connection, signature, deployment_id=deployment_id, rest=rest, now=now)


def rested(
    connection: Connection, signature: Signature, *, deployment_id: int, rest: timedelta, now: datetime
) -> Receipt:
    """Do the same in the caller's transaction."""
    case = Case(connection, locked_stage(connection, deployment_id), signature, now)
    _require(case, LadderSettings(), "cooling", frozenset({signature.operator}))
    receipt = _move(case, "cooling", "deployment.disabled")
    rest_until(connection, deployment_id, now + rest)
    return receipt


def steps_in_reach(engine: Engine, ladder: LadderSettings, clock: Clock) -> list[Step]:
    """Promotions whose evidence suffices now, but for the people who must approve them.

    Parameters
    ----------
    engine
        Product database.
    ladder
        How long each stage lasts at least.
    clock
        Time of the look.
    """
    now = clock_time(clock)
    asked = Signature("nobody yet", "the evidence suffices")
    found = []
    with transaction(engine) as connection:
        every = read_stages(connection, deployment_ids(connection, LADDER[:-1]))
        rivals = [one for one in every if one.challenges is not None]
        reached = challenges.challenges_in_reach(connection, rivals, ladder, now)
        for stored in every:
            deployment_id = stored.deployment_id
            if stored.challenges is not None:
                if deployment_id in reached:
                    found.append(Step(deployment_id, stored.stage, *reached[deployment_id]))
                continue
            target = LADDER[LADDER.index(stored.stage) + 1]
            if _is_in_reach(Case(connection, stored, asked, now), ladder, target):
                needed = approvals_needed(stored.stage, target)
                found.append(Step(deployment_id, stored.stage, target, needed))
    return found


def _is_in_reach(case: Case, ladder: LadderSettings, target: Stage) -> bool:
    """Whether a step lacks nothing but people; what is known already is asked before what has to be read."""
    try:
        for record in (_known_record, _record):
            evidence = evidence_of(record(case, ladder), ladder, _TWO_PEOPLE, case.signature.reason)
            require_transition(case.stored.stage, target, evidence)
    except LifecycleError:
        return False
    return True


def locked_stage(connection: Connection, deployment_id: int) -> StoredStage:
    """Read a deployment that is about to change; nobody else changes it until the transaction ends.

    Raises
    ------
    LifecycleError
        If it is unknown, or a leg.
    """
    stored = read_stage(connection, deployment_id, for_update=True)
    if stored is None:
        raise UnknownRow(f"deployment:{deployment_id} does not exist; expected the id of a deployment")
    if stored.set_id is not None:
        raise LifecycleError(
            f"{stored.key} is a leg; expected its set, deployment:{stored.set_id}, which moves as a whole"
        )
    return stored


def _require(case: Case, ladder: LadderSettings, target: Stage, people: frozenset[str]) -> None:
    evidence = evidence_of(_record(case, ladder), ladder, people, case.signature.reason)
    require_transition(case.stored.stage, target, evidence)


def _first_capital(stored: StoredStage, ladder: LadderSettings) -> Decimal:
    """Capital of the canary that a shadow goes on as."""
    return stored.capital * Decimal(str(ladder.canary_capital_fraction))


def _known_record(case: Case, ladder: LadderSettings) -> StageRecord:
    """Tell what is known of a deployment without asking about its market."""
    stored = case.stored
    return StageRecord(
        stage=stored.stage,
        days=stored.days(case.now),
        paper_passed=stored.paper_passed,
        failed_gates=stored.failed_gates,
        look=fresh_evidence(stored.look, Freshness(case.now.date(), ladder.evidence_max_days)),
        is_flat=stored.position == 0,
        is_behind=stored.is_behind,
        halts=stored.halts,
        refused_orders=stored.refused_orders,
        active_triggers=stored.active_triggers,
        away=stands(stored.outages) if stored.is_next_money else "",
    )


def _record(case: Case, ladder: LadderSettings) -> StageRecord:
    stored, first = case.stored, (case.now - timedelta(days=ladder.data_days)).date()
    return replace(
        _known_record(case, ladder),
        blocked=blocking_now(case.connection, stored.exchange, stored.symbol, first),
        too_small=too_small(case.connection, stored, _first_capital(stored, ladder))
        if stored.stage == "shadow"
        else "",
        regime=days_in_regime(case.connection, stored.verdict_id, case.now) if stored.is_next_money else None,
    )


def _require_free_unit(connection: Connection, stored: StoredStage) -> None:
    unit = (stored.strategy, stored.exchange, stored.symbol, stored.timeframe)
    holder = traded_units(connection).get(unit)
    if holder not in (None, stored.deployment_id):
        raise LifecycleError(f"deployment:{holder} trades {' '.join(unit)} already; disable it first")
    for gone in off_the_list(connection, stored.exchange, symbols_of(stored.symbol)):
        raise LifecycleError(f"{gone} left the whitelist, or is leaving it; approve it first")


class _Challenge(NamedTuple):
    """A step of a challenger that is asked for."""

    asked: challenges.Challenging
    move: Move

    def people(self, ladder: LadderSettings) -> int:
        return challenges.people_needed(self.asked.standing.challenger, self.move, ladder)

    def require(self, ladder: LadderSettings, people: frozenset[str]) -> JudgedChallenger:
        return challenges.require_step(self.asked, ladder, self.move, people)


def _challenging(case: Case, target: str) -> _Challenge | None:
    """Step that a target means where the deployment is a challenger; None for another."""
    if case.stored.challenges is None:
        return None
    standing = standing_of(case.connection, case.stored)
    move = challenges.move_for(case.stored, standing.incumbent, target)
    return _Challenge(challenges.Challenging(case.connection, standing, case.signature, case.now), move)


def _move(case: Case, target: Stage, action: str) -> Receipt:
    stored = case.stored
    change_stage(case.connection, stored.deployment_id, target, case.now)
    if stored.stage == CANARY and target in LADDER:
        release(case.connection, stored.deployment_id)
    voided = approvals.void_proposals(case.connection, stored.key, case.now)
    audit_id = case.sign(action, {"to": target, **shown_evidence(stored), **detail_of(voided)})
    announce_deployments(case.connection)
    summary = f"{stored.key} went from {stored.stage} to {target}{clause_of(voided)}"
    return Receipt(action, stored.key, summary, audit_id)


def _open_canary(case: Case, ladder: LadderSettings, people: list[str]) -> Receipt:
    """Begin a book at the venue with a share of the capital; the shadow's paper book ends with it."""
    connection, stored, signature, now = case
    capital = _first_capital(stored, ladder)
    account = venue_account(connection, stored.exchange, currency="USDT", capital=capital, at=now)
    change_stage(connection, stored.deployment_id, "retired", now)
    voided = approvals.void_proposals(connection, stored.key, now)
    canary_id = open_venue_book(connection, stored.deployment_id, account, capital, now)
    control(connection, canary_id, ladder, capital, now)
    canary = f"deployment:{canary_id}"
    action = "deployment.promoted"
    detail = {"to": CANARY, "canary": canary, **shown_evidence(stored), **detail_of(voided)}
    audit_id = case.sign(action, detail)
    approved = {"reason": signature.reason, "operators": people, "capital": capital, "shadow": stored.key}
    approved["identified"] = signature.is_identified
    audit.append(connection, signature.operator, REAL_ORDERS_APPROVED, canary, approved)
    announce_deployments(connection)
    summary = f"{stored.key} goes on as {canary}: a canary at {stored.exchange} with {capital.normalize():f}"
    return Receipt(action, canary, summary + clause_of(voided), audit_id)


def _reopen_on_paper(case: Case) -> Receipt:
    """Begin a paper book for one that traded at a venue; its book there ends, flat."""
    connection, stored, _, now = case
    if stored.position:
        raise LifecycleError(
            f"{stored.key} still holds {stored.position.normalize():f} at {stored.exchange}; expected it flat"
        )
    account = known_paper_account(connection, stored.capital, now)
    change_stage(connection, stored.deployment_id, "retired", now)
    book = open_venue_book(connection, stored.deployment_id, account, stored.capital, now)
    change_stage(connection, book, PAPER, now)
    voided = approvals.void_proposals(connection, stored.key, now)
    detail = {"to": PAPER, "paper": f"deployment:{book}", **shown_evidence(stored), **detail_of(voided)}
    audit_id = case.sign("deployment.promoted", detail)
    announce_deployments(connection)
    summary = f"{stored.key} goes on as deployment:{book} in paper{clause_of(voided)}"
    return Receipt("deployment.promoted", f"deployment:{book}", summary, audit_id)
