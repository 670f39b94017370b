"""Runs the paper screen over stored verdicts and deploys what it admits, all in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import (
    DAY_MS,
    EXECUTION_TIMEFRAME,
    floor_ms,
    from_ms,
    timeframe_ms,
    to_ms,
    warm_from_ms,
)
from quant_pipelines.core.verdict_decisions import ADMITTED, CANDIDATE, REJECTED, VerdictDecision
from quant_pipelines.lifecycle.challengers import open_challenger, waits_for_flight
from quant_pipelines.lifecycle.places import Bet
from quant_pipelines.lifecycle.screen import ScreenCandidate, ScreenDecision, Unit, decide_all, unit_of
from quant_pipelines.lifecycle.transitions import Evidence, require_transition
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store import lifecycle as store
from quant_pipelines.store.bars import oldest_bar_ms
from quant_pipelines.store.challenges import challengers_in_flight
from quant_pipelines.store.deployments import announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocking_findings
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.record_days import days_of_deployments, days_of_task
from quant_pipelines.store.verdict_rows import read_verdicts
from quant_pipelines.store.whitelist import off_the_list

ACTOR = "paper screen"


@dataclass(frozen=True, slots=True)
class ScreenReport:
    """What a screen did.

    Parameters
    ----------
    decisions
        Admitted first, then those that wait for a free place, then the rejected.
    deployments
        Ids of the new deployments, in the order of the admitted decisions.
    """

    decisions: tuple[ScreenDecision, ...]
    deployments: tuple[int, ...]

    def count(self, decision: VerdictDecision) -> int:
        """Verdicts with this decision."""
        return sum(one.decision == decision for one in self.decisions)

    @property
    def summary(self) -> str:
        """One line."""
        admitted, rejected = self.count(ADMITTED), self.count(REJECTED)
        return f"{admitted} admitted, {rejected} rejected, {self.count(CANDIDATE)} waiting for a place"


def screen_candidates(engine: Engine, settings: Settings, clock: Clock) -> ScreenReport:
    """Decide on every undecided verdict; the runner trades what is admitted.

    Parameters
    ----------
    engine
        Product database.
    settings
        Number and capital of paper deployments.
    clock
        Time of the decision.

    Returns
    -------
    ScreenReport
        Empty when nothing waited.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        store.lock_screen(connection)
        jobs = store.candidate_jobs(connection)
        waiting = [verdict for verdict in read_verdicts(connection, decision=CANDIDATE) if verdict.id in jobs]
        traded = store.traded_units(connection)
        candidates = [candidate_of(connection, verdict, jobs[verdict.id or 0], traded) for verdict in waiting]
        flights = challengers_in_flight(connection)
        free = _places(settings) - len(traded)
        decisions = decide_all(candidates, traded, free, bets_held(connection, traded))
        deployed = list[int]()
        made = list[ScreenDecision]()
        for one in decisions:
            if waits_for_flight(one, flights):
                made.append(replace(one, decision=CANDIDATE, reasons=one.verdict.reasons))
                continue
            decided, deployment_id = one, None
            if one.decision == ADMITTED:
                values = deployment_values(connection, settings, one.verdict, jobs[one.verdict.id or 0], now)
                decided, deployment_id = admitted(connection, settings, one, values)
            store.save_decision(connection, one.verdict.id or 0, decided.decision, decided.reasons, now)
            made.append(decided)
            deployed += [] if deployment_id is None else [deployment_id]
        if deployed:
            announce_deployments(connection)
    return ScreenReport(tuple(made), tuple(deployed))


def admitted(
    connection: Connection,
    settings: Settings,
    one: ScreenDecision,
    values: dict[str, Any],
    actor: str = ACTOR,
) -> tuple[ScreenDecision, int | None]:
    """Deploy what the screen admits: for a place of its own, or beside the incumbent of its unit.

    Returns
    -------
    tuple
        The decision, which the rules of challengers may have changed, and the deployment; None without one.
    """
    if one.challenges is not None:
        return open_challenger(connection, settings, one, values, actor)
    return one, deploy(connection, settings, one, values, actor)


def _places(settings: Settings) -> int:
    return min(settings.portfolio.max_deployments, affordable_deployments(settings))


