"""A whole stack that is left alone for hours: memory, tables and logs stay flat, and nothing goes wrong.

    python -m benchmarks.soak_stack [--hours 6] [--fill-minutes 60]

Settings are those of the environment. Every look is written as a line; the last line is JSON. It ends with 1
where something grows faster than its bound beyond doubt, a service started again, or an error was logged.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from benchmarks.soak_slopes import Slope, slope_of, too_steep
from benchmarks.stack_memory import look
from quant_pipelines.stack.home import Home
from quant_pipelines.stack.ports import free_port, read_ports
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.postgres_server import local_url

_MOST_PROCESS_MB: Final = 10.0
_MOST_MB: Final = {"memory:postgres": 40.0, "memory:all": 60.0, "tables:all": 60.0, "logs:all": 30.0}
"""Growth an hour of a process, a table and a log, and of those with bounds of their own: MB."""
_SIZES = """
select relid::regclass::text, pg_total_relation_size(relid)::float8 / 1048576, n_live_tup
from pg_stat_user_tables
"""
_ALERTS = "select source, message from ops.alerts where severity in ('critical', 'halt')"
_ERROR = re.compile(r'"level": "(ERROR|CRITICAL)"|\b(ERROR|CRITICAL)\b.* - ')
_SHOWN = 8


class Sample(NamedTuple):
    """One look: hours since the first, megabytes by what has them, rows of each table."""

    hours: float
    megabytes: dict[str, float]
    rows: dict[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=6.0, help="how long it is looked at")
    parser.add_argument(
        "--fill-minutes", type=float, default=60.0, help="how long it may fill its home first"
    )
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two looks")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="quant-soak-"))
    home = Home(folder / "home")
    try:
        with running(home) as pid:
            time.sleep(60 * given.fill_minutes)
            begun = logged(home)
            samples = list(looks(home, pid, hours=given.hours, every=given.every))
            is_sound = verdict(home, samples, begun)
    finally:
        remove_place(home.folder)
    if is_sound:
        shutil.rmtree(folder)
    return int(not is_sound)


@contextmanager
def running(home: Home) -> Iterator[int]:
    """Run a stack on a home; its process."""
    command = [sys.executable, "-P", "-m", "quant_pipelines.cli", "up", "--home", str(home.folder)]
    with (home.folder.parent / "up.log").open("wb") as log:
        stack = subprocess.Popen([*command, "--port", str(free_port())], stdout=log, stderr=log)
    try:
        yield stack.pid
        if stack.poll() is not None:
            raise RuntimeError(f"quant up has ended with {stack.returncode}; expected it to go on")
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(90)


def looks(home: Home, pid: int, *, hours: float, every: float) -> Iterator[Sample]:
    """Look every few seconds, for so many hours."""
    begun = time.monotonic()
    while (now := (time.monotonic() - begun) / 3600) < hours:
        sample = sampled(home, pid, now)
        totals = {name: round(value, 1) for name, value in sample.megabytes.items() if name.endswith(":all")}
        sys.stdout.write(f"{60 * now:6.1f} min {totals}\n")
        sys.stdout.flush()
        yield sample
        time.sleep(every)


def sampled(home: Home, pid: int, hours: float) -> Sample:
    """Memory (PSS) of each kind of process, sizes of tables and of logs now."""
    found = {f"memory:{name}": value for name, value in look(pid).megabytes.items()}
    logs = {path.name: path.stat().st_size / 2**20 for path in home.logs.glob("*.log")}
    found |= {f"logs:{name}": value for name, value in logs.items()}
    with connected(home) as connection:
        tables = connection.execute(_SIZES).fetchall()
    sizes: defaultdict[str, float] = defaultdict(float)
    rows: defaultdict[str, int] = defaultdict(int)
    for name, size, count in tables:
        table = re.sub(r"_\d{4}_\d{2}$", "", name)  # months of one table
        sizes[table] += size
        rows[table] += count
    found |= {f"tables:{name}": size for name, size in sizes.items()}
    for kind in ("memory", "tables", "logs"):
        found[f"{kind}:all"] = sum(value for name, value in found.items() if name.startswith(f"{kind}:"))
    return Sample(hours, found, dict(rows))


def verdict(home: Home, samples: list[Sample], begun: dict[str, int]) -> bool:
    """Write what was found, and whether it is nothing; the logs stay where something was."""
    names = sorted(set.intersection(*(set(sample.megabytes) for sample in samples)))
    hours = [sample.hours for sample in samples]
    slopes = [slope_of(name, hours, [one.megabytes[name] for one in samples]) for name in names]
    steep = too_steep(slopes, _MOST_MB, _MOST_PROCESS_MB)
    errors, services = errors_since(home, begun), (home.read_services() or {"services": []})["services"]
    restarted = {one["name"]: one["restarts"] for one in services if one["restarts"]}
    last = samples[-1].megabytes
    told = {
        "hours": round(hours[-1], 2),
        "looks": len(samples),
        "memory_mb": {name[7:]: round(last[name]) for name in names if name[:7] == "memory:"},
        "growth_mb_an_hour": {one.name: round(one.growth, 2) for one in steepest(slopes)},
        "rows_an_hour": most_rows(samples),
        "above_their_bound": {one.name: [round(one.low, 2), round(one.high, 2)] for one in steep},
        "restarted": restarted,
        "errors": errors[:_SHOWN],
        "n_errors": len(errors),
    }
    is_sound = not (steep or errors or restarted)
    sys.stdout.write(json.dumps(told if is_sound else told | {"logs": str(home.logs)}) + "\n")
    return is_sound


def steepest(slopes: list[Slope]) -> list[Slope]:
    """Those that grow fastest, sums included."""
    return sorted(slopes, key=lambda one: -one.growth)[: 2 * _SHOWN]


def most_rows(samples: list[Sample]) -> dict[str, int]:
    """Rows an hour of the tables that grow most."""
    first, last = samples[0], samples[-1]
    hours = max(last.hours - first.hours, 1e-9)
    grown = {name: round((count - first.rows.get(name, 0)) / hours) for name, count in last.rows.items()}
    return dict(sorted(grown.items(), key=lambda one: -one[1])[:_SHOWN])


def logged(home: Home) -> dict[str, int]:
    """Size of each log now."""
    return {path.name: path.stat().st_size for path in home.logs.glob("*.log")}


def errors_since(home: Home, begun: dict[str, int]) -> list[str]:
    """Lines of logs that tell of an error since then, and alerts that a person is called for."""
    found = []
    for path in sorted(home.logs.glob("*.log")):
        with path.open("rb") as log:
            size = begun.get(path.name, 0)
            log.seek(size if path.stat().st_size >= size else 0)  # else it was turned over
            lines = log.read().decode(errors="replace").splitlines()
        found += [f"{path.name}: {line[:300]}" for line in told_in(lines)]
    with connected(home) as connection:
        alerts = connection.execute(_ALERTS).fetchall()
    found += [f"alert of {source}: {message}" for source, message in alerts]
    return found


def told_in(lines: list[str]) -> Iterator[str]:
    """Lines that tell of an error; of a traceback the first without indent, which names it."""
    rest = iter(lines)
    for line in rest:
        if line.startswith("Traceback "):
            yield next((one for one in rest if one and not one.startswith(" ")), line)
        elif _ERROR.search(line):
            yield line


@contextmanager
def connected(home: Home) -> Iterator["psycopg.Connection[Any]"]:
    """Session on the stack's database."""
    ports = read_ports(home.ports_file)
    if ports is None:
        raise RuntimeError(f"{home.folder} has no ports; expected a stack that has started")
    with psycopg.connect(local_url(home.folder, ports.postgres)) as connection:
        yield connection


if __name__ == "__main__":
    sys.exit(main())
