"""What traded a unit, one after another, on real rows: pinned, gone back to, never tried twice, in words."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.timeline import VersionChange
from quant_pipelines.lifecycle import score_deployments, screen_candidates
from quant_pipelines.operations import stages, versions
from quant_pipelines.operations.challenges import take_back_failed
from quant_pipelines.operations.proposals import expire_proposals
from quant_pipelines.operations.receipt import OperatedStack, Receipt, Signature
from quant_pipelines.store.deployments import read_limits, set_limit
from quant_pipelines.store.stages import change_stage, open_venue_book
from quant_pipelines.store.tables import deployments
from quant_pipelines.store.versions import open_again, standing_pin, terms_of
from tests.integration.operations.test_challengers import (
    LADDER,
    canary_of,
    capital,
    challenger_of,
    fill,
    incumbent_of,
    promote,
    refused,
    store_verdict,
)

pytestmark = pytest.mark.postgres

KEEPING = replace(LADDER, challenger_keeps_book=True)


def parameters(world: Any, deployment_id: int) -> dict[str, Any]:
    with world.engine.connect() as connection:
        query = select(deployments.c.parameters).where(deployments.c.id == deployment_id)
        return dict(connection.execute(query).scalar_one())


def back(world: Any, by: Signature, deployment_id: int, version: object) -> Receipt:
    stack = OperatedStack(world.engine, world.settings, world.clock)
    return versions.roll_back(stack, by, deployment_id=deployment_id, version=str(version))


def won_on_paper(
    world: Any, later: Callable[[float], Any], ann: Signature, ladder: Any = LADDER
) -> list[int]:
    """Incumbent on paper, and the challenger that was given its place after a week."""
    incumbent = incumbent_of(world, "paper")
    challenger = challenger_of(world)
    promote(later(7), ann, challenger, "paper", ladder)
    return [incumbent, challenger]


def test_new_parameters_go_on_in_the_incumbents_book_where_the_settings_say_so(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world)
    week = later(7)
    canary = canary_of(week, (ann, bob), challenger_of(world))
    fill(week, canary, 2)
    then = later(21)
    promote(then, bob, canary, "live", KEEPING)
    receipt = promote(then, ann, canary, "live", KEEPING)
    assert receipt.summary == (
        f"deployment:{incumbent} goes on in live with the parameters of deployment:{canary} and 10000; what "
        "it holds is theirs to keep or to close"
    )
    assert (world.stage(incumbent), world.stage(canary)) == ("live", "retired")
    assert (parameters(world, incumbent), capital(world, incumbent)) == (
        {"fast": 12, "slow": 60},
        [Decimal(10_000)],
    )


def test_the_timeline_tells_each_version_and_what_changed(
    world: Any, later: Callable[[float], Any], ann: Signature, quant: Any, capfd: Any
) -> None:
    incumbent, challenger = won_on_paper(world, later, ann)
    _, told, _ = quant("history", challenger, "--diff", "1:2", "--json")
    first, second = told["versions"]
    assert [first["deployments"], second["deployments"]] == [[incumbent], [challenger]]
    assert (first["until"], second["until"]) == (second["since"], None)
    assert second["changed"] == "fast 10 -> 12, slow 48 -> 60"
    assert (first["is_own"], second["is_own"]) == (False, True)
    assert told["diff"]["parameters"] == {"fast": [10, 12], "slow": [48, 60]}
    assert told["diff"]["text"] == []
    code, _, error = quant("history", challenger, "--diff", "1:3")
    assert (code, "diff is '1:3'; expected two of 1, 2, such as 1:2" in error) == (1, True)
    assert main(["history", str(challenger)]) == 0
    assert "version 2 (this one)" in capfd.readouterr().out


def test_a_pinned_deployment_is_neither_challenged_nor_replaced_until_it_is_unpinned(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent = incumbent_of(world, "paper")
    challenger, week = challenger_of(world), later(7)
    versions.pin(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    assert f"pinned: deployment:{incumbent} keeps its version and parameters" in refused(
        week, ann, challenger, "paper"
    )
    versions.unpin(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    promote(week, ann, challenger, "paper")
    assert world.stage(challenger) == "paper"


def test_a_verdict_waits_for_what_is_pinned(world: Any, ann: Signature) -> None:
    incumbent = incumbent_of(world)
    versions.pin(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    store_verdict(world, {"fast": 12, "slow": 60}, days=1)
    (decision,) = screen_candidates(world.engine, world.settings, world.clock).decisions
    assert decision.decision == "candidate"
    assert decision.reasons[0].startswith(f"pinned: deployment:{incumbent} keeps")
    versions.unpin(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    assert len(screen_candidates(world.engine, world.settings, world.clock).deployments) == 1


def test_what_fails_is_taken_back_although_it_is_pinned(world: Any, ann: Signature) -> None:
    incumbent = incumbent_of(world)
    versions.pin(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    assert stages.roll_back(world.engine, ann, deployment_id=incumbent, clock=world.clock).action == (
        "deployment.rolled_back"
    )


@pytest.mark.parametrize("is_unpinned", [False, True])
def test_pins_stand_once_and_end_once(world: Any, ann: Signature, is_unpinned: bool) -> None:
    incumbent = incumbent_of(world)
    do = versions.unpin if is_unpinned else versions.pin
    if not is_unpinned:
        do(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    before = len(world.audit())
    with pytest.raises(LifecycleError, match="expected one that is"):
        do(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    assert len(world.audit()) == before


def test_a_person_goes_back_to_earlier_parameters_in_the_same_book(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    _, winner = won_on_paper(world, later, ann)
    receipt = back(later(8), ann, winner, 1)
    assert receipt.action == "deployment.parameters_changed"
    assert (world.stage(winner), parameters(world, winner)) == ("paper", {"fast": 10, "slow": 48})
    assert world.audit()[-1].detail["version"] == 1
    timeline = [one.terms.parameters["fast"] for one in _stints(world, winner)]
    assert timeline == [10, 12, 10]


def test_going_back_to_another_text_gives_the_place_to_a_book_of_its_own(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world)
    winner = _replaced_by_another_text(world, incumbent)
    back(world, ann, winner, 1)
    receipt = back(world, bob, winner, 1)
    made = int(receipt.subject.partition(":")[2])
    assert (world.stage(winner), world.stage(made)) == ("retired", "live")
    assert (parameters(world, made), capital(world, made)) == ({"fast": 10, "slow": 48}, [Decimal(10_000)])
    approvals = [row.subject for row in world.audit() if row.action == "deployment.real_orders_approved"]
    assert approvals[-1] == f"deployment:{made}"


def test_one_person_alone_does_not_go_back_where_two_are_wanted(world: Any, ann: Signature) -> None:
    winner = _replaced_by_another_text(world, incumbent_of(world))
    assert back(world, ann, winner, 1).action == "deployment.proposed"
    with pytest.raises(LifecycleError, match="ann proposed version 1"):
        back(world, ann, winner, 1)
    assert world.stage(winner) == "live"


def test_a_proposal_that_nobody_answers_ends_by_itself_and_may_be_made_anew(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    winner = _replaced_by_another_text(world, incumbent_of(world))
    back(world, ann, winner, 1)
    assert expire_proposals(world.engine, later(2.9).clock) == []
    (late,) = expire_proposals(world.engine, later(3).clock)
    assert (late.subject, late.proposer) == (f"deployment:{winner}", ann.operator)
    row = world.audit()[-1]
    assert (row.action, row.subject) == ("approval.expired", f"deployment:{winner}")
    assert back(later(3), ann, winner, 1).action == "deployment.proposed"


def limits(world: Any, deployment_id: int) -> dict[str, float]:
    return dict(read_limits(world.engine).get(f"deployment:{deployment_id}", {}))


def test_a_canary_is_controlled_until_it_has_all_of_the_capital(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature, quant: Any
) -> None:
    incumbent_of(world)
    canary = canary_of(later(7), (ann, bob), challenger_of(world))
    assert limits(world, canary) == {"max_position_notional": 1_500.0, "max_orders_per_day": 100.0}
    _, told, _ = quant("history", canary, "--json")
    assert (told["limits"]["instruments"], told["limits"]["venues"]) == (["BTC/USDT:USDT"], ["binanceusdm"])
    assert float(told["limits"]["largest_order"]) == 3_000.0
    fill(later(7), canary, 2)
    promote(later(21), bob, canary, "live")
    promote(later(21), ann, canary, "live")
    assert limits(world, canary) == {}


def test_a_canary_that_goes_back_to_another_text_stays_controlled(
    world: Any, ann: Signature, bob: Signature
) -> None:
    winner = _replaced_by_another_text(world, incumbent_of(world, "canary"), "canary")
    _limit(world, winner, "max_leverage", 2)
    back(world, ann, winner, 1)
    made = int(back(world, bob, winner, 1).subject.partition(":")[2])
    assert world.stage(made) == "canary"
    controlled = {"max_position_notional": 15_000.0, "max_orders_per_day": 100.0}
    assert limits(world, made) == controlled | {"max_leverage": 2.0}  # a person's limit is the unit's


def test_a_challenger_that_takes_a_canarys_place_stays_controlled(
    world: Any, later: Callable[[float], Any], ann: Signature, bob: Signature
) -> None:
    incumbent = incumbent_of(world, "canary")
    canary = canary_of(later(7), (ann, bob), challenger_of(world))
    fill(later(7), canary, 2)
    _limit(world, canary, "max_orders_per_day", 5)
    _limit(world, incumbent, "max_orders_per_day", 7)
    _limit(world, incumbent, "max_leverage", 2)
    for one in (bob, ann):
        promote(later(21), one, canary, "canary", replace(LADDER, challenger_keeps_book=False))
    assert (world.stage(canary), capital(world, canary)) == ("canary", [Decimal(10_000)])
    assert limits(world, canary) == {
        "max_position_notional": 15_000.0,
        "max_orders_per_day": 5.0,
        "max_leverage": 2.0,
    }


def test_a_pin_goes_on_with_the_book_that_follows(world: Any, ann: Signature) -> None:
    shadow = incumbent_of(world, "shadow")
    versions.pin(world.engine, ann, deployment_id=shadow, clock=world.clock)
    with world.engine.begin() as connection:
        known = connection.execute(select(deployments.c.account_id).where(deployments.c.id == shadow))
        account = known.scalar_one()
        change_stage(connection, shadow, "retired", world.now)
        canary = open_venue_book(connection, shadow, account, Decimal(1_000), world.now)
        assert standing_pin(connection, shadow) is None
        pinned = standing_pin(connection, canary)
    assert pinned is not None
    assert (pinned.actor, pinned.reason) == (ann.operator, ann.reason)
    assert pinned.sentence.startswith(f"deployment:{canary} keeps its version")


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("9", "version is '9'; expected one of 1, 2"),
        ("2", "trades version 2 already"),
        ("x", "version is 'x'"),
    ],
)
def test_a_version_that_never_traded_or_trades_is_refused(
    world: Any, later: Callable[[float], Any], ann: Signature, version: str, sentence: str
) -> None:
    _, winner = won_on_paper(world, later, ann)
    before = len(world.audit())
    with pytest.raises(LifecycleError, match=sentence):
        back(world, ann, winner, version)
    assert len(world.audit()) == before


def test_what_is_pinned_or_challenged_does_not_go_back(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    _, winner = won_on_paper(world, later, ann)
    store_verdict(world, {"fast": 14, "slow": 70}, days=2)
    (challenger,) = screen_candidates(world.engine, world.settings, world.clock).deployments
    versions.pin(world.engine, ann, deployment_id=winner, clock=world.clock)
    with pytest.raises(LifecycleError, match=f"pinned: .*; one_in_flight: deployment:{challenger}"):
        back(world, ann, winner, 1)


@pytest.mark.parametrize("stage", ["live", "paper"])
def test_the_same_parameters_do_not_challenge_again_once_they_were_taken_back(
    world: Any, later: Callable[[float], Any], ann: Signature, stage: str
) -> None:
    incumbent_of(world, stage)
    challenger = challenger_of(world)
    stages.roll_back(world.engine, ann, deployment_id=challenger, clock=later(1).clock)
    store_verdict(world, {"fast": 12.0, "slow": 60}, days=2)
    (decision,) = screen_candidates(world.engine, world.settings, world.clock).decisions
    assert decision.decision == "rejected"
    assert decision.reasons[0].startswith(
        f"taken_back: the same parameters of the same text were taken back on {later(1).now:%Y-%m-%d} "
        f"({ann.reason})"
    )
    store_verdict(world, {"fast": 13, "slow": 60}, days=3)
    assert len(screen_candidates(world.engine, world.settings, world.clock).deployments) == 1


def test_what_was_taken_back_long_ago_may_challenge_again(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent_of(world, "paper")
    stages.roll_back(world.engine, ann, deployment_id=challenger_of(world), clock=later(1).clock)
    days = world.settings.ladder.taken_back_days
    store_verdict(world, {"fast": 12, "slow": 60}, days=2)
    assert screen_candidates(world.engine, world.settings, later(1 + days).clock).deployments == ()
    store_verdict(world, {"fast": 12, "slow": 60}, days=3)
    assert len(screen_candidates(world.engine, world.settings, later(2 + days).clock).deployments) == 1


def test_parameters_that_a_person_went_back_from_do_not_challenge_again(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    _, winner = won_on_paper(world, later, ann)
    back(later(8), ann, winner, 1)
    store_verdict(world, {"fast": 12, "slow": 60}, days=2)
    (decision,) = screen_candidates(world.engine, world.settings, world.clock).decisions
    assert decision.reasons[0].startswith("taken_back: ")


def test_a_challenger_that_went_because_its_incumbent_left_may_come_again(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    incumbent = incumbent_of(world, "paper")
    challenger_of(world)
    stages.disable(world.engine, ann, deployment_id=incumbent, clock=world.clock)
    assert len(take_back_failed(world.engine, LadderSettings(), later(1).clock)) == 1
    store_verdict(world, {"fast": 10, "slow": 48}, days=2)
    screen_candidates(world.engine, world.settings, world.clock)
    store_verdict(world, {"fast": 12, "slow": 60}, days=3)
    assert len(screen_candidates(world.engine, world.settings, world.clock).deployments) == 1


def test_a_deployment_tells_how_likely_its_days_are_luck(world: Any, quant: Any) -> None:
    deployment = world.deployment()
    world.equity(deployment, np.random.default_rng(1).normal(0.002, 0.01, 61))
    score_deployments(world.engine, world.settings, world.clock)
    _, told, _ = quant("history", deployment, "--json")
    assert told["luck"]["days"] == 61
    assert told["luck"]["sentence"].startswith("without an edge, luck does as well in 61 days in ")
    assert "more days" in told["luck"]["sentence"]


def test_luck_counts_the_days_since_the_parameters_changed_only(
    world: Any, later: Callable[[float], Any], ann: Signature, quant: Any
) -> None:
    incumbent, _ = won_on_paper(
        replace(world, now_ms=world.now_ms - 10 * 86_400_000), _shifted(world), ann, KEEPING
    )
    world.equity(incumbent, np.random.default_rng(1).normal(0.002, 0.01, 61))
    score_deployments(world.engine, world.settings, world.clock)
    _, told, _ = quant("history", incumbent, "--json")
    assert told["luck"]["sentence"].startswith("nothing can be told of luck yet: it has 2 complete days")


def _limit(world: Any, deployment_id: int, name: str, value: int) -> None:
    """Limit of a deployment as an operator sets it."""
    row = {"scope": f"deployment:{deployment_id}", "name": name, "value": Decimal(value)}
    with world.engine.begin() as connection:
        set_limit(connection, row | {"updated_by": "ann", "updated_at": world.now})


def _shifted(world: Any) -> Callable[[float], Any]:
    return lambda days: replace(world, now_ms=world.now_ms + int((days - 10) * 86_400_000))


def _stints(world: Any, deployment_id: int) -> Any:
    with world.engine.connect() as connection:
        return versions.stints_beside(connection, deployment_id)


def _replaced_by_another_text(world: Any, incumbent: int, stage: Any = "live") -> int:
    """Deployment in the incumbent's place with another text, as its challenge ends."""
    store_verdict(world, {"fast": 12, "slow": 60}, days=1, text="new text")
    with world.engine.begin() as connection:
        before = terms_of(connection, incumbent)
        version_id, verdict_id = connection.exec_driver_sql(
            "select v.id, d.id from research.strategy_versions v, research.verdicts d "
            "where v.content_hash = 'new text' order by d.id desc limit 1"
        ).one()
        after = before._replace(
            version_id=version_id,
            content_hash="new text",
            parameters={"fast": 12, "slow": 60},
            verdict_id=verdict_id,
        )
        at = world.now - timedelta(hours=1)
        change = VersionChange(incumbent, incumbent, at, "challenge", before, after, "test", "it won")
        change_stage(connection, incumbent, "retired", at)
        return open_again(connection, change, stage=stage, model_id=incumbent, capital=Decimal(10_000))
