"""What asks for a search by itself, and who rests, on real rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quant_pipelines.operations import coins, culling, stages
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.operations.triggers import watch_performance, watch_whitelist
from quant_pipelines.store.requests import DONE, close_request, open_requests
from quant_pipelines.store.tables import optimization_requests, trigger_states

pytestmark = pytest.mark.postgres
LOSING = np.tile([-0.01, -0.004, 0.001], 8)
WINNING = np.tile([0.01, 0.004, -0.001], 8)


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
    assert len(states) == 5
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
    losing, winning = world.deployment(), world.deployment("ETH/USDT:USDT")
    world.equity(losing, LOSING)
    world.equity(winning, WINNING)
    ranking, receipt = culling.cull_worst(world.engine, world.settings.ladder, world.clock)
    assert [one.deployment_id for one in ranking] == [losing, winning]
    assert receipt is not None
    assert (world.stage(losing), world.stage(winning)) == ("cooling", "paper")
    assert world.audit()[-1].actor == "culling"
    assert culling.cull_worst(world.engine, world.settings.ladder, world.clock)[1] is None
