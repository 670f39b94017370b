"""One way into the database: one file begins and connects, and only the store speaks SQL."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("quant_pipelines", "assets", "jobs", "sensors", "strategies", "live_runner")
STORE = "quant_pipelines/store/"
WAYS_IN = STORE + "engine.py"
SIMULATOR = "quant_pipelines/simulator/"
"""The venue keeps a SQLite file of its own, and may not import what reaches PostgreSQL."""
OPTUNA = "quant_pipelines/archive/trials/optuna_tables.py"
"""A file of another tool, which is only read."""

BEGINS = {"begin", "connect", "raw_connection"}
RUNS = {"execute", "executemany", "exec_driver_sql", "scalar", "scalars"}
TYPES = {"Connection", "Engine", "Table", "URL"}


def faults(name: str, text: str) -> list[str]:
    """What a file must leave to the store, with the line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        is_allowed = is_allowed_call if isinstance(node, ast.Call) else is_allowed_import
        if not is_allowed(name, node):
            found.append(f"{name}:{node.lineno}: `{ast.unparse(node)}` belongs to the store")
    return found


def is_allowed_call(name: str, node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=verb)) if ast.unparse(owner) != "self":
            return not ((verb in BEGINS and name != WAYS_IN) or (verb in RUNS and not name.startswith(STORE)))
    return True


def is_allowed_import(name: str, node: ast.AST) -> bool:
    if name.startswith(STORE):
        return True
    match node:
        case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "sqlalchemy":
            return {one.name for one in names} <= TYPES
        case ast.Import(names=names):
            return all(one.name.split(".")[0] != "sqlalchemy" for one in names)
    return True


def test_only_the_store_speaks_sql_and_one_file_of_it_connects() -> None:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = {path: path.relative_to(ROOT).as_posix() for path in files}
    assert WAYS_IN in names.values()
    found = [
        fault
        for path, name in names.items()
        if not name.startswith((SIMULATOR, OPTUNA))
        for fault in faults(name, path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("quant_pipelines/store/bars.py", "with engine.begin() as connection: pass"),
        ("quant_pipelines/store/bars.py", "with self._engine.connect() as connection: pass"),
        ("live_runner/desk.py", "driver = psycopg.connect(url)"),
        ("sensors/whitelist.py", "connection.execute(query)"),
        ("assets/bars.py", "connection.exec_driver_sql('select 1')"),
        ("quant_pipelines/operations/halts.py", "from sqlalchemy import Engine, select"),
        ("quant_pipelines/operations/halts.py", "from sqlalchemy.dialects.postgresql import insert"),
        ("quant_pipelines/cli/db.py", "import sqlalchemy as sa"),
    ],
)
def test_another_way_in_is_named_with_file_and_line(name: str, line: str) -> None:
    (fault,) = faults(name, line)
    assert fault.startswith(f"{name}:1: ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (WAYS_IN, "with engine.begin() as connection: pass"),
        ("quant_pipelines/store/bars.py", "connection.execute(select(bars))"),
        ("quant_pipelines/operations/halts.py", "from sqlalchemy import Connection, Engine"),
        ("quant_pipelines/exchange/ccxt_source.py", "await_ = self.connect()"),
    ],
)
def test_what_the_store_offers_is_no_other_way_in(name: str, line: str) -> None:
    assert faults(name, line) == []
