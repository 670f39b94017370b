"""A month that is made while a backup reads: readers don't wait for it, and it is made once that is over."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, inspect

from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.timeframes import day_start_ms
from quant_pipelines.store.bar_partitions import ensure_partitions
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market_events import TradeRow, save_trades
from quant_pipelines.store.partition_locks import LockPatience

pytestmark = pytest.mark.postgres

MONTH = day_start_ms("2024-05-01")
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"


@pytest.fixture(name="backup")
def dump(engine: Engine) -> Iterator[Connection]:
    """Session that holds share locks on everything, as pg_dump does until it ends."""
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "lock table market.bars, market.trades, market.book_snapshots in access share mode"
        )
        yield connection


def read_beside(engine: Engine, backup: Connection, table: str) -> None:
    """Read a table while somebody waits for its lock; then the backup ends."""
    try:
        wait_for_waiting(engine)
        with engine.begin() as reader:
            reader.exec_driver_sql("set local statement_timeout = '20s'")  # else for as long as the backup
            reader.exec_driver_sql(f"select count(*) from {table}")  # noqa: S608 - a name of this file
    finally:
        backup.rollback()


def wait_for_waiting(engine: Engine) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.exec_driver_sql(WAITING).scalar_one():
                return
        time.sleep(0.02)
    pytest.fail("nobody waits for a lock")


def test_readers_go_on_while_a_month_waits_and_it_is_made_when_the_backup_ends(
    engine: Engine, backup: Connection
) -> None:
    patience = LockPatience(lock=0.2, pause=0.1, most=120.0)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(ensure_partitions, engine, MONTH, MONTH, patience=patience)
        read_beside(engine, backup, "market.bars")
        assert made.result(60) == ["market.bars_2024_05"]


def test_a_backup_that_outlasts_all_patience_is_one_sentence_and_leaves_a_joined_transaction_whole(
    engine: Engine, backup: Connection
) -> None:
    brief = LockPatience(lock=0.05, pause=0.01, most=0.1)
    expected = r"^a month of market.bars can't be made now: .*lock timeout; expected a moment within 0.1 s"
    with transaction(engine) as connection:
        connection.exec_driver_sql("create table public.kept (n int)")
        with pytest.raises(StoreError, match=expected):
            ensure_partitions(connection, MONTH, MONTH, patience=brief)
    assert inspect(engine).has_table("kept", schema="public")
    assert backup.in_transaction()


def test_a_joined_transaction_has_its_own_patience_again(engine: Engine) -> None:
    with transaction(engine) as connection:
        assert ensure_partitions(connection, MONTH, MONTH) == ["market.bars_2024_05"]
        assert connection.exec_driver_sql("show lock_timeout").scalar_one() == "0"


def test_a_month_of_trades_waits_too(engine: Engine, backup: Connection) -> None:
    trade = TradeRow(MONTH, "1", 1.0, 1.0, is_buyer_maker=False)
    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(save_trades, engine, "binanceusdm", "BTC/USDT:USDT", [trade])
        read_beside(engine, backup, "market.trades")
        assert saved.result(60) == 1
