"""A runner that is killed around its first entry, or around the stop behind it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.boundaries import DEATHS, Boundary, Cell

ENTRY = Boundary("net", "POST /fapi/v1/order entry")
ITS_STOP = Boundary("net", "POST /fapi/v1/algoOrder closing stop")
KILLS = [Cell(at, 1, how) for at in (ENTRY, ITS_STOP) for how in DEATHS]
NEVER_SENT = Cell(ENTRY, 1, "dies before")
ROOT = Path(__file__).resolve().parents[3]


def run_until_killed(database_url: str, address: str, cell: Cell) -> None:
    """Run a runner in a process of its own until it dies by SIGKILL."""
    module = "tests.integration.runner.killed_boundary"
    command = [sys.executable, "-m", module, database_url, address, json.dumps(cell)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
