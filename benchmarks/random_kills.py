"""Kills a real runner by SIGKILL at seeded times around the ends of minutes, and measures its recovery.

    PYTHONPATH=. python benchmarks/random_kills.py 200 --seed 1

PostgreSQL, the simulated venue and the runner, as it is shipped, are processes of their own; the position
changes size, stop and side from minute to minute, and each runner has traded before it is killed. A time is
drawn from the seconds in which a minute's end is decided on, sent, filled, covered and booked. The seconds
from each kill until the rows agree with the venue's ledger and what is held is covered are told; at the end
every fill, the wallet and the position must be the same to the last digit. The last line is JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.integration.runner.venue_world import assert_books_equal
from tests.integration.runner.world import rows
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

BUSY_SECONDS = 3.0
"""How long after a skip the end of the minute, and all that follows it, takes."""
SLOWEST_SECONDS = 5.0
"""What the 99th percentile of recoveries must stay below."""

ANY_LOSS = {"QUANT_RISK__MAX_DAILY_LOSS_FRACTION": "1"}
"""So many turns of a position cost more in fees than a day may lose: behind that nothing would be traded."""


def play(stage: Stage, n_kills: int, chance: random.Random) -> list[float]:
    """Kill so many times; the seconds from each kill until the books agreed again."""
    seconds, runner = list[float](), stage.start()
    for number in range(n_kills):
        n_fills = stage.n_fills()
        trade_until(stage, lambda n_fills=n_fills: stage.n_fills() > n_fills and stage.is_holding())  # type: ignore[misc]
        stage.skip_minute()
        time.sleep(at := chance.uniform(0.0, BUSY_SECONDS))
        n_lives = stage.n_lives()
        stage.end(runner)
        begun, runner = time.monotonic(), stage.start()
        wait_until(lambda n_lives=n_lives: stage.n_lives() > n_lives and stage.agreement.holds())  # type: ignore[misc]
        seconds.append(time.monotonic() - begun)
        sys.stdout.write(f"{number}: {at:.3f} s behind a skip, books agree {seconds[-1]:5.2f} s\n")
        sys.stdout.flush()
    return seconds


def percentile(seconds: list[float], share: float) -> float:
    """Smallest value that so large a share does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        stage.more |= ANY_LOSS
        try:
            seconds = play(stage, chosen.kills, random.Random(chosen.seed))  # noqa: S311 - it must be the same again
        except BaseException:
            sys.stderr.write("\n".join(stage.log().splitlines()[-60:]))
            raise
        assert_books_equal(stage.engine, stage.agreement.ledger)
        halts = rows(stage.engine, "select message from ops.alerts where severity = 'halt'")
        n_fills = len(stage.agreement.ledger.fills())
    slowest = {f"p{share}_seconds": round(percentile(seconds, share / 100), 3) for share in (50, 99)}
    told = {"kills": len(seconds), "seed": chosen.seed, "fills": n_fills, "halts": len(halts), **slowest}
    sys.stdout.write(f"{json.dumps(told)}\n")
    if halts or slowest["p99_seconds"] >= SLOWEST_SECONDS:
        sys.exit(f"halted: {halts}; the 99th percentile must be below {SLOWEST_SECONDS} s")


if __name__ == "__main__":
    main()
