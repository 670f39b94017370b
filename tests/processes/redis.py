"""Redis beside the live runner and the collector: emptied, killed, frozen, started again.

    python -m tests.processes.redis --rounds 2

Trading goes on through each of them, PostgreSQL stands in, and Redis is used again once it is back.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from tests.integration.redis_server import RedisServer, redis_server
from tests.integration.runner.world import rows
from tests.processes.outcome import Round, finish, told
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

_SERVES = "select detail->'cache'->>'serves' from ops.heartbeats where service = 'collector'"


class Fault(NamedTuple):
    """What happens to Redis, how it ends, and how long it stands."""

    name: str
    strike: Callable[[RedisServer], None]
    mend: Callable[[RedisServer], None] = lambda _server: None
    seconds: float = 3.0
    is_away: bool = True
    """Whether PostgreSQL has to stand in until it is mended."""


def _flush(server: RedisServer) -> None:
    with contextlib.closing(Redis.from_url(server.url)) as client:
        client.flushall()


def _restart(server: RedisServer) -> None:
    server.kill()
    server.start()


FLUSHED = Fault("FLUSHALL", _flush, is_away=False)
KILLED = Fault("killed", RedisServer.kill, RedisServer.start)
FROZEN = Fault(
    "frozen", lambda one: one.send(signal.SIGSTOP), lambda one: one.send(signal.SIGCONT), seconds=5.0
)
SHORT = (FLUSHED._replace(seconds=0.5), KILLED._replace(seconds=1.5))
LONG = (
    FLUSHED,
    KILLED,
    FROZEN,
    FROZEN._replace(name="frozen for 30 s", seconds=30.0),
    Fault("restarted", _restart, is_away=False),
)


def serves(stage: Stage) -> str:
    """What the collector's live state and events go through."""
    found = rows(stage.engine, _SERVES)
    return str(found[0][0]) if found else ""


def strike(stage: Stage, server: RedisServer, fault: Fault) -> Round:
    """Let a fault meet them while they trade; each has to fill an order meanwhile."""
    trade_until(stage, stage.is_holding)
    n_fills, begun, violations = stage.n_fills(), time.monotonic(), list[str]()
    fault.strike(server)
    trade_until(stage, lambda: stage.n_fills() > n_fills and stage.agreement.holds())
    time.sleep(max(0.0, fault.seconds - (time.monotonic() - begun)))
    if fault.is_away:
        wait_until(lambda: serves(stage) == "postgres", 10.0, is_needed=False)
        violations += [] if serves(stage) == "postgres" else ["PostgreSQL does not stand in"]
    away = time.monotonic() - begun
    fault.mend(server)
    back = time.monotonic()
    wait_until(lambda: serves(stage) == "redis", 30.0, is_needed=False)
    violations += [] if serves(stage) == "redis" else ["Redis is not used again"]
    return Round(f"redis {fault.name}", away, time.monotonic() - back, tuple(violations))


def play(stage: Stage, server: RedisServer, faults: tuple[Fault, ...]) -> list[Round]:
    """Let a runner and a collector meet all of them, in one life."""
    stage.more |= {"QUANT_REDIS_URL": server.url}
    processes, rounds = [stage.start("collector"), stage.start()], list[Round]()
    wait_until(lambda: serves(stage) == "redis")
    for fault in faults:
        rounds.append(strike(stage, server, fault))
        rounds[-1].say()
        if ended := [code for one in processes if (code := one.ended()) is not None]:
            raise RuntimeError(f"a process ended with {ended[0]} after: {fault.name}")
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, redis_server() as server, staged(Path(folder)) as stage:
        try:
            rounds = play(stage, server, LONG * chosen.rounds)
        except BaseException:
            sys.stderr.write(stage.explain())
            raise
        document = told(stage, rounds)
        if document["lives"] != 1:
            document["violations"].append(f"{document['lives']} lives of the runner; expected one")
    finish(document)


if __name__ == "__main__":
    main()
