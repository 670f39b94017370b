"""Clients that we did not write trade at the simulated venue: ``python benchmarks/clients.py [CLIENT ...]``.

python-binance, Binance's own SDK, freqtrade live and NautilusTrader, unchanged but for the address, each in
an environment of its own under the folder that ``--environments`` names, each at a venue of its own on
loopback. A client passes when each of its checks holds and the venue's log has no complaint. Exit code 1
when one does not, and when one can't be installed here.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent / "clients"
ROOT = HERE.parents[1]
LEAST_PYTHON = {"python_binance": (3, 11), "official_sdk": (3, 11), "freqtrade": (3, 11), "nautilus": (3, 12)}
LONGEST_SECONDS = 300
SHOWN = 2_000  # characters of what a client said last


class NotInstalled(Exception):
    """A client that can't be installed on this machine, and why."""


def python_of(least: tuple[int, int], also: list[Path]) -> Path:
    """An interpreter that is new enough, the own one first."""
    named = [shutil.which(f"python3.{minor}") for minor in range(least[1], 15)]
    for candidate in [Path(sys.executable), *also, *(Path(name) for name in named if name)]:
        asked = [candidate, "-c", "import sys; print(*sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and tuple(map(int, done.stdout.split())) >= least:
            return candidate
    raise NotInstalled(f"needs Python {'.'.join(map(str, least))} or newer; name one with --python")


def interpreter_of(client: str, environments: Path, also: list[Path]) -> Path:
    """Python of a client's own environment, which is made where it is missing."""
    folder = environments / client
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        base = python_of(LEAST_PYTHON[client], also)
        subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
        install = [python, "-m", "pip", "install", "-qqq", "-r", HERE / f"{client}.txt"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotInstalled(done.stderr[-SHOWN:])
        (folder / "complete").touch()
    return python


@contextmanager
def venue(home: Path) -> Iterator[str]:
    """Address of a new venue, which ends with the block; its log is ``venue.log``."""
    command = [sys.executable, "-P", "-m", "quant_pipelines.simulator", "--port", "0", "--home", str(home)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        (home / "venue.log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[3]
        finally:
            process.terminate()


def judge(client: str, python: Path) -> list[str]:
    """What went wrong with a client; nothing if it passes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with venue(folder) as url:
            command = [python, HERE / f"client_{client}.py", url, folder]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS, cwd=folder
                )
            except subprocess.TimeoutExpired:
                return [f"it did not end within {LONGEST_SECONDS} seconds"]
        log = (folder / "venue.log").read_text()
    answer = [line for line in done.stdout.splitlines() if line.startswith("{")][-1:]
    if done.returncode or not answer:
        return [f"it ended with {done.returncode}: {done.stderr[-SHOWN:]}"]
    wrong = [f"not so: {check}" for check, holds in json.loads(answer[0]).items() if not holds]
    complaints = re.findall(r"^(?:WARNING|ERROR) .*$", log, re.MULTILINE)
    wrong += [f"the venue says: {line}" for line in complaints]
    return [*wrong, done.stderr[-SHOWN:]] if wrong else []


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(tempfile.gettempdir()) / "quant-clients"
    parser.add_argument("clients", nargs="*", default=list(LEAST_PYTHON), metavar="CLIENT")
    parser.add_argument("--environments", type=Path, default=default)
    parser.add_argument("--python", type=Path, action="append", default=[], help="interpreter to build with")
    asked = parser.parse_args()
    failed = 0
    for client in asked.clients:
        try:
            wrong = judge(client, interpreter_of(client, asked.environments, asked.python))
        except NotInstalled as reason:
            wrong = [f"not installed: {reason}"]
        failed += bool(wrong)
        print(f"{client}: {'passes' if not wrong else 'FAILS'}", *wrong, sep="\n  ", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
