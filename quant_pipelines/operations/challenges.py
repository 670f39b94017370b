"""Steps of challengers: to a canary beside the incumbent, into its place, and back.

Capital moves between the two books in the transaction of the step, so their sum never changes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import LADDER, Stage
from quant_pipelines.core.timeline import VersionChange
from quant_pipelines.lifecycle.canary import is_overdue
from quant_pipelines.lifecycle.challenge import Move, better, forward_of, refusals, step_of
from quant_pipelines.lifecycle.challengers import JudgedChallenger, evidence_on, judged, known_evidence_on
from quant_pipelines.lifecycle.rivals import (
    DoneInStage,
    Rivals,
    done_by,
    done_by_each,
    rivals_of,
    standing_of,
)
from quant_pipelines.operations.controlled import control, keep_limits, release
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import approvals, audit
from quant_pipelines.store import challenges as store
from quant_pipelines.store.capital_changes import read_capital, set_capital
from quant_pipelines.store.deployments import REAL_ORDERS_APPROVED, announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.stages import (
    StoredStage,
    change_stage,
    open_venue_book,
    read_stage,
    read_stages,
)
from quant_pipelines.store.versions import add_change, terms_of

ACTOR: Final = "promotion ladder"
REPLACED: Final = "deployment.replaced"
ROLLED_BACK: Final = "deployment.rolled_back"
PARAMETERS_CHANGED: Final = "deployment.parameters_changed"


class Challenging(NamedTuple):
    """A step of a challenger that is asked for: where, who and why, and when."""

    connection: Connection
    standing: Rivals
    signature: Signature
    now: datetime

    def judged(self, ladder: LadderSettings, people: frozenset[str]) -> JudgedChallenger:
        """Judge it, with who approves and why."""
        known = judged(self.connection, self.standing, ladder, self.now)
        evidence = known.evidence._replace(people=people, reason=self.signature.reason)
        return known._replace(evidence=evidence)


def require_incumbent(stored: StoredStage) -> None:
    """Prove that a deployment trades its unit by itself.

    Raises
    ------
    LifecycleError
        If it challenges another one.
    """
    if stored.challenges is not None and stored.stage in LADDER:
        raise LifecycleError(
            f"stage: {stored.key} challenges deployment:{stored.challenges}; expected one that trades its "
            f"unit (quant rollback {stored.deployment_id} takes a challenger back)"
        )


def move_for(stored: StoredStage, incumbent: StoredStage, target: str) -> Move:
    """Step that a target means for a challenger: the incumbent's own stage is its place.

    Raises
    ------
    LifecycleError
        If it means none.
    """
    if target == "canary" and stored.stage == "shadow":
        return "canary"
    if target in (incumbent.stage, "live"):
        return "full"
    raise LifecycleError(
        f"stage: {stored.key} challenges {incumbent.key}; expected canary, or {incumbent.stage} for its place"
    )


def require_step(
    asked: Challenging, ladder: LadderSettings, move: Move, people: frozenset[str]
) -> JudgedChallenger:
    """Prove that a challenger may take a step.

    Raises
    ------
    LifecycleError
        If the step does not exist or rules refuse it, each by its name.
    """
    challenger = asked.standing.challenger
    step, known = step_of(challenger.stage, move), asked.judged(ladder, people)
    refused = refusals(step, known.evidence)
    if refused:
        raise LifecycleError(f"step of {challenger.key} to {move} is refused: {'; '.join(refused)}")
    return known


def people_needed(stored: StoredStage, move: Move, ladder: LadderSettings) -> int:
    """Count the operators who must approve a step."""
    return ladder.challenger_people if step_of(stored.stage, move).needs_people else 0


def take_step(
    asked: Challenging, ladder: LadderSettings, move: Move, people: frozenset[str], known: JudgedChallenger
) -> Receipt:
    """Take a step that was proven."""
    if move == "canary":
        return _open_canary(asked, ladder, sorted(people), known)
    if ladder.challenger_keeps_book and known.evidence.kind == "parameters":
        return _hand_over(asked, sorted(people), known)
    return _take_place(asked, ladder, known)


def _open_canary(
    asked: Challenging, ladder: LadderSettings, people: list[str], known: JudgedChallenger
) -> Receipt:
    """Move a part of the incumbent's capital into a book beside it; the paper book of the shadow ends."""
    connection, (challenger, challenge, incumbent), signature, now = asked
    whole = read_capital(connection, incumbent.deployment_id) or Decimal(0)
    part = whole * Decimal(str(ladder.canary_capital_fraction))
    account = store.text_and_terms(connection, incumbent.deployment_id)["account_id"]
    change_stage(connection, challenger.deployment_id, "retired", now)
    approvals.void_proposals(connection, challenger.key, now)
    canary_id = open_venue_book(connection, challenger.deployment_id, account, part, now)
    store.follow_with(connection, challenge.id, canary_id)
    control(connection, canary_id, ladder, part, now)
    reason = f"canary deployment:{canary_id} beside it"
    set_capital(connection, incumbent.deployment_id, whole - part, **_said(asked, reason))
    canary = f"deployment:{canary_id}"
    detail = {"to": "canary", "canary": canary, "incumbent": incumbent.key, "capital": part}
    detail |= {"incumbent_capital": whole - part, "numbers": known.numbers, "reason": signature.reason}
    audit_id = _sign(asked, "deployment.promoted", challenger.key, detail)
    approved = {"reason": signature.reason, "operators": people, "capital": part, "shadow": challenger.key}
    # Where the settings want nobody, the approval of the incumbent's real orders goes on with its capital.
    approved["identified"] = signature.is_identified or not people_needed(challenger, "canary", ladder)
    audit.append(connection, signature.operator, REAL_ORDERS_APPROVED, canary, approved)
    announce_deployments(connection)
    summary = (
        f"{challenger.key} goes on as {canary} with {part.normalize():f}; {incumbent.key} keeps "
        f"{(whole - part).normalize():f}"
    )
    return Receipt("deployment.promoted", canary, summary, audit_id)


