import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url, text

from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.verdict_decisions import VerdictDecision
from quant_pipelines.optimize.decision import CapitalDecision
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.store.database_url import dagster_url
from quant_pipelines.store.engine import (
    connect,
    parse_database_url,
    product_url,
    require_reachable,
    session,
)
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.records import read_folds
from quant_pipelines.store.revision import MIGRATIONS, known_revisions, newest_revision, require_current
from quant_pipelines.store.tables import metadata
from quant_pipelines.store.tables.market import Confirmation, RevisionCause
from quant_pipelines.store.tables.ops import ApprovalDecision, DeliveryState, Role
from quant_pipelines.store.tables.research import RequestKind, RequestStatus, TaskStatus

pytestmark = pytest.mark.postgres


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    """A database without any schema, beside the migrated one."""
    name = f"{make_url(database_url).database}_empty"
    admin = connect(database_url)
    with session(admin) as connection:
        connection.execute(text(f'create database "{name}"'))
    yield make_url(database_url).set(database=name).render_as_string(hide_password=False)
    with session(admin) as connection:
        connection.execute(text(f'drop database "{name}" with (force)'))
    admin.dispose()


def disposing(url: str) -> Engine:
    return connect(url, pool_size=1)


def test_migrating_an_empty_database_yields_the_tables_of_the_code(empty_database: str) -> None:
    engine = disposing(empty_database)
    assert migrate(engine) == newest_revision()
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "version_table_schema": "ops",
                "include_name": lambda name, kind, _: (
                    kind != "schema" or name in {"market", "research", "trading", "ops"}
                ),
                "include_object": lambda _, name, kind, reflected, __: (
                    kind != "table"
                    or not reflected
                    or not name.startswith(("bars_", "trades_", "book_snapshots_"))
                ),
            },
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


@pytest.mark.parametrize(
    ("table", "constraint", "words"),
    [
        ("trading.deployments", "stage", Stage),
        ("trading.orders", "status", OrderStatus),
        ("trading.intents", "side", Side),
        ("trading.fills", "side", Side),
        ("research.optimizer_tasks", "status", TaskStatus),
        ("research.verdicts", "decision", VerdictDecision),
        ("research.capital_results", "decision", CapitalDecision),
        ("research.optimization_requests", "kind", RequestKind),
        ("research.optimization_requests", "status", RequestStatus),
        ("ops.approvals", "decision", ApprovalDecision),
        ("ops.users", "role", Role),
        ("ops.alert_deliveries", "state", DeliveryState),
        ("market.bar_confirmations", "kind", Confirmation),
        ("market.bar_revisions", "cause", RevisionCause),
    ],
)
def test_a_check_of_the_database_allows_the_words_of_the_code(
    engine: Engine, table: str, constraint: str, words: Any
) -> None:
    name = f"ck_{table.split('.')[1]}_{constraint}"
    query = text(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = cast(:table as regclass) "
        "and conname = :name"
    )
    with engine.connect() as connection:
        stored = connection.execute(query, {"table": table, "name": name}).scalar_one()
    assert tuple(re.findall("'([^']*)'", stored)) == get_args(words)


