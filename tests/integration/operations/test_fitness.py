"""What keeps a deployment from more money though its record suffices: an order too small, or a venue away."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.operations import stages
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.outages import OUTAGE
from quant_pipelines.store.tables import alerts, equity, instruments
from tests.integration.operations.conftest import BTC, EXCHANGE

pytestmark = pytest.mark.postgres


def refusal(world: Any, signature: Signature, deployment_id: int, target: str) -> str:
    with pytest.raises(LifecycleError) as refused:
        stages.promote(
            world.engine,
            world.settings.ladder,
            signature,
            deployment_id=deployment_id,
            target=target,
            clock=world.clock,
        )
    return str(refused.value)


def away(world: Any, began: float, ended: float | None) -> None:
    """Let the venue be away between two times, days ago."""
    row = {"severity": "warning", "source": f"{OUTAGE}:venue", "message": "no answer", "detail": {}}
    row |= {"at": world.now - timedelta(days=began)}
    row |= {"resolved_at": None if ended is None else world.now - timedelta(days=ended)}
    with world.engine.begin() as connection:
        connection.execute(insert(alerts).values(row))


def test_a_first_canary_below_one_lot_is_refused(world: Any, ann: Signature) -> None:
    shadow = world.deployment(stage="shadow")
    specification = {"exchange": EXCHANGE, "symbol": BTC, "valid_from": world.now, "tick_size": 1}
    specification |= {"lot_size": 1, "min_notional": 2000, "maker_fee": 0, "taker_fee": 0}
    specification |= {"max_leverage": 20, "funding_interval_hours": 8}
    book = {"deployment_id": shadow, "ts": world.now, "cash": 1.0, "position": 0.0, "equity": 1.0}
    with world.engine.begin() as connection:
        connection.execute(insert(instruments).values(specification))
        connection.execute(insert(equity).values(book | {"price": 100.0}))
    assert "one_lot: 1000 is less than 2000, the smallest order" in refusal(world, ann, shadow, "canary")


@pytest.mark.parametrize(("source", "target"), [("shadow", "canary"), ("canary", "live")])
def test_nobody_gets_more_money_while_the_venue_is_away(
    world: Any, ann: Signature, source: str, target: str
) -> None:
    deployment_id = world.deployment(stage=source)
    away(world, 0.1, None)
    assert "what it trades by is away: outage:venue" in refusal(world, ann, deployment_id, target)


def test_days_on_which_the_venue_was_away_count_for_nobody(world: Any, ann: Signature) -> None:
    canary = world.deployment(stage="canary", days_ago=16.0)
    away(world, 14.0, 4.0)
    assert "it has been in canary for 6 days" in refusal(world, ann, canary, "live")
