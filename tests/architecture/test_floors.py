"""The shape that machines can check: imports point down, the runner stays free of Dagster."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_live_runner_never_loads_dagster() -> None:
    code = (
        "import importlib, pkgutil, sys, live_runner\n"
        "for module in pkgutil.walk_packages(live_runner.__path__, 'live_runner.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0].startswith('dagster')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_definitions_load_no_compiler_and_no_exchange_client() -> None:
    """What every run's process would pay for at its start."""
    code = (
        "import sys, quant_pipelines.definitions\n"
        "print(sorted({'ccxt', 'numba', 'scipy', 'skopt', 'deap', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_gateway_starts_without_what_is_large() -> None:
    code = (
        "import importlib, pkgutil, sys, quant_pipelines.gateway as gateway\n"
        "for module in pkgutil.walk_packages(gateway.__path__, 'quant_pipelines.gateway.'):\n"
        "    importlib.import_module(module.name)\n"
        "found = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted({'ccxt', 'dagster', 'numba', 'pandas', 'plotly', 'scipy', 'live_runner'} & found))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


SMALL = {
    "supervisor": (
        ("quant_pipelines.settings", "quant_pipelines.stack.up"),
        ("sqlalchemy", "psycopg", "numpy", "prometheus_client", "rich"),
    ),
    "watchdog": (
        ("quant_pipelines.settings", "quant_pipelines.stack.server", "quant_pipelines.notify.watchdog"),
        ("numpy", "pandas", "numba", "dagster"),
    ),
    "logs": (("quant_pipelines.telemetry.logs",), ("numpy", "rich")),
    "telegram": (("quant_pipelines.telegram.__main__",), ("numpy", "pandas", "numba", "dagster", "rich")),
    "gateway": (("quant_pipelines.gateway.__main__",), ("numba", "rich")),
    # It stores what streams tell: no strategy runs in it, so nothing of it compiles.
    "collector": (("live_runner.collector.__main__",), ("dagster", "numba", "pandas", "scipy", "rich")),
    "runner": (("live_runner.process.root",), ("dagster", "pandas", "rich")),
    "tables": (("quant_pipelines.store.tables",), ("numpy",)),
}
"""What is imported where each process begins, and what it does without: each of them is loaded all day."""


@pytest.mark.parametrize("process", SMALL)
def test_a_process_starts_without_what_it_does_not_need(process: str) -> None:
    modules, unneeded = SMALL[process]
    code = (
        f"import importlib, sys\nfor module in {modules!r}: importlib.import_module(module)\n"
        f"print(sorted(set({unneeded!r}) & {{name.partition('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