def _take_place(asked: Challenging, ladder: LadderSettings, known: JudgedChallenger) -> Receipt:
    """Give a challenger the incumbent's place and capital; the incumbent closes what it holds."""
    connection, (challenger, challenge, incumbent), _, now = asked
    is_beside = challenge.canary_id is not None
    left = read_capital(connection, incumbent.deployment_id) or Decimal(0)
    own = read_capital(connection, challenger.deployment_id) or Decimal(0)
    whole = left + own if is_beside else left
    change_stage(connection, incumbent.deployment_id, "retired", now)
    release(connection, challenger.deployment_id)
    keep_limits(connection, incumbent.deployment_id, challenger.deployment_id)
    if incumbent.stage == "canary":
        control(connection, challenger.deployment_id, ladder, whole, now)
    told = _won(asked, known, _change(asked, challenger.deployment_id))
    store.take_place(connection, challenger.deployment_id, incumbent.stage, now)
    if whole != own:
        reason = f"takes the place of {incumbent.key}"
        set_capital(connection, challenger.deployment_id, whole, **_said(asked, reason))
    detail = {"by": challenger.key, "stage": incumbent.stage, "capital": whole, **told}
    audit_id = _sign(asked, REPLACED, incumbent.key, detail)
    announce_deployments(connection)
    summary = (
        f"{challenger.key} takes the place of {incumbent.key} in {incumbent.stage} with "
        f"{whole.normalize():f}; what {incumbent.key} holds is closed at its next bar"
    )
    return Receipt(REPLACED, challenger.key, summary, audit_id)


