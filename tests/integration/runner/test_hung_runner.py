"""A writer that hangs is ended by its supervisor, a second one takes over, and what wakes sends nothing."""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.stack.ports import answers, free_port
from quant_pipelines.stack.process import Command
from quant_pipelines.stack.service import Service, always_ready
from quant_pipelines.stack.supervisor import Patience, Supervisor
from tests.integration.runner.test_runner_process import wait_for
from tests.integration.runner.venue_world import FLIP, Ledger, assert_books_equal, deploy_canary
from tests.integration.runner.world import rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]

RUNNERS = ("runner", "second")
HUNG_SECONDS = 8.0
WRITER = (
    "select (detail->>'pid')::int, (detail->>'epoch')::int from ops.heartbeats where service = 'live_runner'"
)
STANDBY = "select (detail->>'pid')::int from ops.heartbeats where service = 'live_runner_standby'"
END_SESSION = (
    "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted "
    "and mode = 'ExclusiveLock' "
    "and database = (select oid from pg_database where datname = current_database())"
)


@dataclass
class Pair:
    """A venue and two real runners under the real supervisor, and what it says of them."""

    engine: Engine
    home: Path
    environment: dict[str, str]
    hung_seconds: float = HUNG_SECONDS
    port: int = field(default_factory=free_port)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.home)
        self.environment |= {"QUANT_EXCHANGE__BASE_URL": f"http://127.0.0.1:{self.port}"}

    def play(self, scenario: Callable[["Pair"], None]) -> None:
        """Play the scenario while the supervisor works, which is this thread's."""

        def course() -> None:
            try:
                scenario(self)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        played: list[Future[None]] = []
        pool = ThreadPoolExecutor(1)
        Supervisor(
            [self._venue(), *(self._runner(name) for name in RUNNERS)],
            announce=self.said.append,
            on_change=lambda _services: None,
            on_all_ready=lambda: played.append(pool.submit(course)),
            patience=Patience(hung=self.hung_seconds),
        ).run()
        for one in played:
            one.result()

    def writer(self) -> tuple[int, int]:
        """Process and epoch of the runner that trades."""
        pid, epoch = wait_for(lambda: rows(self.engine, WRITER), 60)[0]
        return int(pid), int(epoch)

    def stands_by(self) -> bool:
        """Whether another process than the writer's waits for its place."""
        found = rows(self.engine, STANDBY)
        return bool(found) and found[0][0] != self.writer()[0]

    def takes_over(self, epoch: int) -> tuple[int, int]:
        """Wait until somebody trades in a later epoch, and what is held there is covered."""
        wait_for(lambda: self.writer()[1] > epoch, 60)
        wait_for(self._is_covered, 150)  # it enters at the close of a bar, of whole minutes
        return self.writer()

    def epochs_of_orders(self) -> list[int]:
        """Epoch of each order that the venue got, in order."""
        names = self.ledger.select("select client_id from orders where client_id like 'q%' order by number")
        return [int(name.split("-")[0][1:]) for (name,) in names]

    def books_agree(self) -> bool:
        """Whether everything that the venue did is booked: it goes on for as long as it is asked."""
        try:
            assert_books_equal(self.engine, self.ledger)
        except AssertionError:
            return False
        return True

    def _is_covered(self) -> bool:
        held = self.ledger.select("select quantity from positions where quantity <> 0")
        return bool(held) and bool(self.ledger.select("select 1 from algo_orders where status = 'NEW'"))

    def _venue(self) -> Service:
        arguments = ("quant_pipelines.simulator", "--port", str(self.port), "--home", str(self.home))
        command = self._command("simulator", *arguments)
        return Service("simulator", lambda: command, is_ready=lambda: answers(self.port))

    def _runner(self, name: str) -> Service:
        pulse = self.home / f"{name}.pulse"
        command = self._command(name, "live_runner", "--pulse", str(pulse))
        return Service(name, lambda: command, after=("simulator",), is_ready=always_ready, pulse=pulse)

    def _command(self, name: str, *module: str) -> Command:
        return Command(
            name, (sys.executable, "-P", "-m", *module), self.home / f"{name}.log", self.environment
        )


@pytest.fixture
def pair(engine: Engine, database_url: str, deploy: Callable[..., int], tmp_path: Path) -> Pair:
    deploy_canary(deploy, FLIP)
    mine = {name: value for name, value in os.environ.items() if not name.startswith("QUANT_")}
    mine |= {"QUANT_DATABASE_URL": database_url, "QUANT_HOME": str(tmp_path)}
    return Pair(engine, tmp_path, mine | {"QUANT_RUNNER__HEARTBEAT_SECONDS": "0.2"})


def test_writer_that_hangs_is_ended_and_its_standby_takes_over(pair: Pair) -> None:
    def scenario(pair: Pair) -> None:
        pid, epoch = pair.takes_over(0)
        wait_for(pair.stands_by, 60)
        os.kill(pid, signal.SIGSTOP)
        heir, _ = pair.takes_over(epoch)
        assert heir != pid
        wait_for(pair.stands_by, 60)  # the one that was ended has started again
        wait_for(pair.books_agree, 60)

    pair.play(scenario)
    hung = [line for line in pair.said if "hangs for 8 s; it is ended" in line]
    assert len(hung) == 1
    assert any("ended with signal SIGKILL" in line for line in pair.said)


def test_writer_that_wakes_after_its_lock_was_lost_sends_nothing(pair: Pair) -> None:
    def scenario(pair: Pair) -> None:
        pid, epoch = pair.takes_over(0)
        wait_for(pair.stands_by, 60)
        os.kill(pid, signal.SIGSTOP)
        assert rows(pair.engine, END_SESSION) == [(True,)]
        heir, later = pair.takes_over(epoch)
        n_before = len(pair.epochs_of_orders())
        os.kill(pid, signal.SIGCONT)
        assert heir != pid
        wait_for(lambda: len(pair.epochs_of_orders()) > n_before, 90)
        assert set(pair.epochs_of_orders()[n_before:]) == {later}
        wait_for(lambda: rows(pair.engine, STANDBY) == [(pid,)], 60)  # alive, and behind the heir
        wait_for(pair.books_agree, 60)

    pair.hung_seconds = 300.0  # it stands still for as long as its heir takes to enter: nobody is to end it
    pair.play(scenario)
    assert not any("hangs" in line for line in pair.said)