_SEARCH_OF_BEFORE = """
insert into research.strategies values ('s', '', now());
insert into research.strategy_versions (strategy, content_hash, kernel_digest, source, parameters, created_at)
values ('s', 'h', 'k', '', '{}', now());
insert into research.optimizer_tasks
    (task_key, strategy_version_id, strategy, exchange, symbol, timeframe, searcher, objective, seed,
     window_start, window_end, settings, trigger, status, created_at)
select key, id, 's', 'e', 'x', '1h', 'ga', 'sharpe', 1, '2025-01-01', '2025-01-12', '{}', 'daily', 'done',
    now() from research.strategy_versions, unnest(array['a', 'b']) as key;
insert into research.folds
    (task_id, fold, train_start, train_end, test_start, test_end, parameters, train_metrics, test_metrics,
     result)
select id, 7, '2025-01-01', '2025-01-10', '2025-01-10', '2025-01-12', '{"fast": 3}', '{}', '{}',
    '{"train_returns": [0.5, 0.25], "days": [1736467200000, 1736553600000], "returns": [0.1, -0.2],
      "trades": [{"pnl": 1, "exit_time": 1736553600000}, {"pnl": 2, "exit_time": 1736640000000},
                 {"pnl": 3, "exit_time": 1736500000000}]}'
from research.optimizer_tasks where task_key = 'b';
insert into research.trials select id, 7, 0, '{"fast": 3}', 1.5 from research.optimizer_tasks;
insert into research.out_of_sample_returns
select id, day, 7, value, 1 from research.optimizer_tasks,
    (values (date '2025-01-10', 0.1), (date '2025-01-11', -0.2)) as one (day, value);
"""


def test_search_of_before_records_becomes_a_record_of_its_own(empty_database: str) -> None:
    engine = disposing(empty_database)
    with engine.begin() as connection:
        connection.execute(text("create schema ops"))
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0027")
        connection.exec_driver_sql(_SEARCH_OF_BEFORE)
    migrate(engine)
    with engine.connect() as connection:
        tasks = connection.execute(
            text("select t.id from research.optimizer_tasks t join research.records r on r.id = record_id")
        ).scalars()
        first, second = sorted(tasks)
        (fold,) = read_folds(connection, second).values()
        kept = connection.execute(text("select day, daily_return from research.record_days")).all()
    engine.dispose()
    assert (fold.fold.index, fold.fit.parameters, fold.fit.returns.tolist()) == (7, {"fast": 3}, [0.5, 0.25])
    assert fold.fit.trials == (Trial({"fast": 3}, 1.5),)
    assert fold.test.returns.tolist() == [0.1, -0.2]
    assert [trade["pnl"] for trade in fold.test.trades] == [3, 1, 2]
    assert len(kept) == 4
    assert first != second


def test_several_processes_may_migrate_at_once(empty_database: str) -> None:
    def run(_: int) -> str:
        engine = disposing(empty_database)
        revision = migrate(engine)
        engine.dispose()
        return revision

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(run, range(3))) == {newest_revision()}


def test_a_database_newer_than_the_code_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("update ops.alembic_version set version_num = '9999'"))
    for verb in (migrate, require_current):
        with pytest.raises(StoreError, match="database revision '9999' is newer than this code"):
            verb(engine)


def test_revisions_by_the_names_of_files_are_those_that_alembic_reads_in_them() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == newest_revision()
    assert sorted(script.revision for script in scripts.walk_revisions()) == known_revisions()


def test_an_empty_database_is_not_current(empty_database: str) -> None:
    engine = disposing(empty_database)
    with pytest.raises(StoreError, match="database revision is None, expected"):
        require_current(engine)
    engine.dispose()


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    engine = disposing("postgresql://quant:hidden@127.0.0.1:1/quant")
    with pytest.raises(
        StoreError, match=r"database postgresql\+psycopg://quant:\*\*\*@127.0.0.1:1/quant does not answer"
    ):
        require_reachable(engine)


@pytest.mark.parametrize("url", ["nonsense", "mysql://a@b/c", "postgresql://a@b"])
def test_a_url_that_names_no_postgresql_database_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected postgresql://user:password@host:port/database"):
        parse_database_url(url)


def test_each_driver_gets_its_own_spelling() -> None:
    for url in ("postgresql://q:p@h:1/quant", "postgresql+psycopg2://q:p@h:1/quant"):
        assert product_url(url) == "postgresql+psycopg://q:p@h:1/quant"
        assert dagster_url(url) == "postgresql+psycopg2://q:p@h:1/dagster"


def test_sessions_speak_utc(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("show timezone")).scalar_one() == "UTC"
