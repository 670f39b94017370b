"""Kills the live runner at the steps of an order and measures how soon its supervisor has it back.

    python benchmarks/recovery.py 20

A supervised runner trades a position that changes its side every minute at the simulated venue. Each kill
falls on the next step: intent, submitted, filled, booked, stop accepted. Told are the seconds until the books
agree (position, orders and stop), counted from the kill, and until a stop covers the position, counted from
the start of the new process.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from quant_pipelines.stack.ports import answers, free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.process import Command
from quant_pipelines.stack.service import Service, always_ready
from quant_pipelines.stack.supervisor import Supervisor
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from tests.integration.runner.agreement import Agreement
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import FLIP, Ledger, deploy_canary
from tests.integration.runner.world import rows

OURS = {
    "intent": "select count(*) from trading.intents where purpose = 'target'",
    "submitted": "select count(*) from trading.orders join trading.intents using (client_order_id) "
    "where purpose = 'target' and status <> 'INITIALIZED'",
    "booked": "select count(*) from trading.fills",
}
VENUES = {
    "filled": "select count(*) from fills",
    "stop accepted": "select count(*) from algo_orders where close_position = 1",
}
STEPS = ("intent", "submitted", "filled", "booked", "stop accepted")
LONGEST_SECONDS = 150.0


@dataclass
class Course:
    """One stack that is killed again and again; the supervisor tells the runner's process."""

    engine: Any
    ledger: Ledger
    n_kills: int
    pid: int | None = None
    started: float = 0.0
    outcomes: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def _agreement(self) -> Agreement:
        return Agreement(self.engine, self.ledger)

    def on_change(self, services: list[dict[str, Any]]) -> None:
        pid = next(one["pid"] for one in services if one["name"] == "runner")
        if pid is not None and pid != self.pid:
            self.pid, self.started = pid, time.monotonic()

    def run(self) -> None:
        """Kill at each step in turn, then stop the supervisor."""
        try:
            self._until(lambda: self._count("filled") > 0 and self._agreement.holds())
            for number in range(self.n_kills):
                self._kill(STEPS[number % len(STEPS)])
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def _kill(self, step: str) -> None:
        before, pid = self._count(step), self.pid
        self._until(lambda: self._count(step) > before)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        self._until(lambda: self.pid != pid)
        self._until(self._agreement.is_covered)
        covered = max(0.0, time.monotonic() - self.started)
        self._until(self._agreement.holds)
        self.outcomes.append((step, time.monotonic() - killed, covered))
        sys.stdout.write(f"{step:<14} books agree {self.outcomes[-1][1]:5.2f} s  covered {covered:5.2f} s\n")
        sys.stdout.flush()

    def _count(self, step: str) -> int:
        found = self.ledger.select(VENUES[step]) if step in VENUES else rows(self.engine, OURS[step])
        return int(found[0][0])

    @staticmethod
    def _until(what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not what():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.005)


def recovery_times(log: Path) -> list[float]:
    """Seconds from each session's begin to the comparison of its books, as the runner's log tells."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    begun, times = None, []
    for line in lines:
        at = datetime.fromisoformat(line["at"])
        if line["message"] == "session opened":
            begun = at
        elif line["message"].startswith("books agree") and begun is not None:
            times.append((at - begun).total_seconds())
            begun = None
    return times


def services(home: Path, database_url: str, port: int) -> list[Service]:
    """A simulated venue and a runner."""
    venue = ("quant_pipelines.simulator", "--port", str(port), "--home", str(home))
    pulse = home / "runner.pulse"
    given = {"QUANT_DATABASE_URL": database_url, "QUANT_EXCHANGE__BASE_URL": f"http://127.0.0.1:{port}"}
    environment = os.environ | given | {"QUANT_HOME": str(home)}

    def service(name: str, *module: str, **options: Any) -> Service:
        command = Command(name, (sys.executable, "-m", *module), home / f"{name}.log", environment)
        return Service(name, lambda: command, **options)

    return [
        service("simulator", *venue, is_ready=lambda: answers(port)),
        service(
            "runner",
            *("live_runner", "--pulse", str(pulse)),
            after=("simulator",),
            is_ready=always_ready,
            pulse=pulse,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=20)
    n_kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with EmbeddedPostgres(home, free_port(), durable=False) as server:
            create_database(server.url("postgres"), "quant")
            engine = connect(server.url())
            migrate(engine)
            deploy_canary(lambda source, **more: insert_deployment_at(engine, source, more), FLIP)
            course = Course(engine, Ledger(home), n_kills)
            supervisor = Supervisor(
                services(home, server.url(), free_port()),
                announce=print,
                on_change=course.on_change,
                on_all_ready=threading.Thread(target=course.run, daemon=True).start,
            )
            supervisor.run()
            engine.dispose()
            tail = "\n".join((home / "runner.log").read_text().splitlines()[-60:])
            since_session = recovery_times(home / "runner.log")
    for name, column in (("books agree", 1), ("covered", 2)):
        worst = max((outcome[column] for outcome in course.outcomes), default=0.0)
        sys.stdout.write(f"{name}: {len(course.outcomes)} of {n_kills}, slowest {worst:.2f} s\n")
    sys.stdout.write(f"session opened to books agree: slowest {max(since_session):.2f} s\n")
    if len(course.outcomes) < n_kills:
        sys.exit(tail)


if __name__ == "__main__":
    main()
