"""Promotion, way back and rest on real rows: who may, who may not, and what stays behind."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.hotlist.regime import RegimePath
from quant_pipelines.operations import candidates, stages
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.store.deployments import Deployment, has_approval, read_deployments
from quant_pipelines.store.regimes import add_regimes
from quant_pipelines.store.tables import (
    accounts,
    alerts,
    approvals,
    data_findings,
    deployments,
    positions,
    verdicts,
)
from tests.stored_looks import PASSED, look_at_deployment

pytestmark = pytest.mark.postgres


def promote(world: Any, signature: Signature, deployment_id: int, target: str) -> Any:
    return stages.promote(
        world.engine,
        world.settings.ladder,
        signature,
        deployment_id=deployment_id,
        target=target,
        clock=world.clock,
    )


def refusal(world: Any, signature: Signature, deployment_id: int, target: str) -> str:
    """Sentence of a refused promotion, which has changed nothing."""
    before = world.stage(deployment_id), len(world.audit())
    with pytest.raises(LifecycleError) as refused:
        promote(world, signature, deployment_id, target)
    assert (world.stage(deployment_id), len(world.audit())) == before
    return str(refused.value)


def test_proven_paper_becomes_a_shadow(world: Any, ann: Signature) -> None:
    deployment_id = world.deployment()
    receipt = promote(world, ann, deployment_id, "shadow")
    assert receipt.summary == f"deployment:{deployment_id} went from paper to shadow"
    assert world.stage(deployment_id) == "shadow"
    newest = world.audit()[-1]
    assert (newest.action, newest.detail["from"], newest.detail["to"]) == (
        "deployment.promoted",
        "paper",
        "shadow",
    )


def test_second_promotion_to_the_same_stage_is_refused(world: Any, ann: Signature) -> None:
    deployment_id = world.deployment()
    promote(world, ann, deployment_id, "shadow")
    assert "'shadow' can't follow 'shadow'" in refusal(world, ann, deployment_id, "shadow")


def test_stage_that_is_skipped_is_refused(world: Any, ann: Signature) -> None:
    sentence = refusal(world, ann, world.deployment(), "live")
    assert sentence == "stage 'live' can't follow 'paper'; expected shadow or cooling or retired"


@pytest.mark.parametrize(
    ("source", "target"), [("paper", "shadow"), ("shadow", "canary"), ("canary", "live")]
)
def test_blocked_partition_is_refused_by_symbol_day_and_check(
    world: Any, ann: Signature, source: str, target: str
) -> None:
    deployment_id = world.deployment(stage=source)
    world.block()
    assert refusal(world, ann, deployment_id, target) == (
        f"step from {source} to {target} is refused: 1 findings block its newest data: "
        "3 x gaps in 1m bars of BTC/USDT:USDT on 2025-06-09"
    )
    assert world.stage(deployment_id) == source


def test_blocked_partition_of_another_symbol_or_that_was_repaired_is_no_hindrance(
    world: Any, ann: Signature
) -> None:
    deployment_id = world.deployment()
    world.block("ETH/USDT:USDT")
    world.block()
    with world.engine.begin() as connection:
        is_btc = data_findings.c.symbol == "BTC/USDT:USDT"
        connection.execute(update(data_findings).where(is_btc).values(resolved_at=world.now))
    promote(world, ann, deployment_id, "shadow")
    assert world.stage(deployment_id) == "shadow"


def test_young_paper_is_refused(world: Any, ann: Signature) -> None:
    sentence = refusal(world, ann, world.deployment(days_ago=3.5), "shadow")
    assert "it has been in paper for 3 days, at least 14 are asked for" in sentence


def test_capital_follows_the_newest_look_and_not_what_the_verdict_once_said(
    world: Any, ann: Signature
) -> None:
    deployment_id = world.deployment()
    undecided = CapitalEvidence("undecided", "symbol", 120, 40, 900, statistic=2.1, critical=3.4)
    with world.engine.begin() as connection:
        connection.execute(update(verdicts).values(capital_passed=True))
        look_at_deployment(connection, deployment_id, undecided)
    assert refusal(world, ann, deployment_id, "shadow") == (
        "step from paper to shadow is refused: its capital decision is not yet decidable: about 120 more "
        "days (40 to 900) (asked by itself, 1 of 24 tests, look of 2025-06-04)"
    )
    with world.engine.begin() as connection:
        connection.execute(update(verdicts).values(capital_passed=False))
        look_at_deployment(connection, deployment_id)
    promote(world, ann, deployment_id, "shadow")
    audited = world.audit()[-1].detail["look"]
    assert (audited["decision"], audited["tests"], audited["look_day"]) == ("passed", 24, "2025-06-05")


@pytest.mark.parametrize(
    ("seen_until", "days_later", "is_stale"), [(None, 15, False), (None, 16, True), ("2025-05-19", 0, True)]
)
def test_pass_of_a_record_that_no_look_has_seen_lately_counts_no_more(
    world: Any, later: Any, ann: Signature, seen_until: str | None, days_later: int, is_stale: bool
) -> None:
    deployment_id = world.deployment()  # the next look is that of 2025-06-04; asked on 2025-06-10
    last_day = date.fromisoformat(seen_until) if seen_until else None
    with world.engine.begin() as connection:
        look_at_deployment(connection, deployment_id, PASSED._replace(last_day=last_day))
    now = later(days_later)
    if not is_stale:
        promote(now, ann, deployment_id, "shadow")
        return
    assert stages.steps_in_reach(now.engine, now.settings.ladder, now.clock) == []
    assert "its evidence is stale: no look has seen it lately" in refusal(now, ann, deployment_id, "shadow")


def test_record_that_no_look_has_seen_gets_no_money(world: Any, ann: Signature) -> None:
    other = world.deployment("ETH/USDT:USDT")
    verdict_id = world.verdict()
    with world.engine.begin() as connection:  # the deployment's verdict is one that nobody has looked at
        is_it = deployments.c.id == other
        connection.execute(update(deployments).where(is_it).values(verdict_id=verdict_id))
    assert "(no look has seen it yet)" in refusal(world, ann, other, "shadow")


@pytest.mark.parametrize("name", ["pbo", "gaps_paid_for", "days_unseen"])
def test_gate_that_the_newest_verdict_failed_refuses_what_the_look_passes(
    world: Any, ann: Signature, name: str
) -> None:
    deployment_id = world.deployment()
    gate = {"name": name, "value": 0.0, "threshold": 1.0, "passed": False, "gate": "capital", "detail": "x"}
    with world.engine.begin() as connection:
        connection.execute(update(verdicts).values(gates=[gate]))
    assert refusal(world, ann, deployment_id, "shadow") == (
        f"step from paper to shadow is refused: gates of its newest verdict have not passed: {name}"
    )


def test_verdict_on_an_older_window_takes_nothing_back_that_a_newer_one_found(
    world: Any, ann: Signature
) -> None:
    deployment_id = world.deployment()
    failed = Gate("gaps_paid_for", 0.0, 3.0, False, "capital", "x")
    world.verdict(gates=(failed,), day="2025-06-12", record_of="2025-06-10")
    refused = refusal(world, ann, deployment_id, "shadow")
    assert "gates of its newest verdict have not passed: gaps_paid_for" in refused
    world.verdict(day="2025-06-08", record_of="2025-06-10")  # a person asks for days of before
    assert refusal(world, ann, deployment_id, "shadow") == refused


def test_unknown_deployment_is_refused(world: Any, ann: Signature) -> None:
    with pytest.raises(LifecycleError, match="deployment:99 does not exist"):
        promote(world, ann, 99, "shadow")


@pytest.mark.parametrize(("source", "target"), [("shadow", "canary"), ("canary", "live")])
def test_money_needs_a_second_person(
    world: Any, ann: Signature, bob: Signature, source: str, target: str
) -> None:
    deployment_id = world.deployment(stage=source)
    assert promote(world, ann, deployment_id, target).action == "deployment.proposed"
    assert world.stage(deployment_id) == source
    assert "expected a different operator" in refusal(
        world, Signature(" Ann", "again"), deployment_id, target
    )
    subject = promote(world, bob, deployment_id, target).subject
    assert world.stage(int(subject.removeprefix("deployment:"))) == target
    (row,) = world.rows(approvals)
    assert (row["proposer"], row["operator"], row["decision"]) == ("ann", "bob", "approved")


def test_money_waits_until_its_record_has_seen_the_regime_that_its_market_is_in(
    world: Any, ann: Signature
) -> None:
    """A day counts by the regime that was known at its end; what is known later changes nothing."""
    shadow, day_ms = world.deployment(stage="shadow"), day_start_ms("2025-06-10")
    world.promise(shadow, np.full(40, 0.01))  # the hundred days before: forty have a return
    first_ms = day_ms - 100 * DAY_MS
    hours = np.array([*(first_ms + DAY_MS * np.arange(1, 41)), day_ms], dtype=np.int64)
    turbulent = np.array([0.9] * 12 + [0.1] * 28 + [0.8])
    add_regimes(world.engine, "binanceusdm", "BTC/USDT:USDT", RegimePath(hours, turbulent, np.zeros(41)))
    half_past = replace(world, now_ms=day_ms + 30 * MINUTE_MS)
    sentence = "its market is turbulent now, and 12 days of its record ended so"
    assert sentence in refusal(half_past, ann, shadow, "canary")
    assert promote(world, ann, shadow, "canary").action == "deployment.proposed"


def test_canary_has_a_book_of_its_own_at_the_venue(world: Any, ann: Signature, bob: Signature) -> None:
    shadow_id = world.deployment(stage="shadow")
    promote(world, ann, shadow_id, "canary")
    promote(world, bob, shadow_id, "canary")
    shadow, canary = world.rows(deployments)
    assert (shadow["id"], shadow["stage"], canary["stage"]) == (shadow_id, "retired", "canary")
    assert (canary["capital"], canary["created_at"]) == (1_000, world.now)
    (venue,) = [row for row in world.rows(accounts) if row["id"] == canary["account_id"]]
    assert venue["venue"] == "binanceusdm"
    approved = world.audit()[-1]
    assert (approved.action, approved.subject) == (
        "deployment.real_orders_approved",
        f"deployment:{canary['id']}",
    )
    assert approved.detail["operators"] == ["ann", "bob"]


def test_a_set_climbs_the_ladder_as_one_and_its_canary_has_a_leg_at_the_venue_for_each_symbol(
    world: Any, ann: Signature, bob: Signature
) -> None:
    paper = world.deployment(symbol="BTC/USDT:USDT+ETH/USDT:USDT")
    promote(world, ann, paper, "shadow")
    with world.engine.begin() as connection:
        since = {"stage_changed_at": world.now - timedelta(days=30)}
        connection.execute(update(deployments).values(since))
    promote(world, ann, paper, "canary")
    subject = promote(world, replace(bob, is_identified=True), paper, "canary").subject
    canary, venue = int(subject.removeprefix("deployment:")), ("binanceusdm", "canary")
    legs = read_deployments(world.engine, ORDER_STAGES)
    assert [(leg.set_id, leg.symbol, leg.capital) for leg in legs] == [
        (canary, "BTC/USDT:USDT", 500),
        (canary, "ETH/USDT:USDT", 500),
    ]
    assert {(leg.venue, leg.stage) for leg in legs} == {venue}
    assert all(has_approval(world.engine, leg) for leg in legs)
    with world.engine.begin() as connection:
        connection.execute(insert(positions).values(held_by(legs[1])))
        connection.execute(update(deployments).values(since))
    promote(world, ann, canary, "live")
    promote(world, bob, canary, "live")
    assert {leg.stage for leg in read_deployments(world.engine, ORDER_STAGES)} == {"live"}
    stages.disable(world.engine, ann, deployment_id=canary, clock=world.clock)
    leaving = read_deployments(world.engine, ORDER_STAGES, with_leaving=True)
    assert [(leg.id, leg.is_leaving) for leg in leaving] == [(legs[1].id, True)]


def held_by(leg: Deployment) -> dict[str, Any]:
    """Row of a position of a leg."""
    row = {"deployment_id": leg.id, "symbol": leg.symbol, "quantity": -1, "entry_price": 100}
    return row | {"realized_pnl": 0, "updated_at": leg.created_at}


def test_database_refuses_the_same_person_twice(world: Any, ann: Signature) -> None:
    promote(world, ann, world.deployment(stage="shadow"), "canary")
    with pytest.raises(IntegrityError, match="four_eyes"), world.engine.begin() as connection:
        connection.execute(update(approvals).values(operator="ANN ", decision="approved"))


def test_proposal_ends_when_the_stage_changes(world: Any, ann: Signature, bob: Signature) -> None:
    deployment_id = world.deployment(stage="shadow")
    promote(world, ann, deployment_id, "canary")
    stages.roll_back(world.engine, bob, deployment_id=deployment_id, clock=world.clock)
    (row,) = world.rows(approvals)
    assert (world.stage(deployment_id), row["decision"]) == ("rolled_back", "void")


def test_guards_are_asked_again_for_the_second_person(world: Any, ann: Signature, bob: Signature) -> None:
    deployment_id = world.deployment(stage="shadow")
    promote(world, ann, deployment_id, "canary")
    halted = {"severity": "halt", "source": f"deployment:{deployment_id}", "message": "x", "detail": {}}
    with world.engine.begin() as connection:
        connection.execute(insert(alerts).values(**halted, at=world.now))
    assert "its shadow has not matched its replay" in refusal(world, bob, deployment_id, "canary")


def test_paper_cannot_be_rolled_back(world: Any, ann: Signature) -> None:
    with pytest.raises(LifecycleError, match="'rolled_back' can't follow 'paper'"):
        stages.roll_back(world.engine, ann, deployment_id=world.deployment(), clock=world.clock)


def test_disabled_deployment_cools_and_comes_back_with_an_approval(world: Any, ann: Signature) -> None:
    deployment_id = world.deployment()
    stages.disable(world.engine, ann, deployment_id=deployment_id, clock=world.clock)
    assert world.stage(deployment_id) == "cooling"
    promote(world, ann, deployment_id, "paper")
    assert world.stage(deployment_id) == "paper"


def test_cooled_deployment_does_not_come_back_while_another_trades_its_unit(
    world: Any, ann: Signature
) -> None:
    deployment_id = world.deployment()
    stages.disable(world.engine, ann, deployment_id=deployment_id, clock=world.clock)
    newer = world.verdict(day="2025-06-11")
    candidates.approve_candidate(world.engine, world.settings, ann, verdict_id=newer, clock=world.clock)
    assert "already; disable it first" in refusal(world, ann, deployment_id, "paper")


def test_deployment_with_a_position_is_not_retired(world: Any, ann: Signature) -> None:
    deployment_id = world.deployment()
    held = {"quantity": 1, "entry_price": 1, "realized_pnl": 0, "symbol": "BTC/USDT:USDT"}
    with world.engine.begin() as connection:
        row = {"deployment_id": deployment_id, **held, "updated_at": world.now}
        connection.execute(insert(positions).values(row))
    with pytest.raises(LifecycleError, match="its book still holds a position"):
        stages.disable(world.engine, ann, deployment_id=deployment_id, target="retired", clock=world.clock)


def test_steps_in_reach_are_those_whose_evidence_suffices(world: Any) -> None:
    proven = world.deployment()
    shadow = world.deployment("ETH/USDT:USDT", stage="shadow")
    world.deployment("SOL/USDT:USDT", days_ago=1)
    found = stages.steps_in_reach(world.engine, world.settings.ladder, world.clock)
    assert [(one.deployment_id, one.target, one.people) for one in found] == [
        (proven, "shadow", 0),
        (shadow, "canary", 2),
    ]


def test_decision_without_a_name_or_a_reason_is_refused() -> None:
    with pytest.raises(Exception, match="operator has 0 characters"):
        Signature("  ", "why")
    with pytest.raises(Exception, match="reason has 0 characters"):
        replace(Signature("ann", "why"), reason="")
