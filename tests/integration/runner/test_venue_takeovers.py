"""Who takes over at a venue finds what an earlier life, or a database that was killed, left behind."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import (
    FLIP,
    Ledger,
    Venue,
    assert_books_equal,
    deploy_canary,
    is_protected,
    our_fills,
    runner,
    until,
)
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

Deploy = Callable[..., int]
ROOT = Path(__file__).resolve().parents[3]


def test_of_two_runners_one_trades_and_the_other_takes_over_its_position(
    engine: Engine, database_url: str, deploy: Deploy, venue: Venue, ledger: Ledger
) -> None:
    deploy_canary(deploy)
    standing_by = "select 1 from ops.heartbeats where service = 'live_runner_standby'"

    async def scenario() -> None:
        first = AsyncExitStack()
        await first.enter_async_context(runner(engine, database_url, venue))
        await until(lambda: is_protected(engine))
        async with runner(engine, database_url, venue):
            await until(lambda: rows(engine, standing_by))
            assert rows(engine, "select max(id) from trading.epochs") == [(1,)]
            await first.aclose()
            await until(lambda: rows(engine, "select max(id) from trading.epochs") == [(2,)])
            await until(lambda: is_agreed(engine))

    asyncio.run(scenario())
    assert len(ledger.select("select 1 from orders")) == 1
    assert_books_equal(engine, ledger)


def is_agreed(engine: Engine) -> bool:
    """Whether the writer of the newest epoch trades, and waits for nothing."""
    query = "select detail->>'epoch', detail->'deployments'->0->>'waits_for' from ops.heartbeats"
    newest = "(select max(id)::text from trading.epochs)"
    where = f"where service = 'live_runner' and detail->>'epoch' = {newest}"
    return [row[1] for row in rows(engine, f"{query} {where}")] == [""]  # no row before its first beat


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, which it may kill."""
    home = tmp_path_factory.mktemp("own_postgres")
    try:
        with EmbeddedPostgres(home, free_port()) as server:
            yield server
    finally:
        remove_place(home)


def test_postgres_killed_and_restarted_while_trading_loses_nothing(
    own_postgres: EmbeddedPostgres, venue: Venue, ledger: Ledger
) -> None:
    create_database(own_postgres.url("postgres"), "quant")
    engine = connect(own_postgres.url())
    migrate(engine)
    deploy_canary(lambda source, **more: insert_deployment_at(engine, source, more), FLIP)

    async def scenario() -> None:
        async with runner(engine, own_postgres.url(), venue):
            await until(lambda: is_protected(engine))
            n_before = len(our_fills(engine))
            assert own_postgres._process is not None
            own_postgres._process.kill()
            own_postgres._process.wait()
            await asyncio.sleep(3)
            own_postgres.__enter__()  # not in a thread: the server ends with the thread that starts it
            await until(lambda: rows(engine, "select max(id) > 1 from trading.epochs") == [(True,)], 30)
            venue.clock.skip_minute()
            await until(lambda: len(our_fills(engine)) > n_before, 120)
            await until(
                lambda: (
                    not rows(engine, "select 1 from trading.orders where status in ('SUBMITTED', 'UNKNOWN')")
                )
            )
            await until(lambda: is_protected(engine))

    asyncio.run(scenario())
    assert_books_equal(engine, ledger)
    [(sentence, lasted)] = rows(
        engine,
        "select message, extract(epoch from resolved_at - at) from ops.alerts "
        "where source = 'outage:database'",
    )
    assert sentence.startswith("the database was away from ")
    assert lasted > 2
    engine.dispose()
