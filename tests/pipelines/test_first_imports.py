"""Sensors are evaluated in threads: whichever imports first, no other sees half of a package."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sensors.first_imports import HEAVY

SENSORS = Path(__file__).resolve().parents[2] / "sensors"
RACE = """
import importlib, sys, threading
import quant_pipelines.definitions
from sensors.first_imports import HEAVY, load_heavy

sys.setswitchinterval(1e-5)
all_there, seen = threading.Barrier(len(HEAVY)), []

def sensor(name):
    all_there.wait()
    try:
        load_heavy()
        importlib.import_module(name)
    except Exception as error:
        seen.append(repr(error))

threads = [threading.Thread(target=sensor, args=(name,)) for name in HEAVY]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(seen)
"""


def late_imports() -> list[tuple[str, str, bool]]:
    """Module of each import within a function of a sensor, and whether what is heavy was loaded before."""
    found: list[tuple[str, str, bool]] = []
    for path in sorted(SENSORS.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            calls = [one.lineno for one in ast.walk(function) if isinstance(one, ast.Call) and _loads(one)]
            found += [
                (path.name, node.module, any(line < node.lineno for line in calls))
                for node in ast.walk(function)
                if isinstance(node, ast.ImportFrom) and node.module
            ]
    return found


def _loads(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "load_heavy"


@pytest.mark.parametrize(("file", "module", "is_loaded"), late_imports())
def test_what_a_sensor_imports_late_is_loaded_by_one_thread(file: str, module: str, is_loaded: bool) -> None:
    assert module in HEAVY, f"{file} imports it within a function"
    assert is_loaded, f"{file} imports {module} without load_heavy before"


def test_threads_that_import_at_once_all_see_whole_modules() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", RACE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
