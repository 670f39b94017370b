"""Two runners for one account: one trades, the other waits; it takes over when the first one is killed.

    python -m tests.processes.two_runners --rounds 20

The lease is PostgreSQL's lock of the writer's session: a killed writer's is free as soon as the kernel has
closed its socket. Told are the seconds from the kill to the next writer's epoch, and to equal books.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.runner.world import rows
from tests.processes.outcome import Round, finish, told
from tests.processes.process import SkippedProcess
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

LEASE_SECONDS = 15.0
"""After so long the server forgets a writer that has not answered: a taking over never takes longer."""
_WRITER = "select writer from trading.epochs order by id desc limit 1"
_STANDBY = (
    "select (detail->>'pid')::int from ops.heartbeats where service = 'live_runner_standby' "
    "and at > (select max(started_at) from trading.epochs)"
)


def writer(stage: Stage) -> int:
    """Process that trades."""
    return int(rows(stage.engine, _WRITER)[0][0].rpartition(":")[2])


def take_over(stage: Stage, runners: list[SkippedProcess]) -> Round:
    """Kill the one that trades, and start another one behind it."""
    trade_until(stage, stage.is_holding)
    first = next(one for one in runners if one.pid == writer(stage))
    (second,) = (one for one in runners if one is not first)
    wait_until(lambda: rows(stage.engine, _STANDBY) == [(second.pid,)])
    violations, n_lives = [], stage.n_lives()
    runners.remove(first)
    stage.end(first)
    begun = time.monotonic()
    wait_until(lambda: stage.n_lives() > n_lives)
    taken = time.monotonic() - begun
    wait_until(stage.agreement.holds)
    agreed = time.monotonic() - begun
    if writer(stage) != second.pid:
        violations.append("another process than the one that waited has taken over")
    if taken > LEASE_SECONDS:
        violations.append(f"it took over after {taken:.1f} s")
    runners.append(stage.start())
    return Round("killed, and the second takes over", taken, agreed, tuple(violations))


def play(stage: Stage, n_rounds: int) -> list[Round]:
    """Kill the writer so many times."""
    n_lives, rounds = stage.n_lives(), list[Round]()
    runners = [stage.start(), stage.start()]
    wait_until(lambda: stage.n_lives() > n_lives)
    for _ in range(n_rounds):
        rounds.append(take_over(stage, runners))
        rounds[-1].say()
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        try:
            rounds = play(stage, chosen.rounds)
        except BaseException:
            sys.stderr.write(stage.explain())
            raise
        slowest = max(one.away_seconds for one in rounds)
        document = told(stage, rounds, slowest_takeover_seconds=round(slowest, 2))
    finish(document)


if __name__ == "__main__":
    main()
