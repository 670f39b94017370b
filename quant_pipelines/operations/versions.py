"""Versions of what trades: kept by a pin, or exchanged for one that traded before.

Each is one transaction with its audit row. A person may go back to whatever traded; the table of challengers
says what must hold.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.stages import LADDER, ORDER_STAGES
from quant_pipelines.core.timeline import Stint, Terms, VersionChange, stints_of
from quant_pipelines.lifecycle.challenge import ChallengeEvidence, refusals, step_of, validate
from quant_pipelines.lifecycle.challengers import in_flight_of, limits_of, pinned_of, text_as_deployed
from quant_pipelines.operations import stages
from quant_pipelines.operations.challenges import PARAMETERS_CHANGED, people_needed, require_incumbent
from quant_pipelines.operations.controlled import control, keep_limits
from quant_pipelines.operations.proposals import Case, expire, proposal_of, propose
from quant_pipelines.operations.receipt import OperatedStack, Receipt, Signature
from quant_pipelines.store import approvals, audit
from quant_pipelines.store.capital_changes import read_capital
from quant_pipelines.store.deployments import REAL_ORDERS_APPROVED, announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stages import change_stage
from quant_pipelines.store.versions import (
    Pin,
    add_change,
    add_pin,
    changes_among,
    end_pin,
    open_again,
    placed_beside,
    standing_pin,
    terms_of,
)

RESTORED: Final = "deployment.version_restored"


def pin(engine: Engine, signature: Signature, *, deployment_id: int, clock: Clock) -> Receipt:
    """Have a deployment keep its version and its parameters: no challenger takes its place.

    What fails is taken back, culled and halted as ever.

    Raises
    ------
    LifecycleError
        If the deployment is unknown, a leg, a challenger, trades no more or is pinned already.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        case = _traded(connection, deployment_id, signature, clock)
        known = standing_pin(connection, deployment_id)
        if known is not None:
            raise LifecycleError(f"{known.sentence}; expected one that is not pinned")
        add_pin(connection, Pin(deployment_id, now, signature.operator, signature.reason))
        audit_id = case.sign("deployment.pinned", _named(terms_of(connection, deployment_id)))
    summary = f"{case.stored.key} keeps its version and parameters until it is unpinned"
    return Receipt("deployment.pinned", case.stored.key, summary, audit_id)


