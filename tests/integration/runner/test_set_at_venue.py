"""A set at the simulated venue, on PostgreSQL: whole after a real kill -9 in the middle of its orders."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.legs import add_legs
from tests.faults.boundaries import Boundary, Cell
from tests.integration.runner.conftest import RULES, ensure_instrument, insert_deployment_at
from tests.integration.runner.kills import run_until_killed
from tests.integration.runner.venue_world import Ledger, Venue, faults_told, our_fills, runner, until
from tests.integration.runner.world import OTHER_SYMBOL, SYMBOL, rows

pytestmark = pytest.mark.postgres

DECIDED = "select bar_close from trading.signals group by bar_close having count(*) = 2"
"""Closes on which both legs have decided."""
ENTRY = Boundary("net", "POST /fapi/v1/order entry")
HEDGE = '''
import numpy as np
from quant_pipelines.sdk import Array, Float, Inputs, Panel, Stops, Strategy


class Hedge(Strategy):
    """Long in the first symbol, and short in the other one."""

    inputs = Inputs(symbols=0)
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Panel) -> Array:
        return np.where(bars.is_complete[:, None], [[0.4, -0.4]], np.nan)
'''


def deploy_hedge(engine: Engine) -> list[int]:
    """Deploy a canary so that its first decision falls at the start; returns the ids of its legs."""
    now = utc_now()
    place = {"created_at": now - timedelta(minutes=3), "history_start": now - timedelta(hours=3)}
    values = {"symbol": f"{SYMBOL}+{OTHER_SYMBOL}", "stage": "canary", "venue": "binanceusdm", **place}
    whole = insert_deployment_at(
        engine, HEDGE, {**values, "settings": RULES.to_document(), "tick_size": "0.1"}
    )
    with engine.begin() as connection:
        ensure_instrument(connection, "binanceusdm", SYMBOL, "0.1")
        ensure_instrument(connection, "binanceusdm", OTHER_SYMBOL, "0.01")
        return add_legs(connection, whole)


def held(engine: Engine, legs: list[int]) -> list[Decimal]:
    found = dict(rows(engine, "select deployment_id, quantity from trading.positions"))
    return [found.get(leg, Decimal(0)) for leg in legs]


def stops_of(ledger: Ledger) -> set[str]:
    return {row[0] for row in ledger.select("select symbol from algo_orders where status = 'NEW'")}


def is_held_whole(engine: Engine, ledger: Ledger, legs: list[int]) -> bool:
    return all(held(engine, legs)) and stops_of(ledger) == {"BTCUSDT", "ETHUSDT"}


def is_flat(engine: Engine, ledger: Ledger, legs: list[int]) -> bool:
    at_venue = [Decimal(row[0]) for row in ledger.select("select quantity from positions")]
    return not any(held(engine, legs)) and not any(at_venue) and not stops_of(ledger)


def is_whole(engine: Engine, ledger: Ledger, legs: list[int]) -> bool:
    """Whether both legs are held, or neither: the other order may have left before the kill, too."""
    return is_flat(engine, ledger, legs) or is_held_whole(engine, ledger, legs)


def assert_all_legs_are_the_venues(engine: Engine, ledger: Ledger, legs: list[int]) -> None:
    assert our_fills(engine) == ledger.fills()
    sums = "select sum(coalesce(realized_pnl, 0) - fee) from trading.fills"
    [(change,)] = rows(engine, f"select coalesce(({sums}), 0)")
    assert change == ledger.wallet_change()
    positions = dict(ledger.select("select symbol, quantity from positions"))
    theirs = [Decimal(positions.get(name, "0")) for name in ("BTCUSDT", "ETHUSDT")]
    assert held(engine, legs) == theirs


def test_both_legs_are_entered_covered_and_booked_as_the_venue_has_it(
    engine: Engine, database_url: str, venue: Venue, ledger: Ledger
) -> None:
    legs = deploy_hedge(engine)

    async def scenario() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: is_held_whole(engine, ledger, legs))

    asyncio.run(scenario())
    assert [quantity > 0 for quantity in held(engine, legs)] == [True, False]
    committed = "select count(*), count(distinct committed_at) from trading.intents where purpose = 'target'"
    assert rows(engine, committed) == [(2, 1)]
    assert_all_legs_are_the_venues(engine, ledger, legs)
    assert faults_told(engine) == []


@pytest.mark.parametrize(
    "cell",
    [Cell(ENTRY, 1, "dies before"), Cell(ENTRY, 1, "dies after"), Cell(ENTRY, 2, "dies before")],
    ids=str,
)
def test_kill_9_in_the_middle_of_a_sets_orders_leaves_no_half_of_it(
    cell: Cell, engine: Engine, database_url: str, venue: Venue, ledger: Ledger
) -> None:
    legs = deploy_hedge(engine)
    run_until_killed(database_url, venue.address, cell)

    async def recover() -> None:
        async with runner(engine, database_url, venue):
            await until(lambda: _has_ended(engine) and is_whole(engine, ledger, legs))
            venue.clock.skip_minute()  # the next decision is of both legs again
            await until(lambda: len(rows(engine, DECIDED)) > 1 and is_whole(engine, ledger, legs))

    asyncio.run(recover())
    assert_all_legs_are_the_venues(engine, ledger, legs)


def _has_ended(engine: Engine) -> bool:
    """Whether every order of the decision has come to its end."""
    query = (
        "select status from trading.orders join trading.intents using (client_order_id) "
        "where purpose = 'target' order by committed_at limit 2"
    )
    ended = ("FILLED", "DENIED", "REJECTED", "EXPIRED", "CANCELED")
    return [status in ended for (status,) in rows(engine, query)] == [True, True]
