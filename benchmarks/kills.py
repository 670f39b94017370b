"""Kills a real runner by SIGKILL at calls of its journal and requests to its venue, one after the other.

    PYTHONPATH=. python benchmarks/kills.py 30

PostgreSQL, the simulated venue and the runner are processes of their own. The position changes size, stop and
side from minute to minute; minutes are skipped but for their ends. After each kill the next runner has to
bring its rows in line with the venue's ledger and to cover what is held, before it is killed in turn; at the
end every fill, the wallet and the position must be the same to the last digit. The last line is JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.boundaries import DEATHS, Boundary, Cell
from tests.integration.runner.venue_world import assert_books_equal
from tests.integration.runner.world import rows
from tests.processes.process import SkippedProcess
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

STARTING = (
    Boundary("journal", "open_epoch"),
    Boundary("journal", "read_book"),
    Boundary("net", "GET /fapi/v1/userTrades"),
)
"""What every start calls."""
TRADING = (
    Boundary("journal", "book with an order"),
    Boundary("journal", "follow_order SUBMITTED"),
    Boundary("net", "POST /fapi/v1/order entry"),
    Boundary("journal", "follow_order FILLED"),
    Boundary("journal", "receive fills"),
    Boundary("journal", "add_order stop"),
    Boundary("net", "POST /fapi/v1/algoOrder closing stop"),
    Boundary("net", "POST /fapi/v1/algoOrder stop of a quantity"),
    Boundary("net", "GET /fapi/v1/algoOrder"),
    Boundary("journal", "follow_order ACCEPTED"),
    Boundary("net", "DELETE /fapi/v1/algoOrder"),
    Boundary("journal", "follow_order CANCELED"),
)
"""What an order and its stop call."""


class Kill(NamedTuple):
    """Where a runner dies, and whether it is told so before it starts, or once its books agree."""

    cell: Cell
    is_told_first: bool


class Runner(SkippedProcess):
    """A runner's process that dies at a call."""

    def __init__(self, stage: Stage, cell: Cell | None) -> None:
        module, url = "tests.integration.runner.killed_boundary", stage.server.embedded.url()
        arguments = (module, url, stage.venue.address, json.dumps(cell))
        super().__init__(arguments, stage.venue.clock, stage.logs / "runner.log")
        self.tell_time()

    def arm(self, cell: Cell) -> None:
        """Have it die at a call from now on."""
        self.tell(f"arm {json.dumps(cell)}")

    def tell_time(self) -> None:
        """Have it live by the venue's clock as it is now."""
        self.tell(f"ahead {self._clock.ahead_ms}")


def kills() -> Iterator[Kill]:
    """Every kill, those of a start among the others."""
    for how in DEATHS:
        for at, boundary in enumerate(TRADING):
            if at % 4 == 0:
                yield Kill(Cell(STARTING[at // 4], 1, how), is_told_first=True)
            yield Kill(Cell(boundary, 1, how), is_told_first=False)


def play(stage: Stage, n_kills: int) -> list[tuple[Cell, float]]:
    """Kill so many times; the seconds from each kill until the books agreed again."""
    outcomes: list[tuple[Cell, float]] = []
    planned = list(kills())[:n_kills]
    runner = Runner(stage, None)
    try:
        for kill in planned:
            if kill.is_told_first:
                runner.end()
                runner = Runner(stage, kill.cell)
                wait_until(runner.died)
            else:
                trade_until(runner, stage.agreement.holds)
                runner.arm(kill.cell)
                trade_until(runner, runner.died)
            runner.end()
            begun, n_lives, runner = time.monotonic(), stage.n_lives(), Runner(stage, None)
            wait_until(lambda n_lives=n_lives: stage.n_lives() > n_lives and stage.agreement.holds())  # type: ignore[misc]
            outcomes.append((kill.cell, time.monotonic() - begun))
            sys.stdout.write(f"{kill.cell!s:<75} books agree {outcomes[-1][1]:5.2f} s\n")
            sys.stdout.flush()
    finally:
        runner.end()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=30)
    n_kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        try:
            outcomes = play(stage, n_kills)
        except BaseException:
            sys.stderr.write("\n".join(stage.log().splitlines()[-60:]))
            raise
        assert_books_equal(stage.engine, stage.agreement.ledger)
        halts = rows(stage.engine, "select message from ops.alerts where severity = 'halt'")
        n_fills = len(stage.agreement.ledger.fills())
    seconds = sorted(after for _, after in outcomes)
    told = {"kills": len(outcomes), "fills": n_fills, "halts": len(halts), "slowest_seconds": seconds[-1]}
    sys.stdout.write(f"{json.dumps(told)}\n")
    if halts:
        sys.exit(f"halted: {halts}")


if __name__ == "__main__":
    main()
