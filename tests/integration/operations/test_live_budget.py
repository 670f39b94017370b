"""What trades real money by itself goes back when its loss budget is spent."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.lifecycle import score_deployments
from quant_pipelines.operations.challenges import take_back_failed
from quant_pipelines.operations.live_budget import take_back_spent
from quant_pipelines.operations.triggers import watch_performance
from quant_pipelines.store.tables import alerts, deployments
from tests.life.outcome import outcome_of

pytestmark = pytest.mark.postgres

LADDER = LadderSettings(live_loss_fraction=0.2)
STEADY = np.full(40, 0.001)
PAYS = np.concatenate([np.full(20, 0.01), np.full(20, -0.015)])
"""It earns for twenty days, then funding turns: a fourth is lost from the highest level."""


def at_venue(world: Any, returns: np.ndarray, stage: str = "live", symbol: str = "BTC/USDT:USDT") -> int:
    number = int(world.deployment(symbol, stage=stage, days_ago=45))
    world.at_venue(number)
    world.equity(number, returns)
    return number


def test_a_live_book_beyond_its_budget_rests_for_its_time_and_people_are_told(world: Any) -> None:
    losing = at_venue(world, PAYS)
    steady = at_venue(world, STEADY, symbol="ETH/USDT:USDT")
    (receipt,) = take_back_spent(world.engine, LADDER, world.clock)
    assert receipt.summary == f"deployment:{losing} went from live to cooling"
    assert (world.stage(losing), world.stage(steady)) == ("cooling", "live")
    (rests,) = [row["rests_until"] for row in world.rows(deployments) if row["id"] == losing]
    assert rests == world.now + timedelta(days=LADDER.cull_rest_days)
    (alert,) = world.rows(alerts)
    assert "it is 26.1% below its highest level, more than its loss budget of 20.0%" in alert["message"]
    assert (alert["severity"], world.audit()[-1].actor) == ("warning", "loss budget")
    assert take_back_spent(world.engine, LADDER, world.clock) == []


def test_a_first_canary_beyond_its_budget_is_rolled_back(world: Any) -> None:
    canary = at_venue(world, PAYS, stage="canary")
    take_back_spent(world.engine, LADDER, world.clock)
    assert world.stage(canary) == "rolled_back"


def test_without_any_deployment_nothing_is_scored_watched_or_taken_back(world: Any) -> None:
    assert score_deployments(world.engine, world.settings, world.clock) == []
    assert watch_performance(world.engine, world.settings.triggers, world.clock) == 0
    assert take_back_spent(world.engine, LADDER, world.clock) == []
    assert take_back_failed(world.engine, LADDER, world.clock) == []


def test_paper_has_no_budget(world: Any) -> None:
    number = world.deployment(days_ago=45)
    world.equity(number, PAYS)
    assert take_back_spent(world.engine, LADDER, world.clock) == []


def test_a_book_that_trades_on_beyond_its_budget_is_a_violation_of_a_lived_world(
    world: Any,
) -> None:
    losing = at_venue(world, np.concatenate([PAYS, np.full(20, -0.015)]))
    found = outcome_of(world.engine).violations
    assert f"deployment:{losing} has fallen by 40.2% and trades on, beyond its budget of 40.0%" in found
