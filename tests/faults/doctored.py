"""Rows and ledger of a world that has ended, changed for as long as a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from quant_pipelines.store.venue_orders import PlacedOrder
from tests.faults.evidence import Evidence
from tests.faults.world import World
from tests.memory_journal import Tables


@contextmanager
def doctored(world: World) -> Iterator[Evidence]:
    """Evidence whose rows and ledger may be changed until its end."""
    ledger, tables = world.ledger, world.journal.tables
    algos = dict(ledger.algos)
    world.journal.tables = tables.copied()
    ledger.store.connection.execute("SAVEPOINT doctored")
    try:
        yield replace(world.evidence, is_hindered=lambda: False, _cached={})
    finally:
        ledger.store.connection.execute("ROLLBACK TO doctored")
        ledger.store.connection.execute("RELEASE doctored")
        ledger.algos, world.journal.tables = algos, tables


def a_target(tables: Tables) -> PlacedOrder:
    """The first order that opened something."""
    return next(one for one in tables.orders.values() if one.intent.purpose == "target")


def put(tables: Tables, order: PlacedOrder) -> None:
    tables.orders[order.intent.client_order_id] = order
