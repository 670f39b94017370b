"""Challengers from stored rows: opened beside the incumbent, and judged by what they did since."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import Connection

from quant_pipelines.core.instrument_sets import is_set
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.settings import LadderSettings, Settings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.time_away import stands
from quant_pipelines.core.timeline import Terms
from quant_pipelines.core.verdict_decisions import ADMITTED, CANDIDATE, REJECTED
from quant_pipelines.lifecycle.canary import (
    bands_of,
    is_overdue,
    missing_of,
)
from quant_pipelines.lifecycle.challenge import (
    PROVES,
    ChallengeEvidence,
    Kind,
    NewText,
    agreement,
    alone,
    refusals,
    step_of,
    validate,
)
from quant_pipelines.lifecycle.rivals import DoneInStage, Rivals, done_by, returns_since
from quant_pipelines.lifecycle.screen import ScreenDecision
from quant_pipelines.optimize.evidence import Freshness, fresh_evidence
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store import audit
from quant_pipelines.store import challenges as store
from quant_pipelines.store.allocation_facts import least_notional
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.findings import blocking_now
from quant_pipelines.store.heartbeats import standing_halts
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.lifecycle import add_deployment, paper_account, read_book
from quant_pipelines.store.stages import StoredStage, read_stage
from quant_pipelines.store.versions import standing_pin, turned_back

if TYPE_CHECKING:
    from quant_pipelines.optimize.paired_looks import PairedVerdict

_WAITING_RULES = ("one_in_flight", "halted", "pinned")
"""What keeps a challenger waiting; everything else turns it down."""


def open_challenger(
    connection: Connection, settings: Settings, one: ScreenDecision, values: dict[str, Any], actor: str
) -> tuple[ScreenDecision, int | None]:
    """Deploy a verdict on a traded unit beside the incumbent; returns what was decided, and the deployment.

    Parameters
    ----------
    connection
        Open transaction that also stores the decision.
    settings
        Risk limits, and the paper account.
    one
        The decision, with the incumbent.
    values
        Row of a new paper deployment.
    actor
        Who opens it.
    """
    now: datetime = values["created_at"]
    incumbent = read_stage(connection, one.challenges or 0, for_update=True)
    assert incumbent is not None  # noqa: S101 - it was read in this transaction
    kind, fault = _kind(connection, one.verdict, incumbent, values)
    if fault:
        return replace(one, decision=REJECTED, reasons=(fault,)), None
    new = _new_text(connection, one.verdict, values["strategy_version_id"], incumbent)
    checks = validate(new, limits_of(settings))
    taken_back_since = now - timedelta(days=settings.ladder.taken_back_days)
    step = step_of("candidate", "shadow" if incumbent.stage in ORDER_STAGES else "paper")
    evidence = ChallengeEvidence(
        kind,
        incumbent.stage,
        failed_checks=tuple(f"{check.name}: {check.fault}" for check in checks if check.fault),
        halted=_halted(connection, incumbent),
        in_flight=in_flight_of(connection, incumbent),
        pinned=pinned_of(connection, incumbent),
        turned_back=_turned_back(connection, incumbent, _offered(one.verdict, values), taken_back_since),
    )
    refused = refusals(step, evidence)
    if refused:
        waits = all(reason.startswith(_WAITING_RULES) for reason in refused)
        return replace(one, decision=CANDIDATE if waits else REJECTED, reasons=refused), None
    account = paper_account(connection, settings.portfolio.paper_capital, now)
    row = values | {"account_id": account, "stage": step.move, "capital": incumbent.capital}
    deployment_id = add_deployment(connection, row | {"challenges": incumbent.deployment_id})
    add_legs(connection, deployment_id)
    promised = np.array(list(store.record_returns(connection, one.verdict.id).values()))
    bands = bands_of(promised, settings.ladder.canary_error)
    opened: dict[str, Any] = {
        "incumbent_id": incumbent.deployment_id,
        "first_id": deployment_id,
        "kind": kind,
        "capital": incumbent.capital,
        "checks": {check.name: check.fault for check in checks},
        "bands": None if bands is None else bands._asdict(),
        "opened_at": now,
    }
    store.open_challenge(connection, opened)
    detail: dict[str, Any] = {
        "verdict": one.verdict.id,
        "stage": step.move,
        "incumbent": incumbent.key,
        "kind": kind,
    }
    detail |= {"parameters": one.verdict.parameters, "checks": opened["checks"], "bands": opened["bands"]}
    audit.append(connection, actor, "deployment.challenged", f"deployment:{deployment_id}", detail)
    return one, deployment_id


def _kind(
    connection: Connection, verdict: VerdictRecord, incumbent: StoredStage, values: dict[str, Any]
) -> tuple[Kind, str]:
    """Tell whether only parameters are new, and why nothing is; a record of its own is a new version."""
    known = store.text_and_terms(connection, incumbent.deployment_id)
    is_same_text = known["strategy_version_id"] == values["strategy_version_id"]
    if is_same_text and known["parameters"] == verdict.parameters:
        return "parameters", f"{incumbent.key} trades these parameters already"
    record = store.record_of(connection, incumbent.verdict_id)
    is_same_record = record is not None and record == store.record_of(connection, verdict.id)
    return ("parameters" if is_same_text and is_same_record else "version"), ""


def _new_text(
    connection: Connection, verdict: VerdictRecord, version_id: int, incumbent: StoredStage
) -> NewText:
    known = text_as_deployed(connection, _offered(verdict, {"strategy_version_id": version_id}))
    return known._replace(
        exposure=verdict.out_of_sample.get("largest_exposure"),
        trades_a_day=_trades_a_day(verdict.out_of_sample),
        incumbent_trades_a_day=_trades_a_day(store.outside_of(connection, incumbent.verdict_id)),
    )


def _trades_a_day(outside: Mapping[str, Any]) -> float | None:
    days, trades = outside.get("days"), outside.get("trades")
    return trades / days if trades is not None and days else None


def text_as_deployed(connection: Connection, terms: Terms) -> NewText:
    """Read what would trade, as its text declares it; nothing is said of what its record showed."""
    text = store.text_of(connection, terms.version_id)
    names = (*text.space, *terms.parameters)
    has_stops = "Stops(" in text.source or any(name.endswith("_stop") for name in names)
    return NewText(terms.parameters, text.space, None, None, has_stops=has_stops)


def limits_of(settings: Settings) -> RiskLimits:
    """Limits that risk validation holds parameters against: those of a book, and the turnover of a canary."""
    known = RiskLimits.from_settings(settings.risk)
    return replace(known, max_orders_per_day=float(settings.ladder.canary_orders_per_day))


def in_flight_of(connection: Connection, incumbent: StoredStage) -> str:
    """Say who challenges a deployment; empty where nobody does."""
    challenger = store.challenger_of(connection, incumbent.deployment_id)
    return _told_flight(challenger, incumbent.deployment_id) if challenger else ""


def _told_flight(challenger_id: int, incumbent_id: int) -> str:
    return f"deployment:{challenger_id} challenges deployment:{incumbent_id} already"


def waits_for_flight(one: ScreenDecision, in_flight: Mapping[int, int]) -> bool:
    """Whether a verdict was told to wait for the end of a challenge that goes on, by incumbent.

    It is asked about again once that has ended; every look until then would read all for the same answer.
    """
    challenger = in_flight.get(one.challenges or 0)
    if challenger is None or one.challenges is None:
        return False
    evidence = ChallengeEvidence(in_flight=_told_flight(challenger, one.challenges))
    return one.decision == ADMITTED and alone(evidence) in one.verdict.reasons


def pinned_of(connection: Connection, incumbent: StoredStage) -> str:
    """Say who pinned a deployment; empty where nobody did."""
    pin = standing_pin(connection, incumbent.deployment_id)
    return pin.sentence if pin else ""


def _offered(verdict: VerdictRecord, values: dict[str, Any]) -> Terms:
    return Terms(values["strategy_version_id"], verdict.content_hash, verdict.parameters, verdict.id)


def _turned_back(connection: Connection, incumbent: StoredStage, new: Terms, since: datetime) -> str:
    """Say when the same was taken back last; empty where it never was since."""
    same = (one for one in turned_back(connection, incumbent.deployment_id) if one.terms.digest == new.digest)
    found = next(same, None)
    if found is None or found.at < since:
        return ""
    return (
        f"the same parameters of the same text were taken back on {found.at:%Y-%m-%d} ({found.reason}); "
        "expected other ones, or a person who goes back to them (quant rollback --to)"
    )


class JudgedChallenger(NamedTuple):
    """What is known of a challenger now: evidence for the table, numbers for people, whether it is late."""

    evidence: ChallengeEvidence
    numbers: dict[str, Any]
    is_overdue: bool


def evidence_on(
    connection: Connection, standing: Rivals, found: DoneInStage, ladder: LadderSettings, now: datetime
) -> ChallengeEvidence:
    """Evidence on a challenger for the table; who approves it and why is added by whoever asks."""
    challenger, challenge, incumbent = standing
    paired = _paired(connection, challenger, incumbent) if challenge.kind == "version" else None
    first = (now - timedelta(days=ladder.data_days)).date()
    capital = incumbent.capital * Decimal(str(ladder.canary_capital_fraction))
    known = known_evidence_on(standing, found, ladder, now)
    return known._replace(
        paired=paired,
        blocked=blocking_now(connection, challenger.exchange, challenger.symbol, first),
        halted=_halted(connection, challenger, incumbent) or known.halted,
        too_small=too_small(connection, incumbent, capital),
        pinned=pinned_of(connection, incumbent),
    )


def known_evidence_on(
    standing: Rivals, found: DoneInStage, ladder: LadderSettings, now: datetime
) -> ChallengeEvidence:
    """Tell what of the evidence on a challenger is known without reading anything more."""
    challenger, challenge, incumbent = standing
    return ChallengeEvidence(
        "parameters" if challenge.kind == "parameters" else "version",
        incumbent.stage,
        failed_checks=tuple(f"{name}: {fault}" for name, fault in challenge.checks.items() if fault),
        look=fresh_evidence(challenger.look, Freshness(now.date(), ladder.evidence_max_days)),
        short=missing_of(found.stage, ladder),
        harm=found.harm,
        halted=stands(challenger.outages),
        needed=ladder.challenger_people,
    )


def judged(
    connection: Connection, standing: Rivals, ladder: LadderSettings, now: datetime
) -> JudgedChallenger:
    """Judge a challenger by what is stored, with the numbers that a person is told."""
    challenger, challenge, incumbent = standing
    found = done_by(connection, standing, ladder, now)
    evidence, done = evidence_on(connection, standing, found, ladder, now), found.stage
    paired = evidence.paired
    other = returns_since(read_book(connection, incumbent.deployment_id), challenger.since, now)
    numbers = {
        "stage": done.stage,
        "incumbent_stage": incumbent.stage,
        "days": done.days,
        "fills": int(done.shortfalls_bps.size),
        "mean_shortfall_bps": float(done.shortfalls_bps.mean()) if done.shortfalls_bps.size else None,
        "orders": done.orders,
        "rejected": done.rejected,
        "lost": done.lost,
        "agreement": _agreement(connection, challenger, incumbent),
        "difference_a_day": _difference_a_day(found.returns, other),
        "paired": None if paired is None else paired._asdict(),
        "harm": list(found.harm),
        "proves": PROVES.get(challenger.stage, ""),
        "rests_on": PROVES[challenge.kind],
    }
    return JudgedChallenger(evidence, numbers, is_overdue(done, ladder))


def _difference_a_day(mine: dict[int, float], other: dict[int, float]) -> float | None:
    """Mean daily return of the challenger less that of the incumbent, on the days of its stage."""
    both = [mine[day] - other[day] for day in mine.keys() & other.keys()]
    return float(np.mean(both)) if both else None


def _agreement(connection: Connection, challenger: StoredStage, incumbent: StoredStage) -> float | None:
    keys = (challenger.deployment_id, incumbent.deployment_id)
    return agreement(*(store.targets_since(connection, key, challenger.since) for key in keys))


def _paired(
    connection: Connection, challenger: StoredStage, incumbent: StoredStage
) -> "PairedVerdict | None":
    """Test the days that both records have by now: they go on growing while the challenge lasts."""
    from quant_pipelines.optimize.paired_looks import paired_at_looks  # noqa: PLC0415 - its package compiles

    mine, other = (store.days_of_record(connection, one.verdict_id) for one in (challenger, incumbent))
    days = sorted(mine.by_day.keys() & other.by_day.keys())
    if not days or days[-1] - days[0] != timedelta(days=len(days) - 1):
        return None  # a record is still computed from behind: no look rests on days with a gap
    difference = np.array([mine.by_day[day] - other.by_day[day] for day in days])
    return paired_at_looks(difference, days[0], max(mine.since, other.since))


def _halted(connection: Connection, *of: StoredStage) -> str:
    accounts = {store.text_and_terms(connection, one.deployment_id)["account_id"] for one in of}
    sources = {"account", *(one.key for one in of), *(f"account:{key}" for key in accounts)}
    found = [halt for halt in standing_halts(connection) if halt["source"] in sources]
    return f"{found[0]['source']}: {found[0]['message']}" if found else ""


def too_small(connection: Connection, traded: StoredStage, capital: Decimal) -> str:
    """Say why so much capital buys nothing; empty where it does, or no price or specification is known."""
    if is_set(traded.symbol):
        least = least_notional(connection, traded.exchange, traded.symbol)
        few = f"{capital.normalize():f} is less than {least.normalize():f}, the smallest orders of its legs"
        return few if capital < least else ""
    price = store.newest_price(connection, traded.deployment_id)
    instrument = newest_instrument(connection, traded.exchange, traded.symbol)
    if price is None or instrument is None:
        return ""
    least = max(instrument.min_notional, instrument.lot_size * Decimal(repr(price)))
    return f"{capital.normalize():f} is less than {least:f}, the smallest order" if capital < least else ""