def affordable_deployments(settings: Settings) -> int:
    """Count the deployments that the paper account's capital is enough for."""
    return int(settings.portfolio.paper_capital / settings.portfolio.deployment_capital)


def bets_held(connection: Connection, traded: dict[Unit, int]) -> Iterator[Bet]:
    """Yield what has a place now, with the out-of-sample days that it was admitted on; read if asked for."""
    days = days_of_deployments(connection, traded.values())
    for (strategy, exchange, symbol, _), number in traded.items():
        yield Bet(f"deployment:{number}", strategy, exchange, symbol, days.get(number, {}))


def candidate_of(
    connection: Connection, verdict: VerdictRecord, job: dict[str, Any], traded: dict[Unit, int]
) -> ScreenCandidate:
    """Verdict with what is known against its data now; the job is one of `candidate_jobs`.

    Who challenges what trades asks for no place, and is compared with nobody by its days.
    """
    findings = blocking_findings(
        connection,
        verdict.exchange,
        verdict.symbol,
        Window(verdict.window_start_ms, verdict.window_end_ms).days,
        timeframes={verdict.timeframe, verdict.out_of_sample["execution_timeframe"]},
    )
    days = {} if unit_of(verdict) in traded else days_of_task(connection, verdict.task_id)
    gone = off_the_list(connection, verdict.exchange, symbols_of(verdict.symbol))
    return ScreenCandidate(verdict, findings, job["job"]["archive"], days, tuple(gone))


def deployment_values(
    connection: Connection, settings: Settings, verdict: VerdictRecord, job: dict[str, Any], now: datetime
) -> dict[str, Any]:
    """Row of a new paper deployment, but for its account; the job is one of `candidate_jobs`."""
    same = ("strategy", "exchange", "symbol", "timeframe", "parameters")
    return {name: getattr(verdict, name) for name in same} | {
        "verdict_id": verdict.id,
        "strategy_version_id": job["strategy_version_id"],
        "execution_timeframe": EXECUTION_TIMEFRAME,
        "settings": job["rules"],
        "stage": "paper",
        "capital": Decimal(str(settings.portfolio.deployment_capital)),
        "history_start": _history_start(connection, verdict, now),
        "created_at": now,
        "stage_changed_at": now,
    }


def _history_start(connection: Connection, verdict: VerdictRecord, now: datetime) -> datetime:
    """Far enough that decisions no longer depend on it, but no bar that is not stored; a UTC midnight."""
    step_ms = timeframe_ms(verdict.timeframe)
    wanted = warm_from_ms(to_ms(now), int(verdict.in_sample["history_bars"]), step_ms)
    stored = (
        oldest_bar_ms(connection, Series(verdict.exchange, symbol, verdict.timeframe))
        for symbol in symbols_of(verdict.symbol)
    )
    oldest = min((ts for ts in stored if ts is not None), default=None)
    if oldest is not None:
        wanted = max(wanted, oldest)
    start = floor_ms(wanted, DAY_MS)
    return from_ms(start if oldest is None or start >= oldest else start + DAY_MS)


def deploy(
    connection: Connection,
    settings: Settings,
    one: ScreenDecision,
    values: dict[str, Any],
    actor: str = ACTOR,
) -> int:
    """Store the deployment of an admitted verdict, its legs and its audit row; returns the deployment's id.

    Parameters
    ----------
    connection
        Open transaction that also stores the decision.
    settings
        Capital of the paper account.
    one
        The decision.
    values
        See `deployment_values`.
    actor
        Who admitted it.
    """
    verdict, now = one.verdict, values["created_at"]
    require_transition("candidate", "paper", Evidence(paper_passed=one.decision == ADMITTED))
    account = store.paper_account(connection, settings.portfolio.paper_capital, now)
    deployment_id = store.add_deployment(connection, {**values, "account_id": account})
    legs = add_legs(connection, deployment_id)
    detail: dict[str, Any] = {
        "verdict": verdict.id,
        "stage": "paper",
        "unit": [verdict.strategy, verdict.exchange, verdict.symbol, verdict.timeframe],
        "parameters": verdict.parameters,
        "reasons": list(one.reasons),
    }
    if legs:
        detail["legs"] = legs
    audit.append(connection, actor, "deployment.admitted", f"deployment:{deployment_id}", detail)
    return deployment_id
