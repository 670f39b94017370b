"""An operator decides on a candidate, where the paper screen left it to a person.

The screen decides by itself on what it can; a person takes a candidate that waits for a place, or one that
was refused only because its unit was traded then. What failed a gate stays out for everybody.
"""

from dataclasses import replace

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError, UnknownRow
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.verdict_decisions import ADMITTED, CANDIDATE, REJECTED
from quant_pipelines.lifecycle.admission import (
    admitted,
    affordable_deployments,
    bets_held,
    candidate_of,
    deployment_values,
)
from quant_pipelines.lifecycle.screen import decide_all, unit_of
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store import lifecycle as store
from quant_pipelines.store.deployments import announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.verdict_rows import read_verdict
from quant_pipelines.store.verdicts import newest_verdict_id


def approve_candidate(
    engine: Engine, settings: Settings, signature: Signature, *, verdict_id: int, clock: Clock
) -> Receipt:
    """Admit a candidate to paper money.

    Parameters
    ----------
    engine
        Product database.
    settings
        Capital of the paper account and of a deployment.
    signature
        Who, and why.
    verdict_id
        Which verdict.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the verdict is unknown, admitted already or superseded, failed a gate, rests on faulty data, if its
        unit is traded, if it copies or mirrors what is traded, or the paper account has no capital left; the
        message says which.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        store.lock_screen(connection)
        verdict = _verdict(connection, verdict_id)
        if verdict.decision == ADMITTED:
            raise LifecycleError(f"verdict {verdict_id} is admitted already; expected one that is not")
        _require_newest(connection, verdict)
        job = store.candidate_jobs(connection, verdict_id)[verdict_id]
        traded = store.traded_units(connection)
        held = bets_held(connection, traded)
        candidate = candidate_of(connection, verdict, job, traded)
        (decision,) = decide_all([candidate], traded, places=1, held=held)
        if decision.decision != ADMITTED:
            raise LifecycleError(f"verdict {verdict_id} is refused: {'; '.join(decision.reasons)}")
        if decision.challenges is None:
            _require_capital(settings, len(traded))
        reasons = (f"approved by {signature.operator}: {signature.reason}", *decision.reasons)
        made = replace(decision, reasons=reasons)
        values = deployment_values(connection, settings, verdict, job, now)
        made, deployment_id = admitted(connection, settings, made, values, signature.operator)
        if made.decision != ADMITTED:
            raise LifecycleError(f"verdict {verdict_id} is refused: {'; '.join(made.reasons)}")
        store.save_decision(connection, verdict_id, ADMITTED, reasons, now)
        announce_deployments(connection)
        audit_id = _sign(connection, signature, "candidate.approved", verdict)
    summary = f"verdict {verdict_id} is admitted: deployment:{deployment_id} trades it on paper"
    return Receipt("candidate.approved", f"verdict:{verdict_id}", summary, audit_id)


def reject_candidate(engine: Engine, signature: Signature, *, verdict_id: int, clock: Clock) -> Receipt:
    """Turn down a candidate that waits.

    Raises
    ------
    LifecycleError
        If the verdict is unknown or decided on already.
    """
    with transaction(engine) as connection:
        store.lock_screen(connection)
        verdict = _verdict(connection, verdict_id)
        if verdict.decision != CANDIDATE:
            raise LifecycleError(f"verdict {verdict_id} is {verdict.decision} already; expected a candidate")
        reasons = (f"rejected by {signature.operator}: {signature.reason}",)
        store.save_decision(connection, verdict_id, REJECTED, reasons, clock_time(clock))
        audit_id = _sign(connection, signature, "candidate.rejected", verdict)
    summary = f"verdict {verdict_id} is rejected"
    return Receipt("candidate.rejected", f"verdict:{verdict_id}", summary, audit_id)


def _verdict(connection: Connection, verdict_id: int) -> VerdictRecord:
    found = read_verdict(connection, verdict_id)
    if found is None:
        raise UnknownRow(f"verdict {verdict_id} does not exist; expected the id of a stored verdict")
    return found


def _require_newest(connection: Connection, verdict: VerdictRecord) -> None:
    newest = newest_verdict_id(connection, verdict)
    if newest != verdict.id:
        raise LifecycleError(
            f"verdict {verdict.id} is superseded by verdict {newest}; expected the newest one"
        )


def _require_capital(settings: Settings, traded: int) -> None:
    places = affordable_deployments(settings)
    if traded >= places:
        raise LifecycleError(
            f"the paper account's capital is enough for {places} deployments and {traded} trade; "
            "disable one first"
        )


def _sign(connection: Connection, signature: Signature, action: str, verdict: VerdictRecord) -> int:
    detail = {
        "reason": signature.reason,
        "unit": list(unit_of(verdict)),
        "gates": [gate.to_document() for gate in verdict.gates],
    }
    return audit.append(connection, signature.operator, action, f"verdict:{verdict.id}", detail)
