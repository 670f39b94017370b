"""What the live runner promises, measured in one run, with the target beside each figure.

    PYTHONPATH=. python benchmarks/runner_figures.py [--against COMMIT] [--quick]

It runs `tick_to_exit.py`, `kill.py` and `stack_memory.py`, the last one also on the commit that the targets
of a stack are shares of, in a work tree of its own with this one's packages. It takes about 15 minutes on a
quiet machine; ``--quick`` leaves the stacks out, which take most of that, ``--full`` looks at each for ten
minutes once it has filled its home for five. The load tells of a busy machine.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
from typing import Any, NamedTuple

from commits import HERE, checked_out

BASE = "ab8860e"
TICKS, KILLS, ORDERS = "100", "30", "10"
SHORT = ("--fill-minutes", "3", "--minutes", "2.2")
ROW = re.compile(
    r"^(?P<what>.+?)\s+p50\s+(?P<p50>[\d.]+)\s+p90\s+[\d.]+\s+p99\s+(?P<p99>[\d.]+)", re.MULTILINE
)
KILL = re.compile(r"^begun to last cancel: p50 \d+ ms, p99 (?P<p99>\d+) ms", re.MULTILINE)


class Figure(NamedTuple):
    """A figure, its target (no more than), and the unit of both."""

    what: str
    measured: float
    target: float
    unit: str

    @property
    def line(self) -> str:
        verdict = "met" if self.measured <= self.target else "missed"
        verdict = "not measured" if math.isnan(self.measured) else verdict
        return f"{self.what:<44} {self.measured:>9.2f}  <= {self.target:<7g} {self.unit:<12} {verdict}\n"


def output_of(script: str, *arguments: str) -> str:
    """Run a benchmark, show what it prints, and return that."""
    command = [sys.executable, str(HERE / "benchmarks" / script), *arguments]
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    done = subprocess.run(command, cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout + (f"{script} failed, see above\n" if done.returncode else ""))
    sys.stdout.flush()
    return done.stdout


def tick_figures(told: str) -> list[Figure]:
    """Return the runner's figures of a tick; those of the clients beside it have no target."""
    found = [row for row in ROW.finditer(told) if row["what"].startswith("runner, ")]
    targets = {"p50": 2.0, "p99": 10.0}
    return [
        Figure(
            f"tick to exit order, {row['what'].removeprefix('runner, ')}, {which}",
            float(row[which]),
            most,
            "ms",
        )
        for row in found
        for which, most in targets.items()
    ]


def kill_figures(told: str) -> list[Figure]:
    return [
        Figure("kill to last cancel accepted, p99", float(row["p99"]), 500.0, "ms")
        for row in KILL.finditer(told)
    ]


def stack_figures(told: str) -> list[Figure]:
    """Shares of the first stack in the second one's figures."""
    stacks = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    if len(stacks) != 2:
        return []
    ours, theirs = stacks
    names = {
        "bar close to intent, p50": ("close_to_intent_p50_seconds", 0.25),
        "memory of a stack at rest (PSS)": ("pss_mb_median", 1.0),
        "CPU of a stack at rest": ("cpu_cores", 0.7),
    }
    return [
        Figure(what, _share(ours, theirs, field), most, f"x {BASE}") for what, (field, most) in names.items()
    ]


def _share(ours: dict[str, Any], theirs: dict[str, Any], field: str) -> float:
    return math.nan if None in (ours[field], theirs[field]) else ours[field] / theirs[field]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", default=BASE, help="commit that a stack is compared with")
    parser.add_argument("--quick", action="store_true", help="leave the stacks out")
    parser.add_argument("--full", action="store_true", help="look at each stack for ten minutes")
    given = parser.parse_args()
    figures = tick_figures(output_of("tick_to_exit.py", TICKS))
    figures += kill_figures(output_of("kill.py", KILLS, ORDERS))
    if not given.quick:
        with checked_out(given.against) as place:
            figures += stack_figures(
                output_of("stack_memory.py", "--against", str(place), *(() if given.full else SHORT))
            )
    sys.stdout.write(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    sys.stdout.writelines(one.line for one in figures)


if __name__ == "__main__":
    main()
