"""What a whole stack takes at rest: memory (PSS), CPU, and seconds from a bar's close to its intent.

    python benchmarks/stack_memory.py [--against CHECKOUT] [--minutes 10]

Each stack is started on an empty home, given time to fill it, then left alone. PSS shares out the pages that
processes have in common, so the sum over processes is what the machine would get back. The other checkout
needs a `.venv`, its own or a link to this one's; it runs after this one, as both want the same port.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import psycopg

from quant_pipelines.stack.ports import read_ports
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.postgres_server import local_url

EVERY_SECONDS = 15.0
HERE = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
INTENTS = """
select extract(epoch from committed_at - bar_close)::float8 from trading.intents
where purpose = 'target' and committed_at > now() - make_interval(secs => %s)
"""


class Look(NamedTuple):
    """Memory of each kind of process in MB, and CPU seconds of all of them so far."""

    megabytes: dict[str, float]
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", type=Path, help="another checkout, with its .venv")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long a stack is looked at")
    parser.add_argument(
        "--fill-minutes", type=float, default=5.0, help="how long it may fill its home before"
    )
    given = parser.parse_args()
    for checkout in [HERE, *([given.against.resolve()] if given.against else [])]:
        with tempfile.TemporaryDirectory(prefix="quant-memory-") as folder:
            home = Path(folder)
            try:
                measure(checkout, home, fill=60 * given.fill_minutes, seconds=60 * given.minutes)
            finally:
                remove_place(home)


def measure(checkout: Path, home: Path, *, fill: float, seconds: float) -> None:
    """Start a stack, look at it, and end it."""
    environment = os.environ | {"QUANT_HOME": str(home), "PYTHONPATH": str(checkout)}
    command = [str(checkout / ".venv/bin/quant"), "up"]
    with (home.parent / f"{home.name}.log").open("wb") as log:
        stack = subprocess.Popen(command, cwd=checkout, env=environment, stdout=log, stderr=log)
    try:
        time.sleep(fill)
        looks = looks_over(stack.pid, seconds)
        report(checkout, looks, seconds, intents(home, seconds))
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(60)


def looks_over(root: int, seconds: float) -> list[Look]:
    """Look every few seconds."""
    end, looks = time.monotonic() + seconds, [look(root)]
    while time.monotonic() < end:
        time.sleep(EVERY_SECONDS)
        looks.append(look(root))
    return looks


def look(root: int) -> Look:
    megabytes: defaultdict[str, float] = defaultdict(float)
    cpu = 0.0
    for pid in family(root):
        try:
            process = Path(f"/proc/{pid}")
            rollup = (process / "smaps_rollup").read_text()
            spent = (process / "stat").read_text().rpartition(")")[2].split()
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        megabytes[kind(words)] += pss / 1024
        cpu += sum(int(spent[field]) for field in (11, 12, 13, 14)) / TICKS  # own, and of children that ended
    return Look(dict(megabytes), cpu)


def family(root: int) -> list[int]:
    """The process and everything that descends from it."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children[parent].append(int(entry.name))
    found, new = [], [root]
    while new:
        found += new
        new = [child for parent in new for child in children[parent]]
    return found


def kind(words: str) -> str:
    """What a process is, by its command line."""
    if "postgres" in words.partition(" ")[0]:
        return "postgres"
    return next(
        (word for word in words.split() if word.startswith(("live_runner", "quant_pipelines", "dagster"))),
        "other",
    )


def intents(home: Path, seconds: float) -> list[float]:
    """Seconds from the close of a bar to the commit of what was decided on it."""
    ports = read_ports(home / "ports.json")
    assert ports is not None, f"{home}: no stack has been started there"
    with psycopg.connect(local_url(home, ports.postgres)) as connection:
        return [row[0] for row in connection.execute(INTENTS, (seconds,))]


def report(checkout: Path, looks: list[Look], seconds: float, waited: list[float]) -> None:
    totals = [sum(one.megabytes.values()) for one in looks]
    kinds = sorted({name for one in looks for name in one.megabytes})
    rested = min(
        after.cpu_seconds - before.cpu_seconds for before, after in zip(looks, looks[4:], strict=False)
    )
    told = {
        "checkout": checkout.name,
        "pss_mb_median": round(statistics.median(totals), 1),
        "pss_mb_most": round(max(totals), 1),
        "by_process": {
            name: round(statistics.median([one.megabytes.get(name, 0.0) for one in looks]), 1)
            for name in kinds
        },
        "cpu_cores": round((looks[-1].cpu_seconds - looks[0].cpu_seconds) / seconds, 4),
        "cpu_cores_quietest_minute": round(rested / (4 * EVERY_SECONDS), 4),
        "close_to_intent_p50_seconds": round(statistics.median(waited), 3) if waited else None,
        "intents": len(waited),
        "load": os.getloadavg()[0],
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
