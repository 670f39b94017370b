"""Halting and resuming the runner, for the whole account or one deployment.

A halt is a row; the runner reads it within seconds and takes no decision while it stands, whatever restarts.
"""

from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.operations.limits import ACCOUNT, require_scope
from quant_pipelines.operations.outages import RUNNER, is_fresh, standing_outages
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.approvals import open_proposals
from quant_pipelines.store.deployments import announce_deployments, read_expiries, read_limits
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.epochs import newest_epoch
from quant_pipelines.store.heartbeats import (
    add_halt,
    read_heartbeats,
    resolve_halts,
    standing_halts,
    trip_of,
)
from quant_pipelines.trading.breaker import Breaker, Trip

_SCOPES = (ACCOUNT, "deployment")
"""Kinds of what is halted and resumed."""


def halt(engine: Engine, signature: Signature, *, scope: str, clock: Clock) -> Receipt:
    """Let the runner take no decision for a scope until it is resumed; stops go on working.

    Parameters
    ----------
    engine
        Product database.
    signature
        Who, and why.
    scope
        ``account`` or ``deployment:<id>``.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the scope is unknown or halted already.
    """
    with transaction(engine) as connection:
        require_scope(connection, scope)
        detail: dict[str, Any] = {"reason": signature.reason}
        audit_id = audit.append(connection, signature.operator, "runner.halted", scope, detail)
        standing = standing_halts(connection, scope)
        if standing:
            raise LifecycleError(f"{scope} is halted already: {standing[0]['message']}")
        asked = Trip("frozen", f"halted by {signature.operator}: {signature.reason}")
        add_halt(connection, scope, asked, clock_time(clock), operator=signature.operator)
        announce_deployments(connection)
    return Receipt("runner.halted", scope, f"{scope} is halted", audit_id)


def flatten(engine: Engine, signature: Signature, *, scope: str, clock: Clock) -> Receipt:
    """Let the runner close what a scope holds, and halt it until it is resumed.

    Parameters
    ----------
    engine
        Product database.
    signature
        Who, and why.
    scope
        ``account`` or ``deployment:<id>``; it may be halted already.
    clock
        Time of the decision.

    Raises
    ------
    LifecycleError
        If the scope is unknown or is being flattened already.
    """
    with transaction(engine) as connection:
        require_scope(connection, scope)
        detail: dict[str, Any] = {"reason": signature.reason}
        audit_id = audit.append(connection, signature.operator, "runner.flattened", scope, detail)
        for row in standing_halts(connection, scope):
            if trip_of(row).event == "flattened":
                raise LifecycleError(f"{scope} is flattened already: {row['message']}")
        asked = Trip("flattened", f"flattened by {signature.operator}: {signature.reason}")
        add_halt(connection, scope, asked, clock_time(clock), operator=signature.operator)
        announce_deployments(connection)
    summary = f"{scope} is closed by the runner and stays halted until it is resumed"
    return Receipt("runner.flattened", scope, summary, audit_id)


def resume(engine: Engine, signature: Signature, *, scope: str, clock: Clock) -> Receipt:
    """Resolve every halt of a scope, also those that the runner set itself; that re-arms its breaker.

    What is halted still, such as the books that a kill has closed, is named in the receipt with its commands:
    each is looked at, and resumed, by itself.

    Raises
    ------
    LifecycleError
        If the scope is unknown or not halted, or its breaker still cools down.
    """
    with transaction(engine) as connection:
        require_scope(connection, scope)
        standing = standing_halts(connection, scope)
        if not standing:
            raise LifecycleError(f"{scope} is not halted; expected a scope with a halt")
        breaker = Breaker(tuple(trip_of(row) for row in standing))
        if refusal := breaker.refusal_to_rearm(clock()):
            raise LifecycleError(f"{scope} can't be resumed: {refusal}")
        resolve_halts(connection, scope, clock_time(clock))
        detail = {"reason": signature.reason, "resolved": [row["message"] for row in standing]}
        audit_id = audit.append(connection, signature.operator, "runner.resumed", scope, detail)
        left = _scopes_of(standing_halts(connection))
        announce_deployments(connection)
    summary = f"{scope} is resumed; halts resolved: {len(standing)}{_still_halted(left)}"
    return Receipt("runner.resumed", scope, summary, audit_id)


def _scopes_of(halts: list[dict[str, Any]]) -> list[str]:
    """Scopes with a halt, each once, oldest halt first."""
    return list(dict.fromkeys(row["source"] for row in halts if row["source"].split(":")[0] in _SCOPES))


def _still_halted(scopes: list[str]) -> str:
    commands = ", ".join(f'quant runner resume {scope} --reason "…"' for scope in scopes)
    return f"; still halted: {commands}" if scopes else ""


def runner_status(engine: Engine, clock: Clock) -> dict[str, Any]:
    """Document of the runner: state, sign of life, epoch, halts, limits, and what it trades.

    Returns
    -------
    dict
        ``state`` is ``away`` when the last sign of life is older than 15 seconds or there is none, and
        ``WAITING`` while ``outages`` keep the runner from trading. ``proposals`` wait for a second person.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        beat = read_heartbeats(connection).get(RUNNER)
        halts = standing_halts(connection)
        outages = standing_outages(connection, now)
        proposals, expiries = open_proposals(connection, now), read_expiries(connection)
        epoch, writer = newest_epoch(connection) or (None, None)
    return {
        "state": beat.state if beat and is_fresh(beat, now) else "away",
        "outages": outages,
        "last_sign_of_life": beat.at if beat else None,
        "epoch": epoch,
        "writer": writer,
        "halts": [{name: row[name] for name in ("source", "message", "at")} for row in halts],
        "limits": read_limits(engine),
        "limit_expiries": expiries,
        "proposals": proposals,
        "deployments": beat.detail.get("deployments", []) if beat else [],
        "data_age_seconds": beat.detail.get("data_age_seconds", {}) if beat else {},
    }
