"""What charts of the console read: one stop for each candle, fills and position of one moment."""

import math
import re
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, delete, insert, update

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.gateway.console.strategies import read_stops, read_traded
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.legs import add_legs
from quant_pipelines.store.shown_rows import capital_paid, equity_of
from quant_pipelines.store.tables import deployments, equity, fills, income
from tests.integration.gateway.console_world import compare, fill_world, hold, trade
from tests.integration.gateway.lab_world import traded_market
from tests.integration.operations.conftest import BTC, ETH, EXCHANGE, World

pytestmark = pytest.mark.postgres
HOUR_MS, MINUTE_MS = 3_600_000, 60_000


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine, Settings())


def test_each_candle_has_the_stop_of_its_close_however_many_bars_of_execution_there_were(
    world: World,
) -> None:
    book = world.deployment(BTC)
    traded_market(world)
    now_ms = int(world.now.timestamp() * 1000) // HOUR_MS * HOUR_MS
    bars = read_bars(world.engine, Series(EXCHANGE, BTC, "1h"), Window(now_ms - 50 * HOUR_MS, now_ms))
    assert len(bars) == 50
    minutes = np.arange(int(bars.ts[0]) + HOUR_MS, now_ms + 1, MINUTE_MS).tolist()
    shared = {"deployment_id": book, "equity": 1.0, "cash": 1.0, "position": 1.0, "price": 1.0}
    rows = [shared | {"ts": from_ms(one), "stop_price": one / HOUR_MS} for one in minutes]
    with world.engine.begin() as connection:
        connection.execute(insert(equity), rows)
    services: Any = SimpleNamespace(engine=world.engine)
    stops = read_stops(services, book, bars)
    assert stops.times.tolist() == [int(bars.ts[0]), *bars.close_ts.tolist()]
    assert math.isnan(stops.values[0])
    assert np.array_equal(stops.values[1:], bars.close_ts / HOUR_MS)


def test_what_a_book_holds_is_read_with_its_fills_before_its_next_bar_is_booked(world: World) -> None:
    book = world.deployment(BTC)
    when = world.now - timedelta(seconds=10)
    shared = {"venue": "paper", "symbol": BTC, "deployment_id": book, "trade_id": "t", "side": "buy"}
    shared |= {"quantity": Decimal("0.5"), "price": Decimal(100), "fee": Decimal(0), "reason": "target"}
    bar = {"ts": when - timedelta(seconds=50), "equity": 1.0, "cash": 1.0, "position": 0.0, "price": 1.0}
    with world.engine.begin() as connection:
        connection.execute(insert(fills), [shared | {"ts": when, "booked_at": when}])
        connection.execute(insert(equity), [bar | {"deployment_id": book}])
    hold(world, book)
    services: Any = SimpleNamespace(engine=world.engine)
    traded = read_traded(services, [book])
    assert ([one.trade_id for one in traded.fills], traded.position) == (["t"], Decimal("0.5"))


def test_a_payment_is_read_for_the_books_that_trade_and_no_page_calls_it_a_drawdown(console: Any) -> None:
    world = fill_world(console.gate.engine)
    first, second = (row["id"] for row in world.rows(deployments))
    hours = [world.now.replace(minute=0, second=0) - timedelta(hours=back) for back in (3, 2, 1, 0)]
    shared = {"cash": 1.0, "position": 0.0, "price": 1.0}
    worths = {first: (10_000.0, 10_000.0, 4_000.0, 4_000.0), second: (5_000.0,) * 4}
    rows = [
        shared | {"deployment_id": book, "ts": ts, "equity": worth}
        for book, own in worths.items()
        for ts, worth in zip(hours, own, strict=True)
    ]
    paid_at = hours[1] + timedelta(minutes=5)
    paid = {"deployment_id": first, "kind": TRANSFER, "ts": paid_at, "amount": Decimal(-6_000)}
    with world.engine.begin() as connection:
        connection.execute(delete(equity))
        connection.execute(insert(equity), rows)
        connection.execute(insert(income), [paid, paid | {"kind": "funding", "amount": Decimal(1)}])
    with world.engine.connect() as connection:
        known = [{"ts": paid_at, "amount": Decimal(-6_000)}]
        assert capital_paid(connection, hours[0]) == known
        assert capital_paid(connection, hours[0], first) == known
        assert capital_paid(connection, hours[0], second) == capital_paid(connection, hours[2]) == []
    client = console.log_in("viewer")
    for path in ("/console", f"/console/strategies/{first}"):
        page = client.get(path).text
        assert "without payments of capital" in page
        assert re.search(r"Deepest -?0\.00 %", page)
        assert "60.00 %" not in page


def test_a_set_is_worth_what_its_legs_are_together_where_each_has_a_bar(console: Any) -> None:
    world = fill_world(console.gate.engine)
    number = world.rows(deployments)[0]["id"]
    at = [world.now - timedelta(hours=back) for back in (3, 2, 1)]
    with world.engine.begin() as connection:
        is_it = deployments.c.id == number
        connection.execute(update(deployments).where(is_it).values(symbol=f"{BTC}+{ETH}"))
        first, second = add_legs(connection, number)
        bar = {"cash": 10.0, "position": 1.0, "price": 5.0}
        worths = {first: (7.0, 8.0, 9.0), second: (70.0, 50.0)}
        booked = [
            bar | {"deployment_id": book, "ts": ts, "equity": worth}
            for book, own in worths.items()
            for ts, worth in zip(at, own, strict=False)
        ]
        connection.execute(insert(equity), booked)
        paid = {"deployment_id": second, "kind": TRANSFER, "ts": at[1], "amount": Decimal(-20)}
        connection.execute(insert(income), [paid])
        assert [one["equity"] for one in equity_of(connection, number, limit=9)] == [77.0, 58.0]
        assert [one["cash"] for one in equity_of(connection, number, limit=1, before=at[1])] == [20.0]
        assert capital_paid(connection, at[0], number) == [{"ts": at[1], "amount": Decimal(-20)}]
    client = console.log_in("viewer")
    assert "Equity, its newest 2 bars" in client.get(f"/console/strategies/{number}").text
    (row, _) = client.get(f"/api/v1/equity/{number}").json()["rows"]
    assert (row["position"], row["price"]) == (None, None)


def test_what_is_of_a_leg_links_the_page_of_its_set(console: Any) -> None:
    world = fill_world(console.gate.engine)
    number = world.rows(deployments)[0]["id"]
    with world.engine.begin() as connection:
        is_it = deployments.c.id == number
        connection.execute(update(deployments).where(is_it).values(symbol=f"{BTC}+{ETH}"))
        first, second = add_legs(connection, number)
    hold(world, first)
    trade(world, second, 1, "of-a-leg")
    compare(world, first)
    client = console.log_in("viewer")
    for path in ("/console/capital", "/console/risk", "/console/audit", f"/console/strategies/{number}"):
        page = client.get(path).text
        linked = set(re.findall(r"/console/strategies/(\d+)", page))
        assert not linked & {str(first), str(second)}
        assert all(client.get(f"/console/strategies/{one}").status_code == 200 for one in linked)
        assert ("chain<span" not in page) or "of-a-leg" in page
