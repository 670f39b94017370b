"""Where the time of a recovery goes: seconds of wall and of processors to each step of the next runner.

    PYTHONPATH=. python benchmarks/recovery_steps.py 10

The stage is that of ``random_kills.py``. Told are medians over the kills, each step counted from the start of
the process: the lock, which comes when all is imported and the exchange's time is known; the account at the
venue; equal books; bars. Processors are the runner's own, and those of the processes that it started.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until

STEPS = (
    "session opened",
    "account opened",
    "books agree with the venue",
    "history loaded",
    "deployment taken up",
)
_TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """Seconds from the start of a process: by the wall, of its own processor time, of its children's."""

    wall: float
    own: float
    children: float


def processor_seconds(pid: int) -> float:
    """Processor time of a process, user and system; 0 once it has gone."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / _TICKS


def children_of(pid: int) -> list[int]:
    """Processes that any of its threads started."""
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def follow(stage: Stage, pid: int, begun: float, seen: int) -> dict[str, Spent]:
    """Watch a runner's log from a line on until it has taken every step; what each had cost."""
    steps, children = dict[str, Spent](), dict[int, float]()
    while len(steps) < len(STEPS):
        for child in children_of(pid):
            children[child] = max(children.get(child, 0.0), processor_seconds(child))
        lines = stage.log().splitlines()[seen:]
        for message in (json.loads(line)["message"] for line in lines if line.startswith("{")):
            if message in STEPS and message not in steps:
                spent = Spent(time.monotonic() - begun, processor_seconds(pid), sum(children.values()))
                steps[message] = spent
        if time.monotonic() - begun > 300.0:
            raise TimeoutError(f"only {list(steps)} within 300 s")
        time.sleep(0.01)
    return steps


def play(stage: Stage, n_kills: int) -> list[dict[str, Spent]]:
    """Kill a runner that holds something so many times, and follow the next one."""
    runner, found = stage.start(), list[dict[str, Spent]]()
    for _ in range(n_kills):
        n_fills = stage.n_fills()
        trade_until(stage, lambda n_fills=n_fills: stage.n_fills() > n_fills and stage.is_holding())  # type: ignore[misc]
        stage.end(runner)
        seen, begun = len(stage.log().splitlines()), time.monotonic()
        runner = stage.start()
        found.append(follow(stage, runner.pid, begun, seen))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=10)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        found = play(stage, chosen.kills)
    for step in STEPS:
        wall, own, children = (statistics.median(one[step][at] for one in found) for at in range(3))
        processors = f"processors {own:5.2f} s of the runner, {children:5.2f} s of its children"
        sys.stdout.write(f"{step:<28} wall {wall:5.2f} s, {processors}\n")
    sys.stdout.write(f"{len(found)} kills, load {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main()
