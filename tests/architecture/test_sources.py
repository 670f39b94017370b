"""What differs from run to run (time, chance) is handed to the runner: nothing on its way asks for it."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import DefaultClause

from quant_pipelines.store.tables import metadata

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("live_runner", "quant_pipelines/trading", "quant_pipelines/exchange")
ROOTS = ("live_runner/__main__.py", "live_runner/collector/__main__.py", "live_runner/process/entry.py")
"""Where the real clock and the real chance are handed in."""
PORTS = "live_runner/ports/"

MODULES = {"random", "secrets", "time", "uuid"}
CALLS = {"now", "today", "utcnow", "urandom", "utc_now", "clock_time"}
GIVEN = {"system_clock_ms", "system_chance"}
"""May be the default of a parameter below the runner; the runner hands on what it was given."""


def faults(name: str, text: str) -> list[str]:
    """What a file asks for by itself, with the line."""
    tree = ast.parse(text)
    defaults = {id(node) for node in defaults_of(tree)} if name.startswith("quant_pipelines/") else set()
    found = [node for node in ast.walk(tree) if id(node) not in defaults and asks(name, node)]
    return [f"{name}:{node.lineno}: `{ast.unparse(node)}` is handed in by a root" for node in found]


def defaults_of(tree: ast.AST) -> list[ast.AST]:
    """Defaults of parameters and fields."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.arguments(defaults=positional, kw_defaults=named):
                found += [*positional, *filter(None, named)]
            case ast.AnnAssign(value=ast.AST() as value):
                found.append(value)
    return found


def asks(name: str, node: ast.AST) -> bool:
    """Whether a node brings time or chance into a file."""
    match node:
        case ast.Import(names=names):
            return any(one.name.split(".")[0] in MODULES for one in names)
        case ast.ImportFrom(module=str(module), names=names):
            is_given = name in ROOTS or name.startswith((PORTS, "quant_pipelines/"))
            barred = CALLS if is_given else CALLS | GIVEN
            return module.split(".")[0] in MODULES or any(one.name in barred for one in names)
        case ast.Call(func=ast.Attribute(value=owner, attr=verb)):
            return verb in CALLS and "date" in ast.unparse(owner)
        case ast.Name(id=called, ctx=ast.Load()):
            return called in GIVEN and name not in ROOTS and not name.startswith(PORTS)
    return False


def test_time_and_chance_are_handed_to_the_runner() -> None:
    files = [path for place in PLACES for path in sorted((ROOT / place).rglob("*.py"))]
    names = {path: path.relative_to(ROOT).as_posix() for path in files}
    assert set(ROOTS) <= set(names.values())
    found = [fault for path, name in names.items() for fault in faults(name, path.read_text())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("live_runner/venue/link.py", "import random"),
        ("live_runner/venue/link.py", "from time import monotonic"),
        ("live_runner/venue/link.py", "from quant_pipelines.core.clock import utc_now"),
        ("live_runner/book/announcer.py", "from quant_pipelines.core.clock import system_clock_ms"),
        ("quant_pipelines/exchange/retry.py", "pause = system_chance()"),
        ("quant_pipelines/exchange/rows.py", "seen = datetime.now(UTC)"),
        ("quant_pipelines/trading/orders.py", "from uuid import uuid4"),
    ],
)
def test_another_source_is_named_with_file_and_line(name: str, line: str) -> None:
    (fault,) = faults(name, line)
    assert fault.startswith(f"{name}:1: ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("live_runner/process/entry.py", "from quant_pipelines.core.clock import system_clock_ms"),
        ("quant_pipelines/exchange/retry.py", "def again(chance=system_chance): return chance()"),
        ("quant_pipelines/exchange/weight.py", "now = self._clock()"),
    ],
)
def test_what_is_handed_on_is_no_source(name: str, line: str) -> None:
    assert faults(name, line) == []


def test_the_database_stamps_no_row_of_the_runner() -> None:
    told = [column for table in metadata.tables.values() for column in table.columns]
    stamped = [
        str(column)
        for column in told
        if column.table.schema in ("trading", "ops")
        and isinstance(column.server_default, DefaultClause)
        and any(word in str(column.server_default.arg) for word in ("now", "current", "clock", "random"))
    ]
    assert stamped == []
