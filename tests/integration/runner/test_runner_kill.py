import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from live_runner.process.runner import Runner
from quant_pipelines.core.timeframes import from_ms
from tests.integration.runner.world import (
    DEPLOYED,
    HISTORY_START,
    KILL_BARS,
    LADDER,
    OTHER_SYMBOL,
    SWITCH,
    TABLES,
    books,
    execute,
    rows,
    surroundings,
    world,
)

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[3]
PLACE = {"history_start": HISTORY_START, "created_at": DEPLOYED}

KILLS = {
    "before the intent is written": ("statement", "insert into trading.intents", 2),
    "before the intent is committed": ("commit", "insert into trading.intents", 2),
    "after the commit, before the order is marked as sent": (
        "after commit",
        "insert into trading.intents",
        2,
    ),
    "before the mark is committed": ("commit", "update trading.orders set status", 1),
    "between the fill's row and the position's": ("statement", "insert into trading.positions", 20),
    "before a fill is committed": ("commit", "insert into trading.fills", 1),
    "after a fill is committed": ("after commit", "insert into trading.fills", 1),
    "while a new epoch opens": ("commit", "insert into trading.epochs", 0),
    "during recovery": ("statement", "from trading.checkpoints", 0),
}


def run_process(database_url: str, start: datetime, kill: tuple[str, str, int]) -> tuple[int, datetime]:
    """Exit code, and the market's time when the process ended."""
    arguments = [database_url, start.isoformat(), *map(str, kill)]
    command = [sys.executable, "-m", "tests.integration.runner.killed_process", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    times = [int(line) for line in done.stdout.split() if line.isdigit()]
    return done.returncode, from_ms(times[-1]) if times else start


def uninterrupted(engine: Engine, database_url: str) -> dict[str, list[Any]]:
    """Books of a runner that nothing happened to; the tables are empty again afterwards."""
    asyncio.run(world(engine, database_url, n_bars=KILL_BARS).play())
    expected = books(engine)
    for table in TABLES:
        execute(engine, f"delete from trading.{table}")  # noqa: S608 - our own tables
    return expected


@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", [SWITCH, LADDER], ids=["target", "orders that rest"])
def test_kill_9_at_any_point_leaves_the_books_of_an_uninterrupted_run(
    engine: Engine, database_url: str, deploy: Callable[..., int], source: str
) -> None:
    deploy(source, **PLACE)
    expected = uninterrupted(engine, database_url)
    now = DEPLOYED
    for point, kill in KILLS.items():
        code, now = run_process(database_url, now, kill)
        assert code == -signal.SIGKILL, f"not killed {point}"
        unexplained = (
            "select count(*) from trading.fills left join trading.intents using (client_order_id) "
            "where reason <> 'hard_stop' and committed_at is null"
        )
        assert rows(engine, unexplained) == [(0,)], point
        now += timedelta(seconds=3)
    code, _ = run_process(database_url, now, ("never", "", 0))
    found = books(engine)
    assert code == 0
    assert len(expected["fills"]) > 20
    for name, table in expected.items():
        assert found[name] == table, name
    assert rows(engine, "select count(*) from trading.epochs")[0][0] == len(KILLS) + 1


def test_connections_killed_in_mid_run_lose_nothing(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    deploy(SWITCH, symbol=OTHER_SYMBOL, **PLACE)
    expected = uninterrupted(engine, database_url)
    played = world(engine, database_url, n_bars=KILL_BARS)

    async def play_and_cut() -> int:
        playing = asyncio.create_task(played.play())
        for booked in (20, 60, 100):
            while rows(engine, "select count(*) from trading.equity")[0][0] < 2 * booked:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            execute(
                engine,
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()",
            )
        await playing
        return int(rows(engine, "select count(*) from trading.epochs")[0][0])

    n_epochs = asyncio.run(play_and_cut())
    assert n_epochs >= 1 + 1 + 3
    assert books(engine) == expected


def test_a_second_runner_stands_by_until_the_first_one_is_gone(
    engine: Engine, database_url: str, deploy: Callable[..., int]
) -> None:
    deploy(SWITCH, **PLACE)
    first = world(engine, database_url, n_bars=140)
    later = DEPLOYED + timedelta(minutes=21)
    second = world(engine, database_url, start=later, n_bars=KILL_BARS)

    async def both() -> tuple[int, int]:
        stopping = asyncio.Event()
        running = asyncio.create_task(Runner(surroundings(first, "test:first")).run(stopping))
        await first.time.finished.wait()
        following = asyncio.create_task(second.play())
        standing_by = "select count(*) from ops.heartbeats where service = 'live_runner_standby'"
        while rows(engine, standing_by) == [(0,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        booked = rows(engine, "select count(*) from trading.equity")[0][0]
        stopping.set()
        await running
        await following
        return booked, rows(engine, "select count(*) from trading.epochs")[0][0]

    assert asyncio.run(both()) == (20, 2)
    assert rows(engine, "select count(*) from trading.equity") == [(KILL_BARS - 120,)]
    assert rows(engine, "select count(distinct epoch) from trading.intents") == [(2,)]
