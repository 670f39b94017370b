"""What a proof of processes plays on: PostgreSQL, the simulated venue, and the runners of one canary."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from tests.integration.runner.agreement import Agreement
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.venue_world import FLIP, Ledger, Venue, deploy_canary, simulator
from tests.integration.runner.world import rows
from tests.processes.process import SkippedProcess
from tests.processes.relay import Relay
from tests.processes.server import Server

SOURCE = FLIP.replace("bars.ts // 60_000 % 2 == 0, 1.0, -1.0", "").replace(
    "np.where()", "np.asarray([0.37, 1.0, -0.37, -1.0])[bars.ts // 60_000 % 4]"
)
"""Long and short, small and large in turn: entries, additions that move the stop, flips."""

_PACE = {
    "QUANT_RUNNER__DEPLOYMENT_POLL_SECONDS": "0.2",
    "QUANT_RUNNER__HEARTBEAT_SECONDS": "0.5",
    "QUANT_RUNNER__RECONCILE_SECONDS": "1.0",
}


@dataclass
class Stage:
    """What is there all the time; runners reach the database through the relay.

    Attributes
    ----------
    running
        Processes that are told the time.
    more
        What their environment has beside the addresses.
    logs
        Folder of what they say.
    """

    home: Path
    server: Server
    relay: Relay
    engine: Engine
    venue: Venue
    agreement: Agreement
    running: list[SkippedProcess] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    logs: Path = field(init=False)

    def __post_init__(self) -> None:
        self.logs = self.home

    def start(self, role: str = "runner") -> SkippedProcess:
        """Start a runner, or a collector."""
        clock = self.venue.clock
        arguments = ("tests.processes.skipped_process", role, str(clock.ahead_ms))
        process = SkippedProcess(arguments, clock, self.logs / f"{role}.log", self._environment())
        self.running.append(process)
        return process

    def end(self, process: SkippedProcess) -> None:
        """Kill a process."""
        self.running.remove(process)
        process.end()

    def skip_minute(self) -> None:
        """Go on shortly before the next minute's end, everybody."""
        self.venue.clock.skip_minute()
        for process in self.running:
            process.tell_time()

    def explain(self, role: str = "runner") -> str:
        """Last lines of a role's log, with what those that still run wait for."""
        for process in self.running:
            process.send(signal.SIGUSR1)
        time.sleep(2.0)
        return "\n".join(self.log(role).splitlines()[-400:])

    def log(self, role: str = "runner") -> str:
        """All that processes of a role said."""
        return (self.logs / f"{role}.log").read_text()

    def n_lives(self) -> int:
        """How often a runner has become the writer."""
        return int(rows(self.engine, "select count(*) from trading.epochs")[0][0])

    def n_fills(self) -> int:
        """How many fills the venue knows."""
        return int(self.agreement.ledger.select("select count(*) from fills")[0][0])

    def n_orders(self) -> int:
        """How many orders the venue got."""
        return int(self.agreement.ledger.select("select count(*) from orders")[0][0])

    def is_holding(self) -> bool:
        """Whether something is held, and the books agree on it."""
        return self.agreement.held() != Decimal(0) and self.agreement.holds()

    def _environment(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if not name.startswith("QUANT_")}
        url = self.server.embedded.url().replace(f":{self.server.port}/", f":{self.relay.port}/")
        given = {"QUANT_DATABASE_URL": url, "QUANT_HOME": str(self.home)}
        return mine | given | {"QUANT_EXCHANGE__BASE_URL": self.venue.address} | _PACE | self.more


@contextmanager
def staged(home: Path, *, source: str = SOURCE, tls: tuple[Path, Path] | None = None) -> Iterator[Stage]:
    """PostgreSQL and a venue, with one canary deployed; nobody trades it yet."""
    home.mkdir(exist_ok=True)
    server = Server(home)
    server.start()
    relay = Relay(server.port)
    with simulator(home, tls) as venue:
        create_database(server.embedded.url("postgres"), "quant")
        engine = connect(server.embedded.url())
        stage = Stage(home, server, relay, engine, venue, Agreement(engine, Ledger(home)))
        try:
            migrate(engine)
            deploy_canary(lambda text, **more: insert_deployment_at(engine, text, more), source)
            yield stage
        finally:
            for process in list(stage.running):
                stage.end(process)
            engine.dispose()
            relay.close()
            server.send(signal.SIGQUIT)
            server.wait()
            remove_place(home)
