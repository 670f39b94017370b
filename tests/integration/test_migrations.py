import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url, text

from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.core.orders import OrderStatus, Side
from quant_pipelines.core.stages import Stage
from quant_pipelines.optimize.verdict import VerdictDecision
from quant_pipelines.store.engine import (
    connect,
    dagster_url,
    parse_database_url,
    product_url,
    require_reachable,
    session,
)
from quant_pipelines.store.migrate import migrate
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
