"""Kills a real runner by SIGKILL at calls of its journal and requests to its venue, one after the other.

    PYTHONPATH=. python benchmarks/kills.py 30

PostgreSQL, the simulated venue and the runner are processes of their own. The position changes size, stop and
side from minute to minute; minutes are skipped but for their ends. After each kill the next runner has to
bring its rows in line with the venue's ledger and to cover what is held, before it is killed in turn; at the
end every fill, the wallet and the position must be the same to the last digit. The last line is JSON.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from tests.faults.boundaries import DEATHS, Boundary, Cell
from tests.integration.runner.agreement import Agreement
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import (
    FLIP,
    ROOT,
    Ledger,
    Venue,
    assert_books_equal,
    deploy_canary,
    simulator,
)
from tests.integration.runner.world import rows

_LONGEST_SECONDS = 120.0
_MINUTE_SECONDS = 6.0
"""How long a skipped minute's trade is waited for, before the next minute is skipped."""

SOURCE = FLIP.replace("bars.ts // 60_000 % 2 == 0, 1.0, -1.0", "").replace(
    "np.where()", "np.asarray([0.37, 1.0, -0.37, -1.0])[bars.ts // 60_000 % 4]"
)
"""Long and short, small and large in turn: entries, additions that move the stop, flips."""

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


class Stage(NamedTuple):
    """What is there all the time; ``log`` takes what the runners say."""

    engine: Engine
    database_url: str
    venue: Venue
    agreement: Agreement
    log: Path

    def n_lives(self) -> int:
        """How many runners have become the writer."""
        return int(rows(self.engine, "select count(*) from trading.epochs")[0][0])


class Runner:
    """A runner's process; it lives by the venue's clock."""

    def __init__(self, stage: Stage, cell: Cell | None) -> None:
        self._clock = stage.venue.clock
        module = "tests.integration.runner.killed_boundary"
        command = [sys.executable, "-m", module, stage.database_url, stage.venue.address, json.dumps(cell)]
        with stage.log.open("a") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=log, text=True)
        self._tell_time()

    def arm(self, cell: Cell) -> None:
        """Have it die at a call from now on."""
        self._tell(f"arm {json.dumps(cell)}")

    def skip_minute(self) -> None:
        """Go on shortly before the next minute's end."""
        self._clock.skip_minute()
        self._tell_time()

    def died(self) -> bool:
        """Whether it was killed; another end is an error."""
        code = self._process.poll()
        if code not in (None, -signal.SIGKILL):
            raise RuntimeError(f"the runner ended with {code}; expected it to be killed")
        return code is not None

    def end(self) -> None:
        """Kill it wherever it is."""
        self._process.kill()
        self._process.communicate()

    def _tell_time(self) -> None:
        self._tell(f"ahead {self._clock.ahead_ms}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            if not self.died():
                raise


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


def trade_until(runner: Runner, what: Callable[[], bool]) -> None:
    """Let minutes end until something is so."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {_LONGEST_SECONDS:.0f} s")
        runner.skip_minute()
        wait_until(what, _MINUTE_SECONDS, is_needed=False)


def wait_until(
    what: Callable[[], bool], seconds: float = _LONGEST_SECONDS, *, is_needed: bool = True
) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            if is_needed:
                raise TimeoutError(f"not within {seconds:.0f} s")
            return
        time.sleep(0.01)


@contextmanager
def staged(home: Path) -> Iterator[Stage]:
    """PostgreSQL and a venue, with one canary deployed."""
    with (
        EmbeddedPostgres(home, free_port(), durable=False) as server,
        simulator(home) as venue,
    ):
        create_database(server.url("postgres"), "quant")
        engine = connect(server.url())
        migrate(engine)
        deploy_canary(lambda source, **more: insert_deployment_at(engine, source, more), SOURCE)
        yield Stage(engine, server.url(), venue, Agreement(engine, Ledger(home)), home / "runner.log")
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=30)
    n_kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        try:
            outcomes = play(stage, n_kills)
        except BaseException:
            sys.stderr.write("\n".join(stage.log.read_text().splitlines()[-60:]))
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