def _hand_over(asked: Challenging, people: list[str], known: JudgedChallenger) -> Receipt:
    """Let the incumbent's book go on with a challenger's parameters; the challenger's own book ends."""
    connection, (challenger, challenge, incumbent), _, now = asked
    change = _change(asked, incumbent.deployment_id)
    capital = read_capital(connection, incumbent.deployment_id) or Decimal(0)
    change_stage(connection, challenger.deployment_id, "retired", now)
    told = _won(asked, known, change)
    if challenge.canary_id is not None:
        capital += read_capital(connection, challenge.canary_id) or Decimal(0)
        reason = f"goes on with the parameters of {challenger.key}"
        set_capital(connection, incumbent.deployment_id, capital, **_said(asked, reason))
    detail = {"by": challenger.key, "stage": incumbent.stage, "capital": capital, "operators": people, **told}
    detail |= {"parameters": change.after.parameters, "parameters_before": change.before.parameters}
    audit_id = _sign(asked, PARAMETERS_CHANGED, incumbent.key, detail)
    announce_deployments(connection)
    summary = (
        f"{incumbent.key} goes on in {incumbent.stage} with the parameters of {challenger.key} and "
        f"{capital.normalize():f}; what it holds is theirs to keep or to close"
    )
    return Receipt(PARAMETERS_CHANGED, incumbent.key, summary, audit_id)


def _won(asked: Challenging, known: JudgedChallenger, change: VersionChange) -> dict[str, Any]:
    """End a challenge that its challenger has won; returns what is told of it."""
    connection, (challenger, challenge, incumbent), signature, now = asked
    for one in (challenger, incumbent):
        approvals.void_proposals(connection, one.key, now)
    told = {"reason": signature.reason, "numbers": audit.plain(known.numbers)}
    store.end_challenge(connection, challenge.id, "replaced", now, told)
    add_change(connection, change)
    return told


def _change(asked: Challenging, to_deployment_id: int) -> VersionChange:
    """Row of a challenger's victory: who trades from then on, and what was traded before."""
    connection, (challenger, _, incumbent), signature, now = asked
    before = terms_of(connection, incumbent.deployment_id)
    after = terms_of(connection, challenger.deployment_id)
    who = (incumbent.deployment_id, to_deployment_id)
    return VersionChange(*who, now, "challenge", before, after, signature.operator, signature.reason)


def take_back(asked: Challenging, ladder: LadderSettings) -> Receipt:
    """Take a challenger out and give the incumbent back what its canary had.

    Raises
    ------
    LifecycleError
        If the step does not exist, or no reason is given.
    """
    known = require_step(asked, ladder, "rolled_back", frozenset())
    connection, (challenger, challenge, incumbent), signature, now = asked
    change_stage(connection, challenger.deployment_id, "rolled_back", now)
    approvals.void_proposals(connection, challenger.key, now)
    capital = read_capital(connection, incumbent.deployment_id) or Decimal(0)
    if challenge.canary_id is not None:
        capital += read_capital(connection, challenge.canary_id) or Decimal(0)
        reason = f"canary {challenger.key} is rolled back"
        set_capital(connection, incumbent.deployment_id, capital, **_said(asked, reason))
    told = {"reason": signature.reason, "numbers": audit.plain(known.numbers)}
    store.end_challenge(connection, challenge.id, "rolled_back", now, told)
    detail = {"from": challenger.stage, "to": "rolled_back", "incumbent": incumbent.key, **told}
    audit_id = _sign(asked, ROLLED_BACK, challenger.key, detail | {"incumbent_capital": capital})
    announce_deployments(connection)
    summary = (
        f"{challenger.key} went from {challenger.stage} to rolled_back; {incumbent.key} has "
        f"{capital.normalize():f}"
    )
    return Receipt(ROLLED_BACK, challenger.key, summary, audit_id)


