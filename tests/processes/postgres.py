"""PostgreSQL under the live runner: killed, frozen, shut down in mid-transaction, its connections reset.

    python -m tests.processes.postgres --rounds 2

Each fault meets a runner that holds a position and has its books equal; for half of them a transaction of
the runner's is open. While the database is away nothing may be opened, and what is held stays covered.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests.integration.runner.world import execute, rows
from tests.processes.outcome import Round, finish, told, watched
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

_WAITS = "select count(*) from pg_locks where not granted and relation = 'trading.orders'::regclass"
_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where pid <> pg_backend_pid() and backend_type = 'client backend'"
)
_ALERTS = "select count(*) from ops.alerts where source = 'outage:database'"
_BEAT = "select detail->>'epoch', at from ops.heartbeats where service = 'live_runner'"
_SLOW_SECONDS = 7.0
"""A database that is frozen for longer is told of: a sign of life waits for it for five of them."""
_NOTHING: Callable[[Stage], None] = lambda _stage: None  # noqa: E731


class Fault(NamedTuple):
    """What happens to the database, how long it stands, and how it ends."""

    name: str
    strike: Callable[[Stage], None]
    mend: Callable[[Stage], None] = _NOTHING
    seconds: float = 0.0
    is_mid_transaction: bool = False
    may_open: bool = False
    """Whether the runner may go on meanwhile: the sessions that it has are served."""
    is_told: bool = False
    """Whether it lasts so long that people must be told."""


def _start(stage: Stage) -> None:
    stage.server.start()


def _shut(number: signal.Signals) -> Callable[[Stage], None]:
    def strike(stage: Stage) -> None:
        stage.server.send(number)
        stage.server.wait()

    return strike


def _restart_from_smart(stage: Stage) -> None:
    """A smart shutdown waits for sessions: an operator hastens it."""
    stage.server.send(signal.SIGINT)
    stage.server.wait()
    stage.server.start()


def _end_sessions(stage: Stage) -> None:
    with contextlib.suppress(Exception):
        execute(stage.engine, _SESSIONS)


def _lose_answers(stage: Stage) -> None:
    stage.relay.mute()
    stage.skip_minute()
    time.sleep(2.5)


KILLED = Fault("killed", lambda stage: stage.server.kill(), _start, 4.0, is_told=True)
RESET = Fault("connections reset", lambda stage: stage.relay.reset())


def _frozen(seconds: float) -> Fault:
    name, is_told = f"frozen for {seconds:g} s", seconds > _SLOW_SECONDS
    return Fault(
        name, lambda one: one.server.freeze(), lambda one: one.server.thaw(), seconds, is_told=is_told
    )


SHORT = (KILLED._replace(name="killed in mid-transaction", is_mid_transaction=True, seconds=3.5), RESET)
LONG = (
    KILLED,
    KILLED._replace(name="killed in mid-transaction", is_mid_transaction=True),
    *(_frozen(seconds) for seconds in (5.0, 15.0, 60.0)),
    _frozen(8.0)._replace(name="frozen in mid-transaction", is_mid_transaction=True),
    Fault(
        "smart shutdown", lambda one: one.server.send(signal.SIGTERM), _restart_from_smart, 4.0, may_open=True
    ),
    Fault(
        "fast shutdown in mid-transaction",
        _shut(signal.SIGINT),
        _start,
        4.0,
        is_told=True,
        is_mid_transaction=True,
    ),
    Fault(
        "immediate shutdown in mid-transaction",
        _shut(signal.SIGQUIT),
        _start,
        4.0,
        is_told=True,
        is_mid_transaction=True,
    ),
    Fault("sessions ended", _end_sessions),
    RESET,
    RESET._replace(name="connections reset in mid-transaction", is_mid_transaction=True),
    Fault("answers lost, then connections reset", _lose_answers, lambda one: one.relay.reset()),
)


@contextmanager
def _mid_transaction(stage: Stage) -> Iterator[None]:
    """Hold up the transaction in which the runner writes its next order, and then let go of it."""
    held = psycopg.connect(stage.server.embedded.url())
    try:
        held.execute("lock table trading.orders in share mode")
        trade_until(stage, lambda: rows(stage.engine, _WAITS)[0][0])
        yield
    finally:
        with contextlib.suppress(psycopg.Error):
            held.close()


def strike(stage: Stage, fault: Fault) -> Round:
    """Let a fault meet the runner, and wait until its books agree and it trades again."""
    trade_until(stage, stage.is_holding)
    n_alerts, begun = rows(stage.engine, _ALERTS)[0][0], time.monotonic()
    with _mid_transaction(stage) if fault.is_mid_transaction else contextlib.nullcontext():
        fault.strike(stage)
        violations = watched(stage, fault.seconds, may_open=fault.may_open)
    away = time.monotonic() - begun
    fault.mend(stage)
    back, n_fills, sign = time.monotonic(), stage.n_fills(), rows(stage.engine, _BEAT)
    wait_until(lambda: rows(stage.engine, _BEAT) != sign and stage.agreement.holds())
    agreed = time.monotonic() - back
    trade_until(stage, lambda: stage.n_fills() > n_fills and stage.is_holding())
    if fault.is_told and rows(stage.engine, _ALERTS)[0][0] == n_alerts:
        violations += ("nobody was told that the database was away",)
    return Round(fault.name, away, agreed, violations)


def play(stage: Stage, faults: tuple[Fault, ...]) -> list[Round]:
    """Let one runner meet all of them."""
    runner, rounds = stage.start(), list[Round]()
    for fault in faults:
        rounds.append(strike(stage, fault))
        rounds[-1].say()
        if (code := runner.ended()) is not None:
            raise RuntimeError(f"the runner ended with {code} after: {fault.name}")
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        try:
            rounds = play(stage, LONG * chosen.rounds)
        except BaseException:
            sys.stderr.write(stage.explain())
            raise
        document = told(stage, rounds, n_alerts=rows(stage.engine, _ALERTS)[0][0])
    finish(document)


if __name__ == "__main__":
    main()
