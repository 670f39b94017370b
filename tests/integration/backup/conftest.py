"""A database with rows of many kinds, Dagster's beside it, and the command line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import utc_now
from quant_pipelines.store import audit
from quant_pipelines.store.databases import count_rows, create_database
from quant_pipelines.store.engine import connect

Quant = Callable[..., tuple[int, Any, str]]
Contents = dict[str, list[bytes]]


def run_quant(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, Any, str]:
    capfd.readouterr()
    code = main([*map(str, arguments), "--json"])
    out, err = capfd.readouterr()
    return code, json.loads(out) if out else None, err


@pytest.fixture
def quant(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Quant:
    """Run a command on the test's database: exit code, JSON document, and what stands on stderr."""
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run_quant(capfd, *arguments)


def named(url: str, suffix: str) -> str:
    parsed = make_url(url)
    return parsed.set(database=f"{parsed.database}{suffix}").render_as_string(hide_password=False)


def fill(url: str) -> None:
    """Rows of many kinds: partitions, numerics, JSON, bytes, an identity and a null."""
    engine = connect(url, pool_size=1)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run(
            "create table market.bars_2024_10 partition of market.bars "
            "for values from ('2024-10-01') to ('2024-11-01')"
        )
        run(
            "insert into market.bars select 'binanceusdm', 'BTC/USDT:USDT', '1m', '2024-10-04'::timestamptz "
            "+ i * interval '1 min', 1.1 * i, 2, 0.1, 1 / 3.0, i, 0, i, now() from generate_series(1, 500) i"
        )
        run(
            "insert into trading.accounts (name, venue, currency, capital, created_at) "
            "values ('paper', 'paper', 'USDT', 100.000000000000000000001, now())"
        )
        run("insert into ops.heartbeats values ('runner', 'ACTIVE', now(), '{\"a\": [1, null, \"ü\"]}')")
        audit.append(connection, "ann", "test.done", "account", {"at": utc_now()})
    engine.dispose()


@pytest.fixture
def filled(database_url: str, template_url: str) -> Iterator[str]:
    """Product database with rows, and a database of Dagster's beside it."""
    fill(database_url)
    dagster = named(database_url, "_dagster")
    create_database(template_url, str(make_url(dagster).database))
    with psycopg.connect(dagster) as connection:
        connection.execute("create table runs (id bigserial primary key, body text)")
        connection.execute("insert into runs (body) select repeat('x', i) from generate_series(1, 100) i")
    yield database_url
    drop(template_url, dagster)


def drop(admin_url: str, *urls: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for url in urls:
            name = Identifier(str(make_url(url).database))
            admin.execute(SQL("drop database if exists {} with (force)").format(name))


@pytest.fixture
def fresh(database_url: str, template_url: str) -> Iterator[str]:
    """URL of a database that does not exist."""
    url = named(database_url, "_fresh")
    yield url
    drop(template_url, url, named(url, "_dagster"))


def contents(url: str) -> Contents:
    """Every row of every table as text, in order."""
    engine = connect(url, pool_size=1)
    with engine.connect() as connection:
        tables = list(count_rows(connection))
    engine.dispose()
    found: Contents = {}
    with psycopg.connect(url) as session:
        for name in tables:
            with session.cursor().copy(
                f"copy (select * from {name} as r order by r::text) to stdout".encode()  # noqa: S608 - names of the catalog
            ) as rows:
                found[name] = [bytes(row) for row in rows]
    return found


def databases(admin_url: str) -> set[str]:
    with psycopg.connect(admin_url) as admin:
        return {name for (name,) in admin.execute("select datname from pg_database")}
