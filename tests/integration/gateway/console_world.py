"""What a console has to show: books with bars and fills, a halt, alerts, a scan, a plan, a replayed day."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Engine, insert, select

from quant_pipelines.core.settings import Settings
from quant_pipelines.store.allocation import save_plan
from quant_pipelines.store.heartbeats import Alert, Heartbeat, write_alert, write_heartbeat
from quant_pipelines.store.parity import ParityRow, add_parity
from quant_pipelines.store.tables import balances, deployments, fills, positions
from tests.integration.operations.conftest import BTC, ETH, NOW, World
from tests.integration.operations.test_explain import decide

HOSTILE = '<script>alert("x")</script>'
"""Text that a page must never run."""


def fill_world(engine: Engine, *, n_fills: int = 3) -> World:
    """Store a little of everything; the trade p1-1 has a whole chain."""
    world = World(engine, Settings(), NOW)
    first, second = world.deployment(BTC), world.deployment(ETH)
    wave = 0.01 * np.sin(np.arange(20))
    for one in (first, second):
        world.equity(one, wave)
    world.market()
    hold(world, first)
    trade(world, first, n_fills)
    decide(world, first, "the averages crossed", orders_too=True)
    write_heartbeat(engine, Heartbeat("live_runner", "ACTIVE", world.now, {}))
    write_heartbeat(engine, Heartbeat("market_health", "healthy", world.now, {}))
    write_alert(engine, Alert("warning", f"deployment:{first}", HOSTILE, world.now, {}))
    with engine.begin() as connection:
        account = connection.execute(select(deployments.c.account_id)).scalars().first()
        save_plan(connection, plan_of(world, account), [plan_row(first), plan_row(second)])
        worth = {name: Decimal(1) for name in ("unrealized", "maintenance", "available", "units")}
        worth |= {"account_id": account, "at": world.now, "wallet": Decimal("4321.5")}
        connection.execute(insert(balances).values(worth))
    compare(world, first)
    return world


def compare(world: World, deployment_id: int) -> None:
    """Store that yesterday was like its replay."""
    money: Any = {"actual": Decimal(5), "replayed": Decimal(5), "rest": Decimal(0), "allowed": Decimal(1)}
    day = world.now.date() - timedelta(days=1)
    row = ParityRow(deployment_id, day, "d1", "equal", n_fills=1, **money)
    with world.engine.begin() as connection:
        add_parity(connection, row, world.now)


def hold(world: World, deployment_id: int) -> None:
    row = {"deployment_id": deployment_id, "symbol": BTC, "quantity": Decimal("0.5")}
    row |= {"entry_price": Decimal(100), "realized_pnl": Decimal(3), "stop_price": Decimal(90)}
    with world.engine.begin() as connection:
        connection.execute(insert(positions), [row | {"updated_at": world.now}])


def trade(world: World, deployment_id: int, count: int, named: str = "t") -> None:
    shared = {"venue": "paper", "symbol": BTC, "deployment_id": deployment_id, "side": "buy"}
    shared |= {"quantity": Decimal(1), "price": Decimal(100), "fee": Decimal("0.05"), "reason": "target"}
    rows = [
        shared | {"trade_id": f"{named}{at}", "ts": when, "booked_at": when}
        for at in range(count)
        for when in [world.now - timedelta(minutes=at)]
    ]
    with world.engine.begin() as connection:
        connection.execute(insert(fills), rows)


def plan_of(world: World, account_id: Any) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "day": world.now.date(),
        "kind": "daily",
        "outcome": "applied",
        "reason": "as the edges say",
        "equity": Decimal(20_000),
        "scale": 1.0,
        "settings": {},
        "actor": "allocation",
        "made_at": world.now,
    }


def plan_row(deployment_id: int) -> dict[str, Any]:
    return {
        "deployment_id": deployment_id,
        "stage": "paper",
        "actual": 0.5,
        "target": 0.4,
        "weight": 0.4,
        "capital_before": Decimal(10_000),
        "capital": Decimal(8_000),
        "bound": "risk",
        "reason": "its edge is smaller",
        "detail": {},
    }
