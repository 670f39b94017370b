"""A person decides on what the paper screen left open; every refusal is one sentence and changes nothing."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import PortfolioSettings, Settings
from quant_pipelines.lifecycle import screen_candidates
from quant_pipelines.operations import candidates, stages
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.optimize.gates import PAPER, Gate
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import lock_screen
from quant_pipelines.store.tables import verdicts

pytestmark = pytest.mark.postgres
ETH = "ETH/USDT:USDT"


def approve(world: Any, signature: Signature, verdict_id: int) -> Any:
    return candidates.approve_candidate(
        world.engine, world.settings, signature, verdict_id=verdict_id, clock=world.clock
    )


def test_approved_candidate_is_deployed_and_signed(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict()
    receipt = approve(world, ann, verdict_id)
    (deployment,) = read_deployments(world.engine)
    assert (
        receipt.summary == f"verdict {verdict_id} is admitted: deployment:{deployment.id} trades it on paper"
    )
    admitted, approved = world.audit()
    assert (admitted.actor, admitted.action) == ("ann", "deployment.admitted")
    assert (approved.actor, approved.action) == ("ann", "candidate.approved")
    assert approved.id == receipt.audit_id
    assert approved.detail["reason"] == ann.reason


def test_of_two_approvals_at_the_same_time_one_wins(world: Any, ann: Signature, bob: Signature) -> None:
    verdict_id = world.verdict()
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
    with ThreadPoolExecutor() as people:
        with transaction(world.engine) as connection:
            lock_screen(connection)
            asked = [people.submit(approve, world, person, verdict_id) for person in (ann, bob)]
            while connection.execute(waiting).scalar_one() < len(asked):
                time.sleep(0.01)
        refusals = [str(one.exception()) for one in asked if one.exception()]
    assert refusals == [f"verdict {verdict_id} is admitted already; expected one that is not"]
    assert len(read_deployments(world.engine)) == 1


def test_an_approval_is_decided_on_the_connection_that_holds_the_lock(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict()
    taken: list[Any] = []
    event.listen(world.engine, "checkout", lambda *of: taken.append(of))
    approve(world, ann, verdict_id)
    assert len(taken) == 1


def test_operator_may_exceed_the_places_of_the_screen_but_not_the_capital(world: Any, ann: Signature) -> None:
    full = replace(world, settings=Settings(portfolio=PortfolioSettings(max_deployments=1)))
    full.verdict()
    waiting = full.verdict(ETH)
    screen_candidates(full.engine, full.settings, full.clock)
    approve(full, ann, waiting)
    assert len(read_deployments(full.engine)) == 2


def test_approval_beyond_the_capital_is_refused(world: Any, ann: Signature) -> None:
    poor = replace(world, settings=Settings(portfolio=PortfolioSettings(paper_capital=10_000.0)))
    poor.verdict()
    second = poor.verdict(ETH)
    screen_candidates(poor.engine, poor.settings, poor.clock)
    with pytest.raises(LifecycleError, match="enough for 1 deployments and 1 trade; disable one first"):
        approve(poor, ann, second)


def test_candidate_that_failed_a_gate_stays_out(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict(gates=(Gate("trades", 3.0, 30.0, False, PAPER, "closed trades"),))
    with pytest.raises(LifecycleError, match="is refused: trades is 3, threshold 30"):
        approve(world, ann, verdict_id)
    assert world.audit() == []
    assert read_deployments(world.engine) == []


def test_candidate_on_faulty_data_is_refused(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict()
    world.block()
    with pytest.raises(LifecycleError, match="3 x gaps in 1m bars"):
        approve(world, ann, verdict_id)


def test_second_approval_is_refused(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict()
    approve(world, ann, verdict_id)
    with pytest.raises(LifecycleError, match="is admitted already"):
        approve(world, ann, verdict_id)


def test_superseded_verdict_is_refused(world: Any, ann: Signature) -> None:
    old, new = world.verdict(day="2025-06-09"), world.verdict()
    with pytest.raises(LifecycleError, match=f"verdict {old} is superseded by verdict {new}"):
        approve(world, ann, old)


def test_unit_that_is_traded_must_be_disabled_first(world: Any, ann: Signature) -> None:
    deployment_id = world.deployment()
    newer = world.verdict(day="2025-06-11")
    with pytest.raises(LifecycleError, match=f"deployment:{deployment_id} trades these parameters already"):
        approve(world, ann, newer)
    stages.disable(world.engine, ann, deployment_id=deployment_id, clock=world.clock)
    approve(world, ann, newer)
    assert [one.id for one in read_deployments(world.engine)] == [deployment_id + 1]


def test_unknown_verdict_is_refused(world: Any, ann: Signature) -> None:
    with pytest.raises(LifecycleError, match="verdict 99 does not exist"):
        approve(world, ann, 99)


def test_rejected_candidate_keeps_the_reason(world: Any, ann: Signature) -> None:
    verdict_id = world.verdict()
    candidates.reject_candidate(world.engine, ann, verdict_id=verdict_id, clock=world.clock)
    (row,) = world.rows(verdicts)
    assert (row["decision"], row["reasons"]) == ("rejected", [f"rejected by ann: {ann.reason}"])
    assert [one.action for one in world.audit()] == ["candidate.rejected"]
    with pytest.raises(LifecycleError, match="is rejected already; expected a candidate"):
        candidates.reject_candidate(world.engine, ann, verdict_id=verdict_id, clock=world.clock)
