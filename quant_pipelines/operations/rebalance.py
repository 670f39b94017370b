"""Carries out plans of the allocation: the day's, the one that a person asks for, and the way back.

Each account is one transaction: the plan, the capital of its deployments and the audit row change together.
A plan that is refused changes nothing and is stored with the name of the rule.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.allocation_plan import DraftedPlan, draft_plan, draft_undo
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import allocation as store
from quant_pipelines.store import audit
from quant_pipelines.store.allocation_facts import read_accounts
from quant_pipelines.store.capital_changes import NewCapital, set_capitals
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables.allocation import PlanKind

ACTOR = "allocation"
APPLIED, REFUSED, PROPOSED, UNDONE = (
    f"allocation.{word}" for word in ("applied", "refused", "proposed", "undone")
)


class _Case(NamedTuple):
    """A plan that is carried out: by whom, why and when, and of which kind it is."""

    connection: Connection
    signature: Signature
    now: datetime
    kind: PlanKind


def plan_due(engine: Engine, settings: Settings, clock: Clock) -> list[str]:
    """Make the plans that are due: one for each account and UTC day, and one after money came or went.

    Returns
    -------
    list of str
        A sentence for each plan that was made; none where nothing is due.
    """
    now, told = clock_time(clock), list[str]()
    with transaction(engine) as connection:
        due = [one for one in read_accounts(connection) if store.is_due(connection, one.id, now.date())]
    for account in due:
        with transaction(engine) as connection:
            store.lock_allocation(connection)
            if not store.is_due(connection, account.id, now.date()):
                continue  # another run has made it meanwhile: a second one would go up by a second step
            draft = draft_plan(connection, settings, account, now)
            told_before = store.last_refusal(connection, account.id, now.date())
            if draft.is_refused and draft.rule == told_before:
                continue  # said once a day
            mode = settings.allocation.paper_mode if account.is_paper else settings.allocation.live_mode
            case = _Case(connection, Signature(ACTOR, "the plan of the day"), now, "daily")
            _carry_out(case, draft, is_applied=mode == "apply")
            told.append(draft.sentence)
    return told


def drafts(engine: Engine, settings: Settings, clock: Clock) -> list[DraftedPlan]:
    """Plan every account as of now; nothing is written."""
    now = clock_time(clock)
    with transaction(engine) as connection:
        return [draft_plan(connection, settings, one, now) for one in read_accounts(connection)]


def rebalance(engine: Engine, settings: Settings, signature: Signature, *, clock: Clock) -> Receipt:
    """Plan every account anew and carry the plans out, whatever their settings leave to a person.

    Raises
    ------
    LifecycleError
        If no account could be planned; the refusals are stored, nothing else is.
    """
    now, told, refused, audit_id = clock_time(clock), list[str](), list[str](), 0
    with transaction(engine) as connection:
        store.lock_allocation(connection)
        for account in read_accounts(connection):
            draft = draft_plan(connection, settings, account, now)
            audit_id = _carry_out(_Case(connection, signature, now, "asked"), draft, is_applied=True)
            (refused if draft.is_refused else told).append(draft.sentence)
    if not told:
        raise LifecycleError(f"nothing is rebalanced: {'; '.join(refused) or 'no account has a deployment'}")
    return Receipt(APPLIED, "allocation", "; ".join([*told, *refused]), audit_id)


def undo_rebalance(engine: Engine, signature: Signature, *, clock: Clock) -> Receipt:
    """Give the deployments of the newest plan that changed capital what they had before it.

    One whose capital or stage has changed since keeps what it has.

    Raises
    ------
    LifecycleError
        If no plan changed any capital, or every change of it was overtaken.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        store.lock_allocation(connection)
        accounts = {one.id: one for one in read_accounts(connection)}
        plans = [store.newest_applied(connection, one) for one in accounts]
        plan = max((one for one in plans if one), key=lambda one: one["id"], default=None)
        if plan is None:
            raise LifecycleError("no plan has changed capital; expected one to undo")
        draft = draft_undo(connection, plan, accounts[plan["account_id"]], now)
        if not draft.rows:
            raise LifecycleError(f"every capital of plan {plan['id']} has changed since; nothing is undone")
        audit_id = _carry_out(_Case(connection, signature, now, "undo"), draft, is_applied=True)
    return Receipt(UNDONE, f"plan:{plan['id']}", draft.sentence, audit_id)


def _carry_out(case: _Case, draft: DraftedPlan, *, is_applied: bool) -> int:
    """Store a plan and change the capital that it says; returns the audit row's id."""
    action = REFUSED if draft.is_refused else APPLIED if is_applied else PROPOSED
    outcome = action.removeprefix("allocation.")
    signature, kind = case.signature, case.kind
    shared = {"kind": kind, "outcome": outcome, "actor": signature.operator, "made_at": case.now}
    plan_id = store.save_plan(case.connection, {**draft.plan, **shared}, draft.rows)
    wanted = {
        row["deployment_id"]: NewCapital(row["capital"], f"plan {plan_id}: {row['reason']}")
        for row in (draft.changes if outcome == "applied" else ())
    }
    set_capitals(case.connection, wanted, actor=signature.operator, source="allocation", now=case.now)
    detail: dict[str, Any] = {"plan": plan_id, "reason": signature.reason, "told": draft.plan["reason"]}
    detail |= {"rule": draft.rule} if draft.is_refused else {"changed": len(draft.changes)}
    action = UNDONE if kind == "undo" else action
    return audit.append(case.connection, signature.operator, action, f"account:{draft.account.id}", detail)