def unpin(engine: Engine, signature: Signature, *, deployment_id: int, clock: Clock) -> Receipt:
    """Let challengers of a deployment go on.

    Raises
    ------
    LifecycleError
        If the deployment is unknown, a leg, or not pinned.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        case = Case(connection, stages.locked_stage(connection, deployment_id), signature, now)
        if standing_pin(connection, deployment_id) is None:
            raise LifecycleError(f"{case.stored.key} is not pinned; expected one that is")
        end_pin(connection, deployment_id, signature.operator, now)
        audit_id = case.sign("deployment.unpinned", {})
    summary = f"{case.stored.key} may be challenged again"
    return Receipt("deployment.unpinned", case.stored.key, summary, audit_id)


def roll_back(
    stack: OperatedStack, signature: Signature, *, deployment_id: int, version: str = ""
) -> Receipt:
    """Take a deployment out again, or have its unit traded as it was before.

    The same text with other parameters goes on in the same book; another text gets a book of its own with the
    capital of this one, which closes what it holds.

    Parameters
    ----------
    stack
        Its settings say which limits the parameters must still pass, and how many people must approve it.
    signature
        Who, and why.
    deployment_id
        Which deployment.
    version
        Number in ``quant history``; empty takes the deployment out.

    Raises
    ------
    LifecycleError
        If the deployment is unknown or its stage has no way back; of a version, if there is no such one, it
        trades already, or a rule refuses, each by its name.
    """
    engine, settings, clock = stack
    if not version:
        return stages.roll_back(engine, signature, deployment_id=deployment_id, clock=clock)
    with transaction(engine) as connection:
        case = _traded(connection, deployment_id, signature, clock)
        return _restore(_Return(case, settings, _wanted(case, version)))


class _Return(NamedTuple):
    """A version that is to be gone back to."""

    case: Case
    settings: Settings
    stint: Stint


def stints_beside(connection: Connection, deployment_id: int) -> tuple[Stint, ...]:
    """Read what traded the unit of a deployment, oldest first."""
    placed = placed_beside(connection, deployment_id)
    return stints_of(placed, changes_among(connection, [one.deployment_id for one in placed]))


def _traded(connection: Connection, deployment_id: int, signature: Signature, clock: Clock) -> Case:
    stored = stages.locked_stage(connection, deployment_id)
    require_incumbent(stored)
    if stored.stage not in LADDER:
        raise LifecycleError(f"{stored.key} is in {stored.stage}; expected one that trades")
    return Case(connection, stored, signature, clock_time(clock))


def _wanted(case: Case, version: str) -> Stint:
    """Version of a number, which is not the one that trades."""
    found = stints_beside(case.connection, case.stored.deployment_id)
    numbers = ", ".join(str(one.number) for one in found)
    stint = next((one for one in found if str(one.number) == version.strip()), None)
    if stint is None:
        raise LifecycleError(
            f"version is {version!r}; expected one of {numbers}, by their numbers in quant history "
            f"{case.stored.deployment_id}"
        )
    if stint.terms.digest == terms_of(case.connection, case.stored.deployment_id).digest:
        raise LifecycleError(f"{case.stored.key} trades version {stint.number} already; expected another one")
    return stint


def _restore(asked: _Return) -> Receipt:
    case, settings, stint = asked
    connection, stored, signature, now = case
    ladder, target = settings.ladder, f"version {stint.number} ({stint.terms.digest})"
    expire(connection, now)
    needed = people_needed(stored, "restored", ladder)
    proposal = proposal_of(case, ladder, target)
    is_first = needed > 1 and proposal is None
    people = {signature.operator, proposal.proposer if proposal else signature.operator}
    _require(asked, frozenset({*people, "a second operator"} if is_first else people))
    if is_first:
        receipt = propose(case, ladder, target)
        summary = (
            f"version {stint.number} is proposed for {stored.key}; a second operator must go back to it too"
        )
        return replace(receipt, summary=summary)
    if proposal:
        approvals.approve(connection, proposal.id, signature.operator, now)
    before = terms_of(connection, stored.deployment_id)
    who = (stored.deployment_id, stored.deployment_id)
    change = VersionChange(*who, now, "rollback", before, stint.terms, signature.operator, signature.reason)
    approvals.void_proposals(connection, stored.key, now)
    if before.content_hash == stint.terms.content_hash:
        add_change(connection, change)
        receipt = _went_on(asked, change, sorted(people))
    else:
        receipt = _opened(asked, change, sorted(people))
    announce_deployments(connection)
    return receipt


def _require(asked: _Return, people: frozenset[str]) -> None:
    case, settings, stint = asked
    connection, stored, signature, _ = case
    new = text_as_deployed(connection, stint.terms)
    evidence = ChallengeEvidence(
        incumbent=stored.stage,
        failed_checks=tuple(
            f"{check.name}: {check.fault}" for check in validate(new, limits_of(settings)) if check.fault
        ),
        in_flight=in_flight_of(connection, stored),
        pinned=pinned_of(connection, stored),
        people=people,
        needed=people_needed(stored, "restored", settings.ladder),
        reason=signature.reason,
    )
    refused = refusals(step_of(stored.stage, "restored"), evidence)
    if refused:
        raise LifecycleError(f"{stored.key} can't go back to version {stint.number}: {'; '.join(refused)}")


def _went_on(asked: _Return, change: VersionChange, people: list[str]) -> Receipt:
    """Sign that a book goes on with parameters that it or another one had before."""
    case, _, stint = asked
    detail = _detail(stint, change, people) | {"parameters_before": change.before.parameters}
    audit_id = case.sign(PARAMETERS_CHANGED, detail)
    key = case.stored.key
    summary = f"{key} goes on with the parameters of version {stint.number}; what it holds is theirs"
    return Receipt(PARAMETERS_CHANGED, key, summary, audit_id)


def _opened(asked: _Return, change: VersionChange, people: list[str]) -> Receipt:
    """Give the place to a book with the text that traded before; the one that trades now ends."""
    case, _, stint = asked
    connection, stored, signature, now = case
    capital = read_capital(connection, stored.deployment_id) or Decimal(0)
    change_stage(connection, stored.deployment_id, "retired", now)
    model = stint.deployments[-1]
    made = open_again(connection, change, stage=stored.stage, model_id=model, capital=capital)
    keep_limits(connection, stored.deployment_id, made)
    if stored.stage == stages.CANARY:
        control(connection, made, asked.settings.ladder, capital, now)
    key = f"deployment:{made}"
    audit_id = case.sign(RESTORED, _detail(stint, change, people) | {"by": key, "capital": capital})
    if stored.stage in ORDER_STAGES:
        approved = {"reason": signature.reason, "operators": people, "capital": capital, "shadow": stored.key}
        approved["identified"] = signature.is_identified
        audit.append(connection, signature.operator, REAL_ORDERS_APPROVED, key, approved)
    summary = (
        f"{key} trades version {stint.number} in {stored.stage} with {capital.normalize():f}; what "
        f"{stored.key} holds is closed at its next bar"
    )
    return Receipt(RESTORED, key, summary, audit_id)


def _detail(stint: Stint, change: VersionChange, people: list[str]) -> dict[str, Any]:
    return {"version": stint.number, "operators": people, **_named(change.after)}


def _named(terms: Terms) -> dict[str, Any]:
    return {"parameters": dict(terms.parameters), "text": terms.content_hash}
