from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text

from quant_pipelines.store.deployments import read_deployments, read_limits, set_limit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import (
    Alert,
    Heartbeat,
    read_halts,
    read_heartbeats,
    write_alert,
    write_heartbeat,
)
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.trading import Fill, Intent, Position
from quant_pipelines.store.venue_orders import OrderStep, Received
from quant_pipelines.trading.breaker import Trip
from quant_pipelines.trading.orders import OrderProgress

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_deployments_carry_the_source_they_were_deployed_with(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    deploy("the deployed source", parameters={"fast": 12})
    deploy("retired", symbol="ETH/USDT:USDT", stage="retired")
    (deployment,) = read_deployments(engine)
    assert (deployment.source, deployment.parameters) == ("the deployed source", {"fast": 12})
    assert deployment.instrument is not None
    assert deployment.instrument.lot_size == Decimal("0.001")


def test_a_heartbeat_replaces_the_one_before(engine: Engine) -> None:
    write_heartbeat(engine, Heartbeat("live_runner", "STANDBY", NOW, {}))
    write_heartbeat(engine, Heartbeat("live_runner", "ACTIVE", NOW + MINUTE, {"epoch": 2}))
    with engine.begin() as connection:
        beats = read_heartbeats(connection)
    assert beats == {"live_runner": Heartbeat("live_runner", "ACTIVE", NOW + MINUTE, {"epoch": 2})}


def test_a_halt_stands_until_it_is_resolved(engine: Engine) -> None:
    write_alert(engine, Alert("warning", "deployment:1", "late", NOW))
    write_alert(engine, Alert("halt", "deployment:2", "strategy failed", NOW))
    assert read_halts(engine) == {"deployment:2": (Trip("failed", "strategy failed"),)}
    with engine.begin() as connection:
        connection.execute(text("update ops.alerts set resolved_at = now()"))
    assert read_halts(engine) == {}


@pytest.mark.parametrize("stored", [Decimal("NaN"), Decimal(-1), Decimal(1000)])
def test_a_stored_limit_that_can_not_be_one_is_the_tightest(engine: Engine, stored: Decimal) -> None:
    row = {"scope": "account", "name": "max_leverage", "value": stored}
    with transaction(engine) as connection:
        set_limit(connection, {**row, "updated_at": NOW, "updated_by": "ann"})
    assert read_limits(engine) == {"account": {"max_leverage": 1e-9}}


def test_what_left_its_stage_is_traded_until_all_that_the_venue_filled_is_booked(
    engine: Engine, deploy: Callable[..., int]
) -> None:
    deploy("retired", venue="binanceusdm", stage="canary")
    journal, half, whole = PostgresJournal(engine), Decimal("0.2"), Decimal("0.4")
    [deployment], epoch = journal.read_deployments(), journal.open_epoch("test:1", NOW)
    name, flat = "q1-1-1-t", Position(Decimal(0), Decimal(0), Decimal(0), None)
    journal.add_order(epoch, deployment, Intent(name, "buy", whole, "target", NOW), NOW)
    journal.follow_order(epoch, OrderStep(name, OrderProgress("FILLED", whole)), NOW)
    with engine.begin() as connection:
        connection.execute(text("update trading.deployments set stage = 'retired'"))

    def traded_after(*trade_ids: str) -> list[int]:
        given = [
            Fill(number, name, "buy", half, Decimal(100), Decimal(0), "target", NOW) for number in trade_ids
        ]
        whose = (deployment.id, "binanceusdm", deployment.symbol)
        journal.receive(epoch, [Received(*whose, tuple(given), (), flat)], NOW)
        return [one.id for one in journal.read_deployments()]

    assert traded_after() == [deployment.id]
    assert traded_after("1") == [deployment.id]
    assert traded_after("2") == []