def take_back_failed(engine: Engine, ladder: LadderSettings, clock: Clock) -> list[Receipt]:
    """Take back every challenger that a bound of its stage is broken for, and tell people.

    Parameters
    ----------
    engine
        Product database.
    ladder
        The bounds.
    clock
        Time of the look.
    """
    now, done = clock_time(clock), list[Receipt]()
    for deployment_id in _harmful(engine, ladder, now):
        with transaction(engine) as connection:
            stored = read_stage(connection, deployment_id, for_update=True)
            if stored is None or stored.challenges is None:
                continue
            standing = standing_of(connection, stored)
            harm = done_by(connection, standing, ladder, now).harm
            if not harm:
                continue
            asked = Challenging(connection, standing, Signature(ACTOR, "; ".join(harm)), now)
            receipt = take_back(asked, ladder)
            sentence = f"{receipt.summary}: {'; '.join(harm)}"
            add_alert(connection, Alert("warning", stored.key, sentence, now))
            done.append(receipt)
    return done


def _harmful(engine: Engine, ladder: LadderSettings, now: datetime) -> list[int]:
    """Challengers that a bound is broken for, read all at once; each is judged again before it goes."""
    with transaction(engine) as connection:
        standing = rivals_of(connection, read_stages(connection, store.challengers(connection)))
        found = done_by_each(connection, standing, ladder, now)
    return [one.challenger.deployment_id for one, done in zip(standing, found, strict=True) if done.harm]


class StepInReach(NamedTuple):
    """Step of a challenger whose evidence suffices, or a canary that waits for a person."""

    target: Stage
    people: int
    overdue: str = ""


def challenges_in_reach(
    connection: Connection, challengers: Sequence[StoredStage], ladder: LadderSettings, now: datetime
) -> dict[int, StepInReach]:
    """Find the steps that challengers may take now, but for the people who must approve them."""
    movable = [one for one in challengers if forward_of(one.stage) is not None]
    standing = rivals_of(connection, movable)
    steps = {
        one.challenger.deployment_id: _step_in_reach(connection, one, done, ladder, now)
        for one, done in zip(standing, done_by_each(connection, standing, ladder, now), strict=True)
    }
    return {key: step for key, step in steps.items() if step is not None}


def _step_in_reach(
    connection: Connection, standing: Rivals, found: DoneInStage, ladder: LadderSettings, now: datetime
) -> StepInReach | None:
    stored = standing.challenger
    move = forward_of(stored.stage)
    assert move is not None  # noqa: S101 - only those that may move are asked about
    is_late = is_overdue(found.stage, ladder)
    step = step_of(stored.stage, move)
    asked: dict[str, Any] = {"people": frozenset({"one", "two"}), "reason": "the evidence suffices"}
    known = known_evidence_on(standing, found, ladder, now)._replace(**asked)
    if not is_late and any(guard(known) for guard in step.guards if guard is not better):
        return None  # what it lacks is known without a test of its record
    evidence = evidence_on(connection, standing, found, ladder, now)._replace(**asked)
    target: Stage = "canary" if move == "canary" else standing.incumbent.stage
    people = people_needed(stored, move, ladder)
    if not refusals(step, evidence):
        return StepInReach(target, people)
    late = f"its canary has not ended within {ladder.canary_max_days} days; a person decides"
    return StepInReach(target, max(people, 1), late) if is_late else None


def binding(connection: Connection, stored: StoredStage, ladder: LadderSettings) -> str:
    """Digest of what an approval is of: strategy, parameters, settings, evidence; a change makes another."""
    bound = {
        "terms": store.text_and_terms(connection, stored.deployment_id),
        "ladder": asdict(ladder),
        "verdict": stored.verdict_id,
        "gates": list(stored.failed_gates),
        "look": stored.look._asdict(),
        "stage": stored.stage,
    }
    document = json.dumps(audit.plain(bound), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


def _said(asked: Challenging, reason: str) -> Any:
    operator = asked.signature.operator
    return {"actor": operator, "reason": reason, "source": "challenger", "now": asked.now}


def _sign(asked: Challenging, action: str, subject: str, detail: dict[str, Any]) -> int:
    return audit.append(asked.connection, asked.signature.operator, action, subject, detail)
