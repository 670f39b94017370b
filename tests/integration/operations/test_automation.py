"""What asks for a search by itself, and who rests, on real rows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from quant_pipelines.operations import coins, culling, stages
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.triggers import watch_performance, watch_whitelist
from quant_pipelines.store.requests import DONE, close_request, open_requests
from quant_pipelines.store.tables import accounts, alerts, deployments, optimization_requests, trigger_states

pytestmark = pytest.mark.postgres
LOSING = np.tile([-0.01, -0.004, 0.001], 12)
WINNING = np.tile([0.01, 0.004, -0.001], 12)


def watch(world: Any) -> int:
    return watch_performance(world.engine, world.settings.triggers, world.clock)


def close_all(world: Any) -> None:
    with world.engine.begin() as connection:
        for request in open_requests(connection, "performance"):
            close_request(connection, request.id, DONE, world.now)


def test_disappointing_deployment_asks_once_with_its_evidence(world: Any) -> None:
    deployment_id = world.deployment()
    world.equity(deployment_id, LOSING)
    world.promise(deployment_id, WINNING)
    assert (watch(world), watch(world)) == (1, 0)
    (row,) = world.rows(optimization_requests)
    assert (row["deployment_id"], row["symbol"], row["status"]) == (deployment_id, "BTC/USDT:USDT", "open")
    fired = {one["name"] for one in row["evidence"]["triggers"]}
    assert {"sharpe", "bootstrap_quantile"} <= fired
    assert world.audit()[-1].action == "optimization.requested"


def test_good_deployment_asks_for_nothing_and_shows_its_readings(world: Any) -> None:
    deployment_id = world.deployment()
    world.equity(deployment_id, WINNING)
    assert watch(world) == 0
    states = {row["name"]: row for row in world.rows(trigger_states)}
    assert len(states) == 7
    assert not any(row["is_active"] for row in states.values())
    assert states["sharpe"]["value"] > 0


def test_answered_request_is_followed_by_a_cooldown(world: Any, later: Callable[[float], Any]) -> None:
    deployment_id = world.deployment()
    world.equity(deployment_id, LOSING)
    watch(world)
    close_all(world)
    assert watch(later(1)) == 0
    assert watch(later(3)) == 1


def test_time_of_a_trigger_stays_until_it_changes(world: Any, later: Callable[[float], Any]) -> None:
    deployment_id = world.deployment()
    world.equity(deployment_id, LOSING)
    watch(world)
    watch(later(1))
    assert {row["since"] for row in world.rows(trigger_states)} == {world.now}


def test_standing_trigger_bars_promotion(world: Any) -> None:
    deployment_id = world.deployment()
    world.equity(deployment_id, LOSING)
    watch(world)
    assert stages.steps_in_reach(world.engine, world.settings.ladder, world.clock) == []


def test_approved_coin_is_asked_for_once(world: Any, ann: Signature) -> None:
    world.market()
    assert watch_whitelist(world.engine, "binanceusdm", world.clock) == 0
    coins.approve_coin(world.engine, "binanceusdm", ann, symbol="ETH/USDT:USDT", clock=world.clock)
    assert watch_whitelist(world.engine, "binanceusdm", world.clock) == 1
    assert watch_whitelist(world.engine, "binanceusdm", world.clock) == 0
    (row,) = world.rows(optimization_requests)
    assert (row["kind"], row["symbol"], row["strategy"]) == ("whitelist", "ETH/USDT:USDT", None)


def test_worst_with_confidence_cools_alone(world: Any) -> None:
    losing, winning = world.deployment(days_ago=40), world.deployment("ETH/USDT:USDT", days_ago=40)
    world.equity(losing, LOSING)
    world.equity(winning, WINNING)
    ranking, receipt = culling.cull_worst(world.engine, world.settings.ladder, world.clock)
    assert [one.deployment_id for one in ranking] == [losing, winning]
    assert receipt is not None
    assert (world.stage(losing), world.stage(winning)) == ("cooling", "paper")
    assert world.audit()[-1].actor == "culling"
    assert culling.cull_worst(world.engine, world.settings.ladder, world.clock)[1] is None


def test_culled_deployment_goes_back_to_paper_when_it_has_rested(
    world: Any, later: Callable[[float], Any]
) -> None:
    losing = world.deployment(days_ago=40)
    world.equity(losing, LOSING)
    culling.cull_worst(world.engine, world.settings.ladder, world.clock)
    ladder = world.settings.ladder
    early = later(ladder.cull_rest_days - 1)
    assert (culling.end_rests(early.engine, ladder, early.clock), world.stage(losing)) == ([], "cooling")
    due = later(ladder.cull_rest_days)
    (told,) = culling.end_rests(due.engine, ladder, due.clock)
    assert (told, world.stage(losing)) == (f"deployment:{losing} went from cooling to paper", "paper")
    # What it rested for is not held against it again.
    assert culling.cull_worst(due.engine, ladder, due.clock) == ([], None)
    assert culling.end_rests(due.engine, ladder, due.clock) == []


def test_what_an_operator_disabled_rests_until_a_person_brings_it_back(
    world: Any, later: Callable[[float], Any], ann: Signature
) -> None:
    number = world.deployment()
    stages.disable(world.engine, ann, deployment_id=number, clock=world.clock)
    due = later(1000)
    assert (culling.end_rests(due.engine, world.settings.ladder, due.clock), world.stage(number)) == (
        [],
        "cooling",
    )


def test_what_was_live_comes_back_in_a_book_on_paper(world: Any, later: Callable[[float], Any]) -> None:
    live = world.deployment(stage="live", days_ago=40)
    world.at_venue(live)
    world.equity(live, LOSING)
    culling.cull_worst(world.engine, world.settings.ladder, world.clock)
    due = later(world.settings.ladder.cull_rest_days)
    (told,) = culling.end_rests(due.engine, world.settings.ladder, due.clock)
    (book,) = [row for row in world.rows(deployments) if row["id"] != live]
    assert told == f"deployment:{live} goes on as deployment:{book['id']} in paper"
    assert (world.stage(live), book["stage"], book["rests_until"]) == ("retired", "paper", None)
    # The money of the paper account is what the settings say, not what one book comes with.
    (paper,) = [row for row in world.rows(accounts) if row["venue"] == "paper"]
    assert paper["capital"] == Decimal(str(world.settings.portfolio.paper_capital))


def test_two_that_move_together_are_told_and_neither_is_searched_for_it(world: Any) -> None:
    chance = np.random.default_rng(0)
    days = 0.01 * chance.standard_normal(60) + 0.004
    first, second = world.deployment(), world.deployment("ETH/USDT:USDT")
    world.equity(first, days)
    world.equity(second, days + 0.001 * chance.standard_normal(60))
    assert watch(world) == 0
    states = {row["deployment_id"]: row for row in world.rows(trigger_states) if row["name"] == "correlation"}
    assert [states[key]["is_active"] for key in (first, second)] == [True, True]
    (alert,) = world.rows(alerts)
    assert alert["source"] == f"correlation:{first}-{second}"
    assert "share one weight" in alert["message"]
